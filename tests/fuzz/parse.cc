// SPDX-License-Identifier: GPL-2.0-or-later
// parse::parse(): what its header promises about offsets, whatever the frame is.
#include "hw/core/parse/parse.hh"

#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::fuzz {
namespace {

uint32_t least_l4(L4 l4) {
  switch (l4) {
    case L4::kTcp:
      return 20;
    case L4::kUdp:
      return 8;
    case L4::kIcmp:
    case L4::kIcmpv6:
      return 4;
    default:
      return 0;
  }
}

void check(const Bytes& frame, const Layers& layers) {
  require(layers.l2_length >= 14 && layers.l2_length <= layers.l3_end, "L2 ends before L3 does");
  require(layers.l3_end <= frame.size(), "L3 ends in the frame");
  require(layers.vlan_tags <= parse::kMaxVlanTags, "no more tags than are followed");
  const uint32_t l3 = layers.l3_end - layers.l2_length;
  if (layers.l3 == L3::kIpv4) require(l3 >= 20, "a whole IPv4 header");
  if (layers.l3 == L3::kIpv6) require(l3 >= 40, "a whole IPv6 header");
  if (layers.l3 == L3::kArp) require(l3 >= 28, "a whole ARP message");
  const bool ip = layers.l3 == L3::kIpv4 || layers.l3 == L3::kIpv6;
  if (ip) require(layers.flow_hash != 0, "IP has a flow hash");
  if (layers.first_fragment) require(layers.fragment, "a first fragment is a fragment");
  if (layers.l4 == L4::kNone) {
    require(layers.payload_offset == 0, "no L4, no payload");
    return;
  }
  require(ip, "L4 stands in IP");
  require(!layers.fragment || layers.first_fragment, "later fragments have no L4");
  require(layers.l4_offset >= layers.l2_length && layers.l4_offset <= layers.l3_end,
          "L4 begins in the datagram");
  if (layers.l4 == L4::kOther) return;
  require(layers.payload_offset >= layers.l4_offset + least_l4(layers.l4), "a whole L4 header");
  require(layers.payload_offset <= layers.l3_end, "the payload begins in the datagram");
  if (layers.nd_type != 0) {
    require(layers.l4 == L4::kIcmpv6 && layers.nd_type >= 133 && layers.nd_type <= 137,
            "Neighbor Discovery is ICMPv6");
    require(frame[layers.l4_offset] == layers.nd_type, "the message's own type");
  }
}

// And what no guest of a tunnel sends: a Redirect (RFC 4861 section 4.5).
const std::vector<Bytes>& frames() {
  static const std::vector<Bytes> kFrames = [] {
    std::vector<Bytes> all = guest_frames();
    Bytes redirect = test::concat({test::from_hex("fd00 0000 0000 0000 0000 0000 0000 0003"
                                                  "fd00 0000 0000 0000 0000 0000 0000 0009"),
                                   test::nd_link_option(2, "52:54:00:00:00:03")});
    all.push_back(test::Frame()
                      .ethernet()
                      .ipv6({.source = "fe80::1", .hop_limit = 255})
                      .icmp({.type = 137})
                      .payload(redirect)
                      .build());
    return all;
  }();
  return kFrames;
}

// Many at once: as each alone, and what is of one flow with the one before is told.
void check_batch(Input& input) {
  static PacketPool pool(
      {.small_count = 4, .small_octets = 8192, .large_count = 1, .large_octets = 8192});
  Packet* packets[4];
  bool repeats[4];
  uint32_t count = 0, good = 0;
  for (; count < 1 + input.below(4); ++count)
    packets[count] = test::packet_of(pool, take_frame(input, frames()));
  const uint32_t told = parse::parse(std::span(packets, count), repeats);
  for (uint32_t i = 0; i < count; ++i) {
    Layers alone;
    const spec::DropReason reason = parse::parse(packets[i]->bytes(), {}, alone);
    good += reason == spec::DropReason::none;
    require(packets[i]->reason == reason && packets[i]->layers == alone, "as alone");
    if (!repeats[i]) continue;
    require(i != 0 && reason == spec::DropReason::none &&
                packets[i - 1]->reason == spec::DropReason::none,
            "a good frame repeats a good one");
    require(alone.l3 == packets[i - 1]->layers.l3 &&
                alone.flow_hash == packets[i - 1]->layers.flow_hash,
            "of the same flow");
  }
  require(told == good, "the good ones are counted");
  for (uint32_t i = 0; i < count; ++i) pool.give(packets[i]);
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  const uint8_t how = input.take();
  const parse::Rules rules{.ipv4_checksum = how % 2 != 0, .super_frame = how / 2 % 2 != 0};
  if (how & 0x40) return check_batch(input);
  const Bytes frame = take_frame(input, frames());
  Layers layers, again;
  const spec::DropReason reason = parse::parse(frame, rules, layers);
  require(reason == spec::DropReason::none || spec::drop_row(reason) != nullptr,
          "a reason that has a row");
  require(parse::parse(frame, rules, again) == reason && again == layers, "the same once more");
  if (reason != spec::DropReason::none) return;
  check(frame, layers);

  // Padding changes nothing, but for a super-frame, whose datagram ends where the frame does.
  if (rules.super_frame || layers.l3 == L3::kOther || layers.l3 == L3::kArp) return;
  Bytes padded = frame;
  padded.resize(frame.size() + 7);
  padded.shrink_to_fit();
  require(parse::parse(padded, rules, again) == reason && again == layers,
          "padding is no part of the datagram");
}

}  // namespace gatehouse::fuzz
