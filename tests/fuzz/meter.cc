// SPDX-License-Identifier: GPL-2.0-or-later
// The two-rate meter against RFC 2698 in numbers that cannot overflow, and the DSCP in a frame.
#include "hw/core/meter/two_rate.hh"

#include <cstring>

#include "hw/core/parse/parse.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::fuzz {
namespace {

using meter::Colour;

__extension__ typedef unsigned __int128 Wide;
constexpr Wide kUnit = 1'000'000'000;

struct Bucket {
  Wide rate, depth, level;
  void fill(uint64_t ns) { level = std::min(depth, level + rate * ns); }
  bool holds(uint32_t octets) const { return level >= octets * kUnit; }
};

Bucket bucket_of(uint32_t kbit, uint32_t burst) {
  const Wide depth = burst * kUnit;
  return {Wide{kbit} * 125, depth, depth};
}

void play(Input& input) {
  policy::Meter policy;
  policy.committed_rate = 1 + input.take<uint32_t>() % 400'000'000;
  policy.committed_burst = std::max(1u, input.take<uint32_t>());
  policy.peak_rate = policy.committed_rate + input.take<uint32_t>() % 400'000'000;
  policy.peak_burst = std::max(policy.committed_burst, input.take<uint32_t>());
  policy.colour_aware = input.flag();
  meter::TwoRate meter(policy);
  Bucket committed = bucket_of(policy.committed_rate, policy.committed_burst);
  Bucket peak = bucket_of(policy.peak_rate, policy.peak_burst);
  int64_t now = 0;
  meter.advance(now);
  for (unsigned frames = 0; frames < 200 && !input.empty(); ++frames) {
    const uint64_t step = input.take<uint32_t>() << input.below(24);
    if (step < uint64_t{INT64_MAX} - static_cast<uint64_t>(now)) {
      now += static_cast<int64_t>(step);
      committed.fill(step), peak.fill(step);
    }
    if (input.below(8) == 0) {
      meter::TwoRate other(policy);
      load(other, saved_by(meter));
      meter = other;
    }
    meter.advance(now);
    const uint32_t octets = input.take<uint16_t>() * (input.flag() ? 1u : 60'000u);
    const auto before = static_cast<Colour>(input.below(3));
    const Colour was = policy.colour_aware ? before : Colour::kGreen;
    const Colour colour = meter.colour(octets, before);
    Colour expected = Colour::kGreen;
    if (was == Colour::kRed || !peak.holds(octets)) {
      expected = Colour::kRed;
    } else if (was == Colour::kYellow || !committed.holds(octets)) {
      expected = Colour::kYellow;
    }
    require(colour == expected, "the colour is RFC 2698's");
    meter.take(octets, colour);
    if (colour != Colour::kRed) peak.level -= octets * kUnit;
    if (colour == Colour::kGreen) committed.level -= octets * kUnit;
  }
}

void mark(Input& input) {
  Bytes frame = take_frame(input);
  Layers layers;
  if (parse::parse(frame, {}, layers) != spec::DropReason::none) return;
  if (layers.l3 != L3::kIpv4 && layers.l3 != L3::kIpv6) return;
  uint8_t* const l3 = frame.data() + layers.l2_length;
  const uint8_t dscp = static_cast<uint8_t>(input.below(64));
  const Bytes before = frame;
  meter::set_dscp(l3, layers.l3, dscp);
  require(meter::dscp_of(l3, layers.l3) == dscp, "the DSCP is there");
  Layers again;
  require(parse::parse(frame, {}, again) == spec::DropReason::none, "the frame is right");
  require(again == layers, "and the same otherwise");
  meter::set_dscp(l3, layers.l3, meter::dscp_of(before.data() + layers.l2_length, layers.l3));
  // A checksum of 0 and one of 0xffff are the same number.
  if (layers.l3 == L3::kIpv4) std::memcpy(l3 + 10, before.data() + layers.l2_length + 10, 2);
  require(frame == before, "back again, nothing has changed");
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  if (input.below(4) == 0) return mark(input);
  play(input);
}

}  // namespace gatehouse::fuzz
