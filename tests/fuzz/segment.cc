// SPDX-License-Identifier: GPL-2.0-or-later
// Segmenter: what comes out fits the MTU, is right, and has all of the payload once, in order;
// coalescing TCP segments and cutting the result again gives the same octets.
#include "hw/core/segment/segment.hh"

#include "hw/core/base/headers.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/coalesce/coalescing.hh"
#include "tests/unit/core/segment/cutting.hh"

namespace gatehouse::fuzz {
namespace {

using spec::DropReason;

constexpr PacketPool::Limits kPool{
    .small_count = 100, .small_octets = 2304, .large_count = 2, .large_octets = 70'000};

void come_back(const std::vector<Bytes>& segments) {
  coalesce::Rig rig({.hold_ns = 1000}, kPool);
  for (const Bytes& segment : segments) rig.add(segment);
  rig.coalescer.flush();
  require(rig.pieces() == segments, "coalescing and cutting again is the identity");
}

// From `from` to `to`, octets from the frame's start.
void append(Bytes& all, const Bytes& frame, size_t from, size_t to) {
  require(from <= to && to <= frame.size(), "lengths are of the frame");
  all.insert(all.end(), frame.begin() + static_cast<ptrdiff_t>(from),
             frame.begin() + static_cast<ptrdiff_t>(to));
}
bool begins_with(const Bytes& frame, const Bytes& start) {
  return start.size() <= frame.size() && std::equal(start.begin(), start.end(), frame.begin());
}

void segments_have_all(const std::vector<Bytes>& segments, const Bytes& frame, const Layers& of) {
  Bytes all;
  for (const Bytes& one : segments) {
    const Layers layers = segment::layers_of(one);
    append(all, one, layers.payload_offset, layers.l3_end);
  }
  require(all == Bytes(frame.begin() + of.payload_offset, frame.end()),
          "the segments' payload is the frame's");
}

// `frame` is the datagram that was cut, or a super-frame of datagrams that were cut in turn.
void fragments_have_all(const std::vector<Bytes>& fragments, const Bytes& frame, const Layers& of,
                        bool super) {
  using Ipv4 = Ipv4Header<const uint8_t>;
  const Ipv4 whole(frame.data() + of.l2_length);
  const size_t l4_header = super ? of.payload_offset - of.l4_offset : 0u;
  Bytes all;
  uint32_t next = super ? 0 : whole.fragment_offset();
  for (size_t i = 0; i < fragments.size(); ++i) {
    const Bytes& one = fragments[i];
    const Ipv4 ip(one.data() + of.l2_length);
    require(ip.fragment_offset() == next, "a fragment begins where the one before it ends");
    const size_t payload = of.l2_length + ip.header_length(),
                 end = of.l2_length + ip.total_length();
    const bool first = super && next == 0;  // its headers are not the super-frame's payload
    append(all, one, payload + (first ? l4_header : 0), end);
    next += static_cast<uint32_t>(end - payload);
    const bool last = i + 1 == fragments.size();
    require(ip.more_fragments() || last || super, "more fragments follow");
    if (super && !ip.more_fragments()) next = 0;
    if (last) require(ip.more_fragments() == (!super && whole.more_fragments()), "the last one");
  }
  const size_t from = super ? of.payload_offset : of.l2_length + whole.header_length();
  require(all == Bytes(frame.begin() + static_cast<ptrdiff_t>(from), frame.begin() + of.l3_end),
          "the fragments' payload is the frame's");
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  const uint32_t mtu = segment::kMinMtu + input.below(9000);
  Bytes frame = take_frame(input);
  const Offload offload = take_offload(input, frame);
  PacketPool pool({.small_count = 1, .small_octets = 2304, .large_count = 1, .large_octets = 5120});
  Packet* packet = test::packet_of(pool, frame);
  require(packet != nullptr, "there is a buffer");
  packet->offload = offload;
  if (parse::parse(*packet) == DropReason::none) {
    segment::Segmenter segmenter;
    const DropReason reason = segmenter.begin(*packet, mtu);
    require(reason == DropReason::none || spec::drop_row(reason) != nullptr,
            "a reason that has a row");
    if (reason == DropReason::none) {
      const std::vector<Bytes> out =
          segment::drain(segmenter, 1 + input.below(64), 70, segment::kArenaOctets);
      require(!out.empty() && out.size() <= segment::kMaxSegments * 64, "one or more, but bounded");
      if (segmenter.kind() == segment::Kind::kPass) {
        require(out.size() == 1 && begins_with(frame, out[0]), "what passes is the frame");
        require(out[0].size() >= packet->layers.l3_end, "all but padding");
      } else {
        for (const Bytes& one : out) {
          Layers layers;
          const DropReason why = parse::parse(one, {}, layers);
          if (why != DropReason::none)
            fail(spec::drop_row(why)->name + (" " + test::to_hex(one)), __FILE__, __LINE__);
          require(layers.l3_end - layers.l2_length <= mtu, "that fits the MTU");
        }
        if (segmenter.makes_fragments()) {
          fragments_have_all(out, frame, packet->layers, offload.tso);
        } else {
          segments_have_all(out, frame, packet->layers);
        }
      }
      const bool tcp = segmenter.kind() == segment::Kind::kSegments && offload.tcp;
      if (tcp && !segmenter.makes_fragments()) {
        std::string why;
        for (const Bytes& one : out) {
          if (!test::checksums_right(one, &why)) fail(why, __FILE__, __LINE__);
        }
        if (out.size() <= 90) come_back(out);
      }
    }
    require(test::bytes_of(*packet) == frame, "the super-frame is not written to");
  }
  pool.give(packet);
}

}  // namespace gatehouse::fuzz
