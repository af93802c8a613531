// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/card_frames.hh"

#include <array>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/parse/parse.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/fuzz_cards.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::fuzz {
namespace {

using test::Frame;

// An end's number is the last octet of each of its addresses. guest_frames() are from 1 to 2.
constexpr uint8_t kFarEnd = 2, kEnds = 3;
uint8_t end_of(unsigned vnic) { return vnic == kCardVnics - 1 ? 3 : 1; }

const std::vector<Bytes>& stems() {
  static const std::vector<Bytes> kStems = {
      {0x52, 0x54, 0, 0, 0},
      {10, 0, 0},
      {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
      {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0}};  // solicited-node
  return kStems;
}

// The same frame between other ends.
Bytes between(Bytes frame, uint8_t from, uint8_t to) {
  for (size_t at = 0; at < std::min<size_t>(frame.size(), 96); ++at) {
    for (const Bytes& stem : stems()) {
      if (at + stem.size() >= frame.size()) continue;
      const auto place = frame.begin() + static_cast<ptrdiff_t>(at);
      if (!std::equal(stem.begin(), stem.end(), place)) continue;
      uint8_t& end = frame[at + stem.size()];
      if (end == 1 || end == 2) end = end == 1 ? from : to;
    }
  }
  Layers layers;
  static_cast<void>(parse::parse(frame, {.ipv4_checksum = false}, layers));
  complete_checksums(frame.data(), layers);
  return frame;
}

// In order; what a guest's frame has no connection for is there, too.
std::vector<Bytes> make_frames(uint8_t from, uint8_t to) {
  std::vector<Bytes> frames = guest_frames();
  for (uint32_t i = 0; i < 3; ++i) {
    frames.push_back(Frame()
                         .ethernet()
                         .ipv4({.id = static_cast<uint16_t>(i), .dont_fragment = true})
                         .tcp({.sequence = 1000 + i * 100})
                         .payload(test::pattern(100, i))
                         .build());
  }
  for (Bytes& frame : frames) frame = between(frame, from, to);
  return frames;
}
const std::vector<Bytes>& frames_between(uint8_t from, uint8_t to) {
  static const auto kFrames = [] {
    std::array<std::vector<Bytes>, (kEnds + 1) * (kEnds + 1)> frames;
    for (uint8_t one = 1; one <= kEnds; ++one)
      for (uint8_t other = 1; other <= kEnds; ++other)
        frames[one * (kEnds + 1) + other] = make_frames(one, other);
    return frames;
  }();
  return kFrames[from * (kEnds + 1) + to];
}

struct Line {
  bool of_asker;
  uint8_t flags;
  uint32_t sequence, acknowledgement;
  uint32_t octets;
};
using Flags = TcpHeader<const uint8_t>;
constexpr uint8_t kFin = Flags::kFin, kSyn = Flags::kSyn, kRst = Flags::kRst, kPsh = Flags::kPsh,
                  kAck = Flags::kAck;
constexpr Line kLines[] = {{true, kSyn, 1000, 0, 0},
                           {false, kSyn | kAck, 5000, 1001, 0},
                           {true, kAck, 1001, 5001, 0},
                           {false, kAck, 5001, 1001, 100},
                           {false, kAck, 5101, 1001, 100},
                           {false, kAck | kPsh, 5201, 1001, 100},
                           {true, kAck, 1001, 5301, 300},
                           {true, kAck, 1301, 5301, 300},
                           {false, kAck, 5301, 1601, 0},
                           {true, kAck | kFin, 1601, 5301, 0},
                           {false, kAck | kFin, 5301, 1602, 0},
                           {true, kAck, 1602, 5302, 0}};

Bytes frame_of(const Line& line, bool v6, uint8_t from, uint8_t to) {
  constexpr uint16_t kAsker = 40001, kAsked = 80;
  Frame frame;
  frame.ethernet();
  v6 ? frame.ipv6() : frame.ipv4({.dont_fragment = true});
  frame.tcp({.source = line.of_asker ? kAsker : kAsked,
             .destination = line.of_asker ? kAsked : kAsker,
             .sequence = line.sequence,
             .acknowledgement = line.acknowledgement,
             .flags = line.flags,
             .options = line.flags & kSyn ? Bytes{2, 4, 5, 0xb4, 1, 3, 3, 7} : Bytes{}});
  if (line.octets != 0) frame.payload(line.octets);
  return between(frame.build(), from, to);
}

// The far card: it lets everything out, also to the last vnic.
policy::Policy far_card(unsigned kind) {
  policy::Policy policy = peer_card(kind);
  policy.vnics.pop_back();
  for (policy::Vnic& vnic : policy.vnics) vnic.firewall = vnic.meter = vnic.mirror = {};
  for (policy::Tenant& tenant : policy.tenants) tenant.meter = {};
  const uint8_t own = end_of(kCardVnics - 1);
  const size_t known = policy.mappings.size();
  for (size_t i = 0; i < known; ++i) {
    policy::Mapping mapping = policy.mappings[i];
    if (mapping.tenant != policy.tenants[0].name || !mapping.destination.is_host()) continue;
    mapping.destination.address.octets[mapping.destination.address.is_v6() ? 15 : 3] = own;
    mapping.mac.octets[5] = own;
    policy.mappings.push_back(mapping);
  }
  return policy;
}

class FarCard {
 public:
  explicit FarCard(unsigned kind) : world_(far_card(kind)) {}

  // To vnic `vnic` of the near card.
  std::vector<Bytes> tunnelled(unsigned vnic, const Bytes& frame, const Offload& offload = {}) {
    world_.from_vnic(vnic == kCardVnics - 1 ? 0 : vnic, frame, offload);
    world_.now += 10'000'000;
    std::vector<Bytes> frames;
    for (const test::SentFrame& sent : world_.sink.sent) frames.push_back(sent.frame);
    world_.sink.clear();
    return frames;
  }

 private:
  test::World world_;
};

WireFrame wire_frame(const Bytes& frame, const Bytes& inside) {
  for (const size_t ethernet : {0, 14}) {
    if (inside.size() - ethernet > frame.size()) continue;
    const size_t at = frame.size() - (inside.size() - ethernet);
    if (std::equal(inside.begin() + static_cast<ptrdiff_t>(ethernet), inside.end(),
                   frame.begin() + static_cast<ptrdiff_t>(at)))
      return {frame, static_cast<uint16_t>(at), ethernet == 0};
  }
  return {frame};
}

std::vector<WireFrame> tunnelled_frames(unsigned kind, unsigned vnic) {
  FarCard far(kind);
  std::vector<WireFrame> frames;
  for (const Bytes& inside : frames_between(kFarEnd, end_of(vnic)))
    for (const Bytes& frame : far.tunnelled(vnic, inside))
      frames.push_back(wire_frame(frame, inside));
  // In several segments where the format has such.
  const Bytes super =
      between(Frame().ethernet().ipv4().tcp().payload(3000).build(), kFarEnd, end_of(vnic));
  for (const Bytes& frame : far.tunnelled(vnic, super,
                                          {.tso = true,
                                          .tcp = true,
                                          .ipv4 = true,
                                          .mss = 1000,
                                          .header_length = 54,
                                          .payload_length = 3000}))
    frames.push_back({frame});
  return frames;
}

std::vector<WireFrame> underlay_frames(unsigned kind) {
  std::vector<WireFrame> frames;
  const uint16_t vlan = card(kind, 0).uplinks[0].vlan;
  const auto from_peer = [&] {
    Frame frame;
    frame.ethernet({.destination = "02:00:00:00:00:01", .source = "02:00:00:00:00:02"});
    if (vlan != 0) frame.vlan(vlan);
    return frame;
  };
  for (const uint16_t operation : {1, 2}) {
    for (const char* sender : {"192.0.2.2", "192.0.2.254"}) {
      frames.push_back({from_peer()
                            .arp({.operation = operation,
                                  .sender_mac = "02:00:00:00:00:02",
                                  .sender_ip = sender,
                                  .target_mac = "02:00:00:00:00:01",
                                  .target_ip = "192.0.2.1"})
                            .build()});
    }
  }
  const test::Ipv6 ip = {.source = "2001:db8::2", .destination = "2001:db8::1", .hop_limit = 255};
  frames.push_back(
      {from_peer()
           .ipv6(ip)
           .neighbor_solicitation("2001:db8::1", test::nd_link_option(1, "02:00:00:00:00:02"))
           .build()});
  frames.push_back({from_peer()
                        .ipv6(ip)
                        .neighbor_advertisement("2001:db8::2", 0x60000000,
                                                test::nd_link_option(2, "02:00:00:00:00:02"))
                        .build()});
  return frames;
}

// The source port, of TCP and UDP, becomes another one.
void shift_port(std::span<uint8_t> frame, uint16_t by) {
  Layers layers;
  static_cast<void>(parse::parse(frame, {.ipv4_checksum = false}, layers));
  if (layers.payload_offset == 0 || (layers.l4 != L4::kTcp && layers.l4 != L4::kUdp)) return;
  uint8_t* port = &frame[layers.l4_offset];
  store_be(port, static_cast<uint16_t>(load_be<uint16_t>(port) + by));
  complete_checksums(frame.data(), layers);
}

// By tenant: what reaches each vnic; the underlay's own.
constexpr unsigned kGroups = kCardVnics + 1;
const std::vector<WireFrame>& group_of(unsigned kind, unsigned group) {
  static const auto kFrames = [] {
    std::array<std::array<std::vector<WireFrame>, kGroups>, kCardKinds> frames;
    for (unsigned each = 0; each < kCardKinds; ++each) {
      for (unsigned vnic = 0; vnic < kCardVnics; ++vnic)
        frames[each][vnic] = tunnelled_frames(each, vnic);
      frames[each][kCardVnics] = underlay_frames(each);
    }
    return frames;
  }();
  return kFrames[kind][group];
}

std::vector<Turn> make_conversation(unsigned kind, unsigned vnic, unsigned which) {
  FarCard far(kind);
  std::vector<Turn> turns;
  const bool v6 = which & 1, far_asks = which & 2;
  const uint8_t own = end_of(vnic);
  for (Line line : kLines) {
    const bool fin = line.flags & kFin;
    if (fin && (which & 4)) line.flags = kRst | kAck;
    if (line.of_asker != far_asks) {
      turns.push_back({true, {frame_of(line, v6, own, kFarEnd)}});
    } else {
      turns.push_back({false, far.tunnelled(vnic, frame_of(line, v6, kFarEnd, own))});
    }
    if (fin && (which & 4)) break;
  }
  return turns;
}

const std::vector<WireFrame>& take_group(Input& input, unsigned kind) {
  return group_of(kind, input.below(kGroups));
}
uint32_t take_index(Input& input, const std::vector<WireFrame>& group) {
  return input.below(static_cast<uint32_t>(group.size()));
}

}  // namespace

Bytes take_vnic_frame(Input& input, unsigned vnic) {
  const uint8_t own = end_of(vnic);
  const uint8_t to = input.below(4) == 0 ? static_cast<uint8_t>(4 - own) : kFarEnd;
  return take_frame(input, frames_between(own, to));
}

const std::vector<WireFrame>& wire_frames(unsigned kind) {
  static const auto kFrames = [] {
    std::array<std::vector<WireFrame>, kCardKinds> frames;
    for (unsigned each = 0; each < kCardKinds; ++each) {
      for (unsigned group = 0; group < kGroups; ++group) {
        const auto& more = group_of(each, group);
        frames[each].insert(frames[each].end(), more.begin(), more.end());
      }
    }
    return frames;
  }();
  return kFrames[kind];
}

Bytes take_wire_frame(Input& input, unsigned kind) {
  if (input.below(32) == 0) return input.octets(input.below(kMostFrame));
  const auto& group = take_group(input, kind);
  const WireFrame& wire = group[take_index(input, group)];
  const uint8_t how = input.take();
  Bytes frame = wire.frame;
  if ((how & 4) && wire.inner != 0) {
    const Bytes inner = take_frame(input, frames_between(kFarEnd, how & 8 ? 3 : 1));
    frame.resize(wire.inner);
    const size_t left_out = wire.ethernet ? 0 : std::min<size_t>(14, inner.size());
    frame.insert(frame.end(), inner.begin() + static_cast<ptrdiff_t>(left_out), inner.end());
  } else {
    change(frame, input);
  }
  if (how & 3) mend_sums(frame);
  frame.shrink_to_fit();
  return frame;
}

std::vector<Bytes> take_wire_run(Input& input, unsigned kind) {
  const auto& group = take_group(input, kind);
  std::vector<Bytes> frames;
  // Where a frame in segments begins, if there is one.
  size_t at = group.size();
  while (at != 0 && group[at - 1].inner == 0) --at;
  if (at == group.size() || input.below(4) != 0) at = take_index(input, group);
  for (uint32_t count = 1 + input.below(8); count != 0 && at < group.size(); --count, ++at) {
    frames.push_back(group[at].frame);
    change_some(frames.back(), input);
  }
  return frames;
}

std::vector<Bytes> take_flood(Input& input, unsigned kind, unsigned vnic, bool wire) {
  const auto& group = group_of(kind, vnic);
  const auto& own = frames_between(end_of(vnic), kFarEnd);
  const uint32_t which = input.below(static_cast<uint32_t>(wire ? group.size() : own.size()));
  const Bytes& frame = wire ? group[which].frame : own[which];
  const bool reached = !wire || (group[which].inner != 0 && group[which].ethernet);
  std::vector<Bytes> frames(1 + input.below(64), frame);
  for (uint16_t i = 0; reached && i < frames.size(); ++i) {
    shift_port(std::span(frames[i]).subspan(wire ? group[which].inner : 0), i);
    if (wire) mend_sums(frames[i]);
  }
  return frames;
}

const std::vector<Turn>& conversation(unsigned kind, unsigned vnic, unsigned which) {
  static const auto kTurns = [] {
    std::array<std::vector<Turn>, kCardKinds * kCardVnics * kConversations> turns;
    for (unsigned i = 0; i < turns.size(); ++i)
      turns[i] = make_conversation(i / kConversations / kCardVnics, i / kConversations % kCardVnics,
                                   i % kConversations);
    return turns;
  }();
  return kTurns[(kind * kCardVnics + vnic) * kConversations + which];
}

void change_some(Bytes& frame, Input& input) {
  if (input.below(8) != 7) return;
  change(frame, input);
  mend_sums(frame);
  frame.shrink_to_fit();
}

}  // namespace gatehouse::fuzz
