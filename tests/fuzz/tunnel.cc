// SPDX-License-Identifier: GPL-2.0-or-later
// Formats by description: whatever is described, nothing is read outside of a frame or written
// outside of a header, and what one end has built the other opens to the same inner frame.
#include "hw/core/decapsulate/tunnel.hh"
#include "hw/core/encapsulate/outer.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/policy/format_rules.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {
namespace {

using policy::Field;
using policy::Format;
using spec::DropReason;

Field take_field(Input& input) {
  return {static_cast<uint16_t>(input.below(64)), static_cast<uint8_t>(input.below(10)),
          static_cast<uint8_t>(input.below(70))};
}

policy::LengthRule take_rule(Input& input) {
  return {take_field(input), input.take(), static_cast<uint16_t>(input.below(300))};
}

// What the card fills in itself is zero in a description.
void clear(Bytes& header, const Field& field) {
  for (uint32_t bit = field.octet * 8u + field.bit, left = field.bits; left != 0; ++bit, --left) {
    if (bit / 8 < header.size()) header[bit / 8] &= static_cast<uint8_t>(~(0x80u >> bit % 8));
  }
}

Format take_format(Input& input) {
  const auto& shipped = policy::shipped_formats();
  const uint32_t which = input.below(static_cast<uint32_t>(shipped.size()) + 1);
  Format format;
  format.name = "f";
  if (which < shipped.size()) {
    format = shipped[which];
  } else {
    format.protocol = input.take();
    format.port = format.has_ports() ? input.take<uint16_t>() : uint16_t{0};
    format.header = input.octets(input.below(56));
  }
  for (unsigned changes = input.below(8); changes != 0; --changes) {
    switch (input.below(20)) {
      case 0:
        format.tenant = take_field(input);
        break;
      case 1:
        format.flow = take_field(input);
        break;
      case 2:
        format.checksum = take_field(input);
        break;
      case 3:
        format.length = take_rule(input);
        break;
      case 4:
        format.total_length = take_rule(input);
        break;
      case 5:
        format.option_length = take_rule(input);
        break;
      case 6:
        format.option_kind = take_field(input);
        break;
      case 7:
        format.option_critical = take_field(input);
        break;
      case 8:
        format.any_critical = take_field(input);
        break;
      case 9:
        format.options = input.octets(input.below(256));
        break;
      case 10:
        format.entropy = static_cast<policy::Entropy>(input.below(4));
        break;
      case 11: {
        policy::Match match;
        match.octet = static_cast<uint16_t>(input.below(56));
        match.value = input.octets(input.below(12));
        match.mask = input.octets(match.value.size());
        match.mask.resize(match.value.size(), 0xff);
        format.id.push_back(match);
        break;
      }
      case 12:
        format.udp_checksum = input.flag();
        format.zero_checksum_ipv6 = input.flag();
        break;
      case 13:
        format.header = input.octets(input.below(56));
        break;
      case 14:
        format.id.clear();
        break;
      case 15:
        format.inner = static_cast<policy::Inside>(input.below(4));
        break;
      case 16:
        format.ether_type = take_field(input);
        break;
      case 17:
        format.offload = take_field(input);
        break;
      case 18:
        format.segments = static_cast<policy::Segments>(input.below(3));
        break;
      default:
        format.protocol = input.take();
        format.port = format.has_ports() ? input.take<uint16_t>() : uint16_t{0};
        break;
    }
  }
  if (input.below(8) != 0) {
    for (const Field& field :
         {format.tenant, format.flow, format.checksum, format.ether_type, format.offload,
          format.any_critical, format.length.field, format.total_length.field})
      clear(format.header, field);
  }
  return format;
}

const Format& geneve() {
  static const Format kGeneve = *policy::shipped_format("geneve");
  return kGeneve;
}

// As RFC 8926 section 3.5 has them, critical ones too.
Bytes take_options(Input& input) {
  Bytes options;
  for (uint32_t left = input.below(4); left != 0; --left) {
    const uint32_t words = input.below(8);
    Bytes option = input.octets(4 + words * 4);
    option.resize(4 + words * 4);
    option[3] = static_cast<uint8_t>(words);
    options.insert(options.end(), option.begin(), option.end());
  }
  return options;
}

// In memory of its own length.
DropReason open(const Bytes& frame, const decapsulate::Plan& plan, decapsulate::Tunnel& tunnel) {
  Bytes memory = frame;
  memory.shrink_to_fit();
  Packet packet;
  packet.data = packet.buffer = memory.data();
  packet.length = packet.capacity = static_cast<uint32_t>(memory.size());
  if (const DropReason reason = parse::parse(packet); reason != DropReason::none) return reason;
  const bool ip = packet.layers.l3 == L3::kIpv4 || packet.layers.l3 == L3::kIpv6;
  if (!ip || packet.layers.fragment) return DropReason::not_a_tunnel;
  decapsulate::Part part;
  const DropReason reason = decapsulate::open(packet, {&plan, 1}, tunnel, part);
  if (reason != DropReason::none) return reason;
  require(tunnel.plan == 0, "there is one plan");
  require(tunnel.inner_offset <= frame.size() &&
              tunnel.inner_length <= frame.size() - tunnel.inner_offset,
          "the inner frame lies in the outer one");
  return reason;
}

// What the segments of a frame make when they are together: in front of it is what a packet has.
DropReason open_stream(const Bytes& stream, uint16_t port, const decapsulate::Plan& plan,
                       decapsulate::Tunnel& tunnel) {
  Bytes memory(kHeadroom);
  memory.insert(memory.end(), stream.begin(), stream.end());
  memory.shrink_to_fit();
  const auto octets = std::span(memory).subspan(kHeadroom);
  const DropReason reason = decapsulate::open_stream(octets, port, {&plan, 1}, tunnel);
  if (reason != DropReason::none) return reason;
  require(tunnel.inner_offset <= stream.size() &&
              tunnel.inner_length <= stream.size() - tunnel.inner_offset,
          "the inner frame lies in the stream");
  static_cast<void>(plan.left(octets.data()));  // reads the header that was opened
  return reason;
}

Bytes build(const Format& format, const encapsulate::Ends& ends, const Bytes& inner, bool inner_v6,
            Input& input) {
  using encapsulate::Outer;
  const encapsulate::Plan plan(format);
  const Outer outer(ends, plan);
  Bytes memory(Outer::kReserve);
  memory.insert(memory.end(), inner.begin(), inner.end());
  memory.shrink_to_fit();
  uint8_t* const at = memory.data() + Outer::kReserve;
  const uint32_t length = static_cast<uint32_t>(inner.size());
  uint8_t* const head = outer.push(
      at, length, {.traffic_class = input.take(), .hash = input.take<uint32_t>(), .v6 = inner_v6},
      input.take<uint16_t>());
  require(head >= memory.data() && static_cast<uint32_t>(at - head) == outer.length(),
          "headers have the length that they should");
  // In one piece, or as a segment is: headers, then payload elsewhere.
  if (outer.wants_checksum()) {
    const uint32_t cut = input.below(length + 1);
    outer.complete_checksum(head, outer.length() + cut, {at + cut, length - cut});
  }
  return Bytes(head, at + length);
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  const Format format = take_format(input);
  if (const auto finding = policy::check_format(format)) {
    require(finding->member != nullptr && !finding->problem.empty(), "a refusal says why");
    return;
  }
  const decapsulate::Plan plan(format);
  encapsulate::Ends ends;
  ends.source_mac = *parse_mac("02:00:00:00:00:0a");
  const bool v6 = input.flag();
  ends.vlan = input.flag() ? 9 : 0;
  ends.source = *parse_ip(v6 ? "2001:db8::1" : "192.0.2.1");
  ends.peer = *parse_ip(v6 ? "2001:db8::2" : "192.0.2.2");
  const unsigned bits = std::min<unsigned>(format.tenant.bits, 24);
  ends.vni = input.take<uint32_t>() & ((1u << bits) - 1);
  Bytes inner = take_frame(input);
  if (inner.size() < 14) return;
  // Where no Ethernet header is inside, a datagram begins with its version.
  const bool inner_v6 = format.inner == policy::Inside::kIpv6 ||
                        (format.inner == policy::Inside::kIp && (inner[0] & 0x80) != 0);
  if (format.inner != policy::Inside::kEthernet)
    inner[0] = static_cast<uint8_t>((inner_v6 ? 0x60 : 0x40) | (inner[0] & 0x0f));

  Bytes frame = build(format, ends, inner, inner_v6, input);
  decapsulate::Tunnel tunnel;
  require(open(frame, plan, tunnel) == DropReason::none, "what was built is opened");
  require(tunnel.vni == ends.vni, "with its VNI");
  require(Bytes(frame.begin() + tunnel.inner_offset,
                frame.begin() + tunnel.inner_offset + tunnel.inner_length) == inner,
          "and its inner frame");

  if (format.protocol == Format::kTcp && encapsulate::Plan(format).segments()) {
    const size_t header = format.header.size() + format.options.size();
    Bytes stream(frame.end() - static_cast<ptrdiff_t>(header + inner.size()), frame.end());
    require(open_stream(stream, format.port, plan, tunnel) == DropReason::none &&
                tunnel.vni == ends.vni && tunnel.inner_length == inner.size(),
            "in several segments too");
    change(stream, input);
    static_cast<void>(open_stream(stream, format.port, plan, tunnel));
  }

  // A peer that sends options of its own.
  if (format.option_length == geneve().option_length) {
    Format theirs = format;
    theirs.options = take_options(input);
    if (!policy::check_format(theirs)) {
      const Bytes other = build(theirs, ends, inner, inner_v6, input);
      if (open(other, plan, tunnel) == DropReason::none) {
        require(tunnel.vni == ends.vni && tunnel.inner_length == inner.size(),
                "options that nobody must know change nothing");
      }
    }
  }

  // Changed where it stands, and with an outer header that still fits.
  change(frame, input);
  if (input.below(4) != 0) mend_sums(frame);
  static_cast<void>(open(frame, plan, tunnel));
}

}  // namespace gatehouse::fuzz
