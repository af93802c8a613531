// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/redirection.hh"

namespace gatehouse::interceptor {

using namespace i82574;  // NOLINT: register names
using partition::RedirectEntry;
using partition::RedirectRead;
using partition::RedirectWrite;

namespace {

// The device's own register; what is written there is on record.
RedirectEntry watched(uint32_t offset, uint32_t length) {
  return {.offset = offset,
          .length = length,
          .bar = 0,
          .read = RedirectRead::kReal,
          .write = RedirectWrite::kThrough,
          .flags = 0,
          .resets = 0,
          .shadow = 0,
          .rules = 0};
}

// The device's own register as well; only a reset is on record.
RedirectEntry resetting(uint32_t offset, uint32_t length, uint32_t bits) {
  RedirectEntry entry = watched(offset, length);
  entry.write = RedirectWrite::kReal;
  entry.resets = bits;
  return entry;
}

RedirectEntry shadowed(uint32_t offset, uint32_t length, RedirectWrite write, uint64_t shadow,
                       uint64_t rules) {
  RedirectEntry entry = watched(offset, length);
  entry.read = RedirectRead::kShadow;
  entry.write = write;
  entry.flags = write == RedirectWrite::kLast ? uint8_t{0} : partition::kRedirectStore;
  entry.shadow = shadow;
  entry.rules = rules;
  return entry;
}

// Whatever register it leads to is treated as this table says.
RedirectEntry indirect(uint8_t bar, uint32_t offset) {
  RedirectEntry entry = watched(offset, sizeof(uint32_t));
  entry.bar = bar;
  entry.read = RedirectRead::kIndirect;
  entry.write = RedirectWrite::kIndirect;
  return entry;
}

}  // namespace

void fill_table(Shared& shared, uint64_t bias, Mode mode) {
  const RedirectWrite tail =
      mode == Mode::kLeaving ? RedirectWrite::kThrough : RedirectWrite::kLast;
  auto& table = shared.table;
  const auto add_ring = [&](unsigned ring, uint32_t offset, unsigned tail_entry,
                            unsigned set_up_entry) {
    const uint64_t shadow = reinterpret_cast<uintptr_t>(&shared.shadows[ring]) + bias;
    const uint64_t rules = reinterpret_cast<uintptr_t>(&shared.rules[ring]) + bias;
    constexpr uint32_t kTail = offsetof(RingRegisters, tail);
    constexpr uint32_t kTailRule = kTail / sizeof(uint32_t) * sizeof(partition::RedirectRule);
    table[tail_entry] =
        shadowed(offset + kTail, sizeof(uint32_t), tail, shadow + kTail, rules + kTailRule);
    table[set_up_entry] = shadowed(offset, kSetUpOctets, RedirectWrite::kPost, shadow, rules);
  };
  shared.rules = kRingRules;
  for (unsigned ring = 0; ring < kRings; ++ring)
    add_ring(ring, ring_offset(ring), ring, kSetUp + ring);
  add_ring(0, alias_of(reg::RDBAL), kTailAliasReceive, kSetUpAliasReceive);
  add_ring(kReceiveRings, alias_of(reg::TDBAL), kTailAliasTransmit, kSetUpAliasTransmit);
  table[kControl] = resetting(reg::CTRL, 2 * sizeof(uint32_t), CTRL_RST);
  table[kReceiveControl] = watched(reg::RCTL, sizeof(uint32_t));
  table[kReceiveFilter] = watched(reg::RFCTL, sizeof(uint32_t));
  table[kTransmitControl] = watched(reg::TCTL, sizeof(uint32_t));
  table[kSplitControl] = watched(reg::PSRCTL, sizeof(uint32_t));
  table[kIoBar] = indirect(kIoBarNumber, kIoData);
}

}  // namespace gatehouse::interceptor
