// SPDX-License-Identifier: GPL-2.0-or-later
// The interceptor's rings in front of a hostile guest: registers, descriptors and buffers of any
// kind, changed also while firmware looks at them. What leaves was inspected as it leaves, what is
// refused reaches no buffer where frames are copied, the NIC reaches its rings in private memory
// and nothing else there, firmware comes to rest, and a driver
// that starts over has a NIC that works.
#include <array>
#include <memory>
#include <set>

#include "firmware/interceptor/flow_table.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/firmware/interceptor_rig.hh"

namespace gatehouse::fuzz {
namespace {

using namespace interceptor;  // NOLINT

constexpr unsigned kMostSteps = 48, kQueues = 2, kPackets = 192;
constexpr uint64_t kReceiveOctets = 0x30'0000;
// Drivers' rings and buffers.
constexpr unsigned kUnits = 64;
constexpr uint64_t kBuffer = 4096, kQueueBuffers = 0x40'0000;
// Stands in frames from the wire that must not be let pass.
constexpr std::array<uint8_t, 8> kSecret = {0x9e, 0x37, 0x79, 0xb9, 0x7f, 0x4a, 0x7c, 0x15};
constexpr size_t kSecretAt = 20;
constexpr size_t kTag = 4;  // which the NIC may have taken off
bool has_secret(const Bytes& frame) {
  const auto at = [&](size_t place) {
    return frame.size() >= place + kSecret.size() &&
           std::equal(kSecret.begin(), kSecret.end(),
                      frame.begin() + static_cast<ptrdiff_t>(place));
  };
  return at(kSecretAt) || at(kSecretAt - kTag);
}
// Of private memory what nobody uses.
constexpr uint64_t kUnusedBefore = kSharedAt, kUnusedBehind = kReceiveAt + kReceiveOctets;

// Lets pass what does not end in kMark and has no secret, and remembers it.
class Watcher final : public Inspector {
 public:
  Verdict inspect(const Frame& frame) override {
    Bytes octets(frame.octets);
    copy_out(frame, 0, octets.data(), frame.octets);
    if (octets.empty() || octets.back() == kMark || has_secret(octets)) return Verdict::kDrop;
    if (frame.direction == Direction::kTransmit) passed.insert(octets);
    flows.count(key_of(frame), frame.octets);
    return Verdict::kPass;
  }
  FlowTable flows;
  std::set<Bytes> passed;
};

// How frames are kept from changing after they were inspected; kInPlace: not at all.
enum class Mode { kInPlace, kSealed, kCopied, kCount };

class Play {
 public:
  explicit Play(Input& input)
      : input_(input),
        mode_(static_cast<Mode>(input.below(static_cast<uint32_t>(Mode::kCount)))),
        machine_(&watcher_, mode_ == Mode::kSealed, mode_ == Mode::kCopied ? kReceiveOctets : 0,
                 kPackets),
        drivers_{Driver(machine_, {.queue = 0, .format = take_format()}),
                 Driver(machine_, {.queue = 1, .format = take_format()})} {
    machine_.has_seals = mode_ == Mode::kSealed;
    require(machine_.interceptor.start(), "the interceptor takes over");
    for (Driver& driver : drivers_) driver.set_up();
    machine_.settle();
    machine_.on_access = [this] { meanwhile(); };
  }

  void run() {
    for (unsigned steps = 0; steps < kMostSteps && !input_.empty(); ++steps) {
      step(input_.below(12));
      if (input_.flag()) machine_.settle();
      look();
    }
    machine_.on_access = nullptr;
    machine_.settle();
    look();
    start_over();
  }

 private:
  Format take_format() { return kFormats[input_.below(std::size(kFormats))]; }
  Driver& driver() { return drivers_[input_.below(kQueues)]; }

  void step(unsigned which) {
    switch (which) {
      case 0:
        change_descriptor();
        break;
      case 1:
        machine_.set(take_register(), input_.flag() ? input_.take() : input_.take<uint32_t>());
        break;
      case 2:
        static_cast<void>(machine_.get(input_.below(0x20000) & ~3u));
        break;
      case 3:
      case 4:
        receive();
        break;
      case 5:
        driver().tail(reg::RDT, input_.below(kUnits + 2));
        break;
      case 6:
        machine_.advance(input_.take<uint32_t>() % 1'000'000'000);
        break;
      case 7:
        driver().set_up();
        break;
      case 8:
        if (machine_.cores.looking != nullptr) machine_.cores.looking->look_again();
        break;
      case 9:
        scribble();
        break;
      default:
        send();
        break;
    }
  }

  // The guest's other CPUs, while firmware accesses a register.
  void meanwhile() {
    if (input_.empty() || ++met_ > kMostMeetings || input_.below(16) != 0) return;
    const unsigned which = input_.below(3);
    which == 0 ? change_descriptor() : which == 1 ? scribble() : step(1);
  }

  void send() {
    Driver& one = driver();
    for (uint32_t frames = 1 + input_.below(8); frames != 0; --frames) {
      const uint8_t what = input_.take();
      Bytes frame = what & 1
                        ? numbered(what, 60 + input_.below(1400))
                        : vnic::rig::IpFrame{.v6 = (what & 2) != 0, .source_port = what}.build();
      if (input_.below(4) == 0) frame.back() = kMark;
      if (!one.send(frame, 1 + input_.below(3), input_.flag())) break;
    }
    if (input_.below(4) == 0) change_descriptor();
    one.doorbell();
  }

  void receive() {
    for (uint32_t frames = 1 + input_.below(8); frames != 0; --frames) {
      const uint8_t what = input_.take();
      Bytes frame = what & 1 ? numbered(what, 60 + input_.below(4000))
                             : vnic::rig::IpFrame{.v6 = (what & 2) != 0,
                                                  .udp = (what & 4) != 0,
                                                  .payload = input_.below(1400),
                                                  .vlan = (what & 8) != 0,
                                                  .source_port = what}
                                   .build();
      if (input_.below(4) == 0) {
        std::ranges::copy(kSecret, frame.begin() + kSecretAt);
      }
      machine_.receive(frame);
    }
  }

  uint32_t take_register() {
    const unsigned queue = input_.below(kQueues);
    const uint32_t registers[] = {reg::TDT(queue),    reg::RDT(queue),     reg::TDH(queue),
                                  reg::RDH(queue),    reg::TDLEN(queue),   reg::RDLEN(queue),
                                  reg::TDBAL(queue),  reg::RDBAL(queue),   reg::TDBAH(queue),
                                  reg::RDBAH(queue),  reg::TCTL,           reg::RCTL,
                                  reg::RFCTL,         reg::PSRCTL,         reg::CTRL,
                                  reg::RXDCTL(queue), reg::TXDCTL(queue),  reg::IMS,
                                  reg::ICR,           reg::MRQC,           alias_of(reg::TDT),
                                  alias_of(reg::RDT), alias_of(reg::TDBAL)};
    return registers[input_.below(std::size(registers))];
  }

  void change_descriptor() {
    const uint64_t ring = (input_.flag() ? Driver::kTxRing : Driver::kRxRing) +
                          input_.below(kQueues) * vnic::rig::kRingStride;
    uint8_t* at = machine_.at(ring + input_.below(66) * kRingUnit);
    switch (input_.below(4)) {
      case 0: {
        const uint64_t addresses[] = {partition::kRamBase,
                                      partition::kRamBase + kRealAt,
                                      partition::kPrivateBase - 16,
                                      partition::kMmioBase,
                                      0,
                                      input_.take<uint64_t>()};
        put<desc::ADDRESS>(at, addresses[input_.below(std::size(addresses))]);
        break;
      }
      case 1: {
        const Bytes octets = input_.octets(kRingUnit);
        std::copy(octets.begin(), octets.end(), at);
        break;
      }
      default:
        at[input_.below(kRingUnit)] = input_.take();
        break;
    }
  }

  // Into buffers that are on their way.
  void scribble() {
    const uint64_t buffers = input_.flag() ? Driver::kTxBuffers : vnic::rig::kBuffers;
    const uint64_t at =
        buffers + input_.below(kQueues) * kQueueBuffers + input_.below(kUnits) * kBuffer;
    machine_.at(at)[input_.below(128)] = input_.take();
  }

  void look() {
    require(machine_.memory.begin == 0 || machine_.memory.begin == partition::kRamBase + kRealAt,
            "the NIC reaches its rings");
    const uint64_t most = kReceiveAt + (mode_ == Mode::kCopied ? kReceiveOctets : 0) - kRealAt;
    require(machine_.memory.octets <= most, "and nothing behind them");
    for (const auto& sent : machine_.card.sent) {
      if (mode_ != Mode::kInPlace && !sent.offload.tso)
        require(was_passed(sent.bytes), "what leaves was inspected as it leaves");
    }
    machine_.card.sent.clear();
  }

  // But for what the NIC itself puts in: padding, and a tag. And it says PAUSE itself.
  bool was_passed(Bytes frame) const {
    constexpr std::array<uint8_t, 6> kPause = {0x01, 0x80, 0xc2, 0, 0, 1};
    if (frame.size() == 60 && std::equal(kPause.begin(), kPause.end(), frame.begin()) &&
        frame[12] == 0x88 && frame[13] == 0x08)
      return true;
    const auto bare = [&] {
      if (watcher_.passed.contains(frame)) return true;
      Bytes shorter = frame;
      while (frame.size() <= 60 && !shorter.empty() && shorter.back() == 0) {
        shorter.pop_back();
        if (watcher_.passed.contains(shorter)) return true;
      }
      return false;
    };
    if (bare()) return true;
    if (frame.size() < 18) return false;
    frame.erase(frame.begin() + 12, frame.begin() + 16);
    return bare();
  }

  void start_over() {
    const auto unused = [&](uint64_t from, uint64_t to) {
      static const std::array<uint8_t, partition::kPage> kZeros = {};
      for (; from < to; from += kZeros.size())
        if (std::memcmp(&machine_.hidden.memory[from], kZeros.data(), kZeros.size()) != 0)
          return false;
      return true;
    };
    require(unused(0, kUnusedBefore) && unused(kUnusedBehind, kPrivateOctets),
            "what nobody uses is as it was");
    for (unsigned queue = 0; queue < kQueues && mode_ == Mode::kCopied; ++queue) {
      const uint8_t* const buffers = machine_.at(vnic::rig::kBuffers + queue * kQueueBuffers);
      require(memmem(buffers, kUnits * kBuffer, kSecret.data(), kSecret.size()) == nullptr,
              "what was refused has not reached the guest");
    }
    machine_.set(reg::CTRL, machine_.get(reg::CTRL) | CTRL_RST);
    machine_.settle();
    machine_.link_up();
    Driver driver(machine_, {});
    driver.set_up();
    machine_.settle();
    const Bytes frame = numbered(1);
    require(driver.send(frame), "the ring is empty");
    driver.doorbell();
    machine_.settle();
    require(machine_.card.sent.size() == 1 && machine_.card.sent[0].bytes == frame,
            "the NIC sends");
    require(driver.unfinished() == 0, "and says so");
  }

  static constexpr unsigned kMostMeetings = 2000;

  Input& input_;
  const Mode mode_;
  Watcher watcher_;
  Machine machine_;
  std::array<Driver, kQueues> drivers_;
  unsigned met_ = 0;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  std::make_unique<Play>(input)->run();
}

}  // namespace gatehouse::fuzz
