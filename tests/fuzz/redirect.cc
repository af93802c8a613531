// SPDX-License-Identifier: GPL-2.0-or-later
// gatehouse-redirect: firmware's registers and table, the guest's accesses, the device's coming and
// going, in any order. The device is never accessed outside its BARs, private RAM never outside.
#include "hw/partition/redirect.hh"

#include "tests/fuzz/ram_steps.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/partition/redirect_rig.hh"

namespace gatehouse::fuzz {
namespace {

using namespace partition;  // NOLINT

class Play {
 public:
  explicit Play(Input& input) : input_(input) {
    unit_.plugged();
    set_up(unit_);
    unit_.write(redirect::TABLE, kTableAt, 8);
  }

  void run() {
    for (unsigned steps = 0; steps < 200 && !input_.empty(); ++steps) {
      step();
      require(ram_.outside == 0, "only private RAM was told to be written");
      require(unit_.entries() <= kMaxRedirectEntries, "no more entries than there may be");
      for (const BarRange& range : device_.ranges) {
        const uint64_t octets = device_.bar_octets(range.bar);
        require(range.length != 0 && range.offset < octets && range.length <= octets - range.offset,
                "what is installed lies in its BAR");
      }
    }
  }

 private:
  void step() {
    switch (input_.below(16)) {
      case 0:
        unit_.write(input_.below(kPage), input_.take<uint64_t>(), 1u << input_.below(4));
        break;
      case 1:
        unit_.write(kRegisters[input_.below(std::size(kRegisters))], take_address(input_),
                    input_.flag() ? 8 : 4);
        break;
      case 2:
        static_cast<void>(unit_.read(input_.below(kPage), 1u << input_.below(4)));
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
      case 9:
        table();
        break;
      default:
        access();
        break;
    }
  }

  // Entries that are nearly right, and a COMMIT.
  void table() {
    const uint32_t count = input_.below(6);
    for (uint32_t i = 0; i < count; ++i) {
      const uint8_t how = input_.take();
      RedirectEntry row = entry(
          input_.below(64) * 16, 4u * (1 + input_.below(4)), static_cast<RedirectRead>(how % 3),
          static_cast<RedirectWrite>(how / 4 % 6), how & 32 ? 0 : kShadowAt + input_.below(64) * 8,
          how >> 7, how & 64 ? uint8_t{2} : uint8_t{0});
      if (input_.below(4) == 0) row.rules = kRulesAt + input_.below(8) * 8;
      if (input_.below(4) == 0) row.resets = input_.take();
      ram_.put(kTableAt + i * sizeof row, row);
    }
    if (input_.below(8) == 0) poke(input_, ram_);
    unit_.write(redirect::TABLE_ENTRIES, count, 4);
    const Result result = commit(unit_);
    require(unit_.active() || result != Result::k_ok, "a good table is in force");
  }

  void access() {
    if (!device_.plugged) return;
    unsigned bar = input_.flag() ? 0 : 2;
    const uint32_t octets = 1 + input_.below(8);
    const uint64_t most = device_.bar_octets(bar) - octets;
    uint64_t offset = input_.below(static_cast<uint32_t>(most));
    if (!device_.ranges.empty() && input_.below(4) != 0) {
      const BarRange& range = device_.ranges[input_.below(64) % device_.ranges.size()];
      bar = range.bar;
      offset = std::min(range.offset + input_.below(16), device_.bar_octets(bar) - octets);
    }
    if (input_.flag()) {
      static_cast<void>(unit_.guest_read(bar, offset, octets));
    } else {
      unit_.guest_write(bar, offset, input_.take<uint64_t>(), octets);
    }
  }

  static constexpr uint32_t kRegisters[] = {
      unit::CONTROL, unit::RING,   unit::RING_RECORDS, unit::VECTOR,           unit::TARGET,
      unit::ARMED,   unit::COMMIT, redirect::TABLE,    redirect::TABLE_ENTRIES};
  Input& input_;
  FakeRam ram_;
  FakeInterrupts interrupts_;
  FakeDevice device_;
  Redirect unit_{ram_, interrupts_, device_};
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  std::make_unique<Play>(input)->run();
}

}  // namespace gatehouse::fuzz
