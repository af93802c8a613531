// SPDX-License-Identifier: GPL-2.0-or-later
// gatehouse-steer: firmware's registers, the device's messages, line, seals, and its coming and
// going, in any order. Nothing outside private RAM is touched; without steering the device's
// messages are the guest's.
#include "hw/partition/steer.hh"

#include "tests/fuzz/ram_steps.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {
namespace {

using namespace partition;  // NOLINT

struct Device final : SteeredDevice {
  bool intx_apart() override { return apart; }
  bool checks_seals() override { return seals; }
  void use(const Steering& steering) override { used = steering; }
  void send(uint64_t, uint32_t) override { require(plugged, "only while it is plugged in"); }
  void set_line(bool) override { require(plugged, "only while it is plugged in"); }
  bool apart = true, seals = true, plugged = true;
  Steering used;
};

class Play {
 public:
  explicit Play(Input& input) : input_(input) {
    device_.apart = input.below(8) != 0;
    device_.seals = input.below(8) != 0;
    unit_.plugged();
    set_up(unit_);
    unit_.write(partition::steer::SLOTS, kTableAt, 8);
  }

  void run() {
    for (unsigned steps = 0; steps < 200 && !input_.empty(); ++steps) {
      step();
      require(ram_.outside == 0, "only private RAM was told to be written");
      require(unit_.slots() <= kIntxSlot, "no more slots than there are");
      require(device_.used == unit_.steering(), "the device knows what is in force");
    }
  }

 private:
  void step() {
    switch (input_.below(16)) {
      case 0:
        unit_.write(input_.below(kPage), input_.take<uint64_t>(), 1u << input_.below(4));
        break;
      case 1:
        unit_.write(kAddresses[input_.below(std::size(kAddresses))], take_address(input_), 8);
        break;
      case 2:
        unit_.write(kNumbers[input_.below(std::size(kNumbers))], input_.take(), 4);
        break;
      case 3:
        poke(input_, ram_);
        break;
      case 4:
        if (input_.below(4) == 0) unit_.reset();
        break;
      case 5:
        plug(unit_, device_, input_.flag());
        break;
      case 6:
        if (device_.plugged) unit_.device_reset();
        break;
      case 7:
        load_spoiled(unit_, saved_by(unit_), input_);
        break;
      case 8:
        unit_.write(partition::steer::SEALS, input_.flag() ? kShadowAt : 0, 8);
        unit_.write(partition::steer::SEAL_UNITS, 16, 4);
        unit_.write(partition::steer::SEAL_KEY, 1 + input_.take<uint64_t>() % kMaxSealKey, 8);
        break;
      case 9:
        unit_.write(partition::steer::STEER, input_.below(17), 4);
        static_cast<void>(commit(unit_, input_.below(3)));
        break;
      default:
        from_device();
        break;
    }
  }

  void from_device() {
    if (!device_.plugged) return;
    switch (input_.below(7)) {
      case 0:
        unit_.line(input_.flag());
        break;
      case 1:
        unit_.dma_denied();
        break;
      case 2:
      case 3:
        seal();
        break;
      case 5:
        for (uint32_t left = input_.below(100), data = input_.take(); left != 0; --left, ++data)
          static_cast<void>(unit_.message(0xfee0'0000, data));
        break;
      case 6:
        be_patient();
        break;
      default: {
        const bool steered = unit_.steering().bits & kSteerMsi;
        const bool taken = unit_.message(0xfee0'0000 + input_.below(8) * 4096, input_.below(80));
        require(taken == steered, "messages are firmware's when they are steered");
        break;
      }
    }
  }

  // Firmware lets messages wait, watches a descriptor's octet for them, takes some, or sleeps.
  void be_patient() {
    UnitControl& control = ram_.control(kControlAt);
    control.patient = input_.take<uint64_t>();
    control.watched = input_.flag() ? ~uint64_t{0} : input_.take<uint64_t>();
    control.patience = input_.take();
    control.armed = input_.below(3);
    control.index = input_.flag() ? kShadowAt : take_address(input_);
    control.octet = input_.flag() ? kShadowAt + 8 : take_address(input_);
    control.octet_mask = input_.take();
    control.pending &= input_.take<uint64_t>();
    if (interrupts_.looking != nullptr && input_.flag()) interrupts_.looking->look_again();
  }

  void seal() {
    if (unit_.steering().seals == 0) return;
    const unsigned queue = input_.below(2);
    const uint32_t ring_unit = input_.take<uint16_t>();
    const Bytes data = input_.octets(input_.below(64));
    if (input_.flag()) {
      static_cast<void>(unit_.seal_holds(queue, ring_unit, data));
    } else {
      unit_.seal_received(queue, ring_unit, data);
    }
  }

  static constexpr uint32_t kAddresses[] = {unit::CONTROL,
                                            unit::RING,
                                            unit::ARMED,
                                            partition::steer::SLOTS,
                                            partition::steer::DMA,
                                            partition::steer::DMA_OCTETS,
                                            partition::steer::SEALS,
                                            partition::steer::INJECT_ADDRESS};
  static constexpr uint32_t kNumbers[] = {unit::RING_RECORDS,
                                          unit::VECTOR,
                                          unit::TARGET,
                                          unit::COMMIT,
                                          partition::steer::STEER,
                                          partition::steer::SEAL_UNITS,
                                          partition::steer::INJECT_SLOT,
                                          partition::steer::INJECT_DATA,
                                          partition::steer::INJECT_INTX};
  Input& input_;
  FakeRam ram_;
  FakeInterrupts interrupts_;
  Device device_;
  Steer unit_{ram_, interrupts_, device_};
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  std::make_unique<Play>(input)->run();
}

}  // namespace gatehouse::fuzz
