// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/format_rules.hh"

#include <algorithm>
#include <array>
#include <bitset>
#include <tuple>

#include "hw/core/base/layers.hh"

namespace gatehouse::policy {
namespace {

using Found = std::optional<FormatFinding>;

constexpr uint32_t kLargestOption = 8;  // octets of an option's own header
constexpr uint32_t kWindow = 64;        // bits of the eight octets through which a field is read

std::string number(uint64_t value) { return std::to_string(value); }

std::string words(const Field& field) {
  return number(field.octet) + (field.bit != 0 ? "." + number(field.bit) : "") + ":" +
         number(field.bits);
}

uint32_t first_bit(const Field& field) { return field.octet * 8u + field.bit; }
uint32_t end_octet(const Field& field) { return (first_bit(field) + field.bits + 7) / 8; }

uint64_t largest(const Field& field) {
  return field.bits >= 64 ? UINT64_MAX : (uint64_t{1} << field.bits) - 1;
}

// Protocols that parse takes as its own, or that nothing may follow.
bool is_taken(uint8_t protocol) {
  switch (static_cast<IpProtocol>(protocol)) {
    case IpProtocol::kHopByHop:
    case IpProtocol::kIcmp:
    case IpProtocol::kRouting:
    case IpProtocol::kFragment:
    case IpProtocol::kAuth:
    case IpProtocol::kIcmpv6:
    case IpProtocol::kNoNext:
    case IpProtocol::kDestination:
      return true;
    default:
      return false;
  }
}

struct Row {
  const char* member;
  const Field& field;
  uint32_t most;  // bits
};

// The fields of the tunnel header that the card writes.
auto fields_of(const Format& format) {
  return std::array<Row, 8>{{{"tenant", format.tenant, 64},
                             {"flow", format.flow, 32},
                             {"ether_type", format.ether_type, 16},
                             {"checksum", format.checksum, 16},
                             {"length", format.length.field, 16},
                             {"total_length", format.total_length.field, 32},
                             {"any_critical", format.any_critical, 1},
                             {"offload", format.offload, Format::kOffloadBits}}};
}

Found check_outer(const Format& format) {
  if (is_taken(format.protocol)) {
    return FormatFinding{"protocol", "protocol " + number(format.protocol) +
                                         " is not for tunnels; write 17 for UDP, 6 for a "
                                         "TCP-shaped header, or a tunnel's own like 47"};
  }
  const bool udp = format.protocol == Format::kUdp;
  if (format.has_ports() && format.port == 0) {
    return FormatFinding{"port", std::string("the ") + (udp ? "UDP" : "TCP") +
                                     " port is missing or 0; write one from 1 to 65535"};
  }
  if (!format.has_ports() && format.port != 0) {
    return FormatFinding{"port", "protocol " + number(format.protocol) +
                                     " has no ports; remove it, or write \"protocol\": 17"};
  }
  if (!udp && (format.udp_checksum || format.zero_checksum_ipv6)) {
    return FormatFinding{format.udp_checksum ? "udp_checksum" : "zero_checksum_ipv6",
                         "only UDP has this checksum; remove it, or write \"protocol\": 17"};
  }
  const bool may_be_empty = format.inner != Inside::kEthernet;
  if ((format.header.empty() && !may_be_empty) || format.header.size() > Format::kMaxHeader) {
    return FormatFinding{"header",
                         number(format.header.size()) + " octets are no tunnel header; write " +
                             (may_be_empty ? "0" : "1") + " to " + number(Format::kMaxHeader)};
  }
  return {};
}

Found check_place(const char* member, const Field& field, uint32_t most, uint32_t room,
                  const char* where) {
  if (!field) return {};
  if (field.bits > most) {
    return FormatFinding{member,
                         number(field.bits) + " bits are too many; write at most " + number(most)};
  }
  if (field.bit > 7 || end_octet(field) > room) {
    return FormatFinding{member,
                         words(field) + " ends behind the " + number(room) + " octets of " + where};
  }
  if (end_octet(field) * 8 - field.octet * 8u > kWindow) {
    return FormatFinding{member,
                         words(field) + " touches more than 8 octets; begin at a whole octet"};
  }
  return {};
}

using Used = std::bitset<Format::kMaxHeader * 8>;

Found check_id(const Format& format, Used& used) {
  if (format.id.size() > Format::kMaxIds) {
    return FormatFinding{"id", number(format.id.size()) + " are too many; write at most " +
                                   number(Format::kMaxIds) + ", several octets in one"};
  }
  for (const Match& match : format.id) {
    const size_t length = match.value.size();
    if (length == 0 || match.mask.size() != length) {
      return FormatFinding{"id", "value and mask are not of one length; write as many octets"};
    }
    if (std::all_of(match.mask.begin(), match.mask.end(), [](uint8_t m) { return m == 0; })) {
      return FormatFinding{"id", "the mask leaves nothing to be told by; set some of its bits"};
    }
    if (match.octet + length > format.header.size()) {
      return FormatFinding{"id", "octets " + number(match.octet) + " to " +
                                     number(match.octet + length - 1) + " are not all in the " +
                                     number(format.header.size()) +
                                     " octets of \"header\"; correct it, or lengthen those"};
    }
    for (size_t i = 0; i < length; ++i) {
      const size_t at = match.octet + i;
      const uint8_t mask = match.mask[i];
      if ((match.value[i] & ~mask) != 0) {
        return FormatFinding{"id", "the value has bits at octet " + number(at) +
                                       " that the mask leaves out; clear them or set the mask's"};
      }
      if ((format.header[at] & mask) != match.value[i]) {
        return FormatFinding{"id", "\"header\" has other bits at octet " + number(at) +
                                       ", so that the card would not know its own frames; make "
                                       "the two agree"};
      }
      for (size_t bit = 0; bit < 8; ++bit) {
        if ((mask >> (7 - bit) & 1) != 0) used.set(at * 8 + bit);
      }
    }
  }
  return {};
}

Found check_fields(const Format& format) {
  const auto room = static_cast<uint32_t>(format.header.size());
  Used used;
  if (Found found = check_id(format, used)) return found;
  for (const Row& row : fields_of(format)) {
    if (Found found = check_place(row.member, row.field, row.most, room,
                                  "\"header\"; correct it, or lengthen those")) {
      return found;
    }
    for (uint32_t bit = 0; bit < row.field.bits; ++bit) {
      const uint32_t at = first_bit(row.field) + bit;
      if (used[at]) {
        return FormatFinding{row.member, words(row.field) + " has bits at octet " + number(at / 8) +
                                             " that another field or \"id\" has too; move one"};
      }
      used.set(at);
      if ((format.header[at / 8] >> (7 - at % 8) & 1) == 0) continue;
      return FormatFinding{"header", "it has bits at octet " + number(at / 8) + ", where \"" +
                                         row.member +
                                         "\" stands, which the card fills in; write "
                                         "zeros for " +
                                         words(row.field)};
    }
  }
  if (format.ether_type && format.inner == Inside::kEthernet) {
    return FormatFinding{"ether_type",
                         "an Ethernet frame has its own; write \"inner\": \"ip\", or remove it"};
  }
  if (format.ether_type && format.ether_type.bits != 16) {
    return FormatFinding{"ether_type", words(format.ether_type) + " is none; write 16 bits"};
  }
  if (format.checksum &&
      (format.checksum.bits != 16 || format.checksum.bit != 0 || format.checksum.octet % 2 != 0)) {
    return FormatFinding{
        "checksum", words(format.checksum) + " is no checksum; write 16 bits at an even octet"};
  }
  return {};
}

// What only a TCP-shaped header can have.
Found check_segments(const Format& format) {
  if (format.protocol != Format::kTcp) {
    if (!format.offload && format.segments == Segments::kUsual) return {};
    return FormatFinding{format.offload ? "offload" : "segments",
                         "only a TCP-shaped header has this; remove it, or write \"protocol\": 6"};
  }
  if (format.offload && (format.offload.bits != Format::kOffloadBits || format.offload.bit != 0)) {
    return FormatFinding{"offload", words(format.offload) +
                                        " is not flags, L4 offset and MSS; write 40 bits at a "
                                        "whole octet"};
  }
  if (format.checksum && !format.is_redundant()) {
    return FormatFinding{
        "checksum",
        "a stream's segments have no tunnel header of their own to be summed with; "
        "remove it"};
  }
  if (format.is_redundant() && format.inner != Inside::kEthernet) {
    return FormatFinding{"segments",
                         "a redundant segment is of an Ethernet frame; remove \"inner\", or write "
                         "\"stream\""};
  }
  return {};
}

Found check_lengths(const Format& format) {
  const LengthRule& rule = format.length;
  const auto options_fit = [&](uint64_t most) {
    return FormatFinding{"options", number(format.options.size()) +
                                        " octets of options do not fit; write at most " +
                                        number(most)};
  };
  if (!rule.field) {
    if (!format.options.empty()) {
      return FormatFinding{"options",
                           "the header has one length, and no room for options; remove "
                           "them, or write where its \"length\" stands"};
    }
  } else {
    const uint64_t most = largest(rule.field) * rule.unit + rule.addend;
    const uint64_t room = most > format.header.size() ? most - format.header.size() : 0;
    const uint64_t most_options = std::min<uint64_t>(Format::kMaxOptions, room);
    const size_t header = format.header.size();
    if (rule.unit == 0 || most < header || rule.addend > header ||
        (header - rule.addend) % rule.unit != 0) {
      return FormatFinding{"length", "it can't tell the " + number(format.header.size()) +
                                         " octets of \"header\"; correct bits, unit or addend"};
    }
    if (format.options.size() > most_options) return options_fit(most_options);
  }
  const LengthRule& total = format.total_length;
  if (total.field &&
      (total.field.bits < 16 || total.unit != 1 || total.addend > format.header.size())) {
    return FormatFinding{"total_length",
                         "it can't tell every length of a frame; write at least "
                         "16 bits, no unit, and no addend above the header's "
                         "octets"};
  }
  return {};
}

// Octets of an option's header: up to the last of what the rules name.
uint32_t option_header(const Format& format) {
  return std::max({end_octet(format.option_length.field), end_octet(format.option_kind),
                   end_octet(format.option_critical)});
}

// An option tells its own length, whatever it is.
Found check_option_length(const Format& format) {
  const LengthRule& rule = format.option_length;
  const uint32_t header = option_header(format);
  if (rule.unit == 0 || largest(rule.field) * rule.unit + rule.addend < header) {
    return FormatFinding{"option_length", "it can't tell the " + number(header) +
                                              " octets of an option's header; correct bits, unit "
                                              "or addend"};
  }
  for (const Field& other : {format.option_kind, format.option_critical}) {
    if (!other || first_bit(other) >= first_bit(rule.field) + rule.field.bits ||
        first_bit(rule.field) >= first_bit(other) + other.bits)
      continue;
    return FormatFinding{"option_length",
                         words(rule.field) + " has bits that tell what the option is; move one"};
  }
  return {};
}

Found check_options_sent(const Format& format) {
  const uint32_t header = option_header(format);
  const Field& field = format.option_length.field;
  const std::vector<uint8_t>& octets = format.options;
  for (size_t at = 0; at < octets.size();) {
    size_t length = 0;
    if (octets.size() - at >= header) {
      for (uint32_t i = 0; i < field.bits; ++i) {
        const uint32_t bit = first_bit(field) + i;
        length = length << 1 | (octets[at + bit / 8] >> (7 - bit % 8) & 1);
      }
      length = length * format.option_length.unit + format.option_length.addend;
    }
    if (length < header || length > octets.size() - at) {
      return FormatFinding{"options",
                           "the option at octet " + number(at) +
                               " is cut off, or tells less than its header; write whole options"};
    }
    at += length;
  }
  return {};
}

Found check_options(const Format& format) {
  if (!format.option_length.field) {
    for (const auto& [member, field] : {std::pair{"option_kind", format.option_kind},
                                        std::pair{"option_critical", format.option_critical},
                                        std::pair{"any_critical", format.any_critical}}) {
      if (field) return FormatFinding{member, "options have no length; write \"option_length\""};
    }
    return {};
  }
  if (!format.length.field) {
    return FormatFinding{"option_length",
                         "the header has one length, and no room for options; write where its "
                         "\"length\" stands"};
  }
  for (const Row& row : {Row{"option_length", format.option_length.field, 16},
                         Row{"option_kind", format.option_kind, 32},
                         Row{"option_critical", format.option_critical, 1}}) {
    if (Found found = check_place(row.member, row.field, row.most, kLargestOption,
                                  "an option's header at most; correct it")) {
      return found;
    }
  }
  if (Found found = check_option_length(format)) return found;
  if (format.option_critical && !format.option_kind) {
    return FormatFinding{"option_critical",
                         "nothing tells which options are known; write \"option_kind\""};
  }
  if (format.any_critical && !format.option_critical) {
    return FormatFinding{"any_critical",
                         "nothing tells which options are critical; write \"option_critical\""};
  }
  return check_options_sent(format);
}

// The walk has looked for cut off ones before.
Found check_options_told(const Format& format) {
  if (!format.length.field || format.options.size() % format.length.unit == 0) return {};
  return FormatFinding{"options", number(format.options.size()) +
                                      " octets can't be told in units of " +
                                      number(format.length.unit) + "; fill them up"};
}

Found check_entropy(const Format& format) {
  if (format.entropy == Entropy::kFlow && !format.flow) {
    return FormatFinding{"entropy", "there is no flow field; write \"flow\", or another source"};
  }
  if (format.entropy == Entropy::kSourcePort && !format.has_ports()) {
    return FormatFinding{"entropy", "protocol " + number(format.protocol) +
                                        " has no ports; write \"flow\" or \"none\""};
  }
  return {};
}

struct Id {
  std::array<uint8_t, Format::kMaxHeader> value{}, mask{};
  bool operator==(const Id&) const = default;
};

Id id_of(const Format& format) {
  Id id;
  for (const Match& match : format.id) {
    for (size_t i = 0; i < match.value.size(); ++i) {
      id.value[match.octet + i] |= match.value[i];
      id.mask[match.octet + i] |= match.mask[i];
    }
  }
  return id;
}

// Everything that decides how a received frame is read.
auto reading(const Format& f) {
  return std::tuple(
      f.header.size(), f.inner, f.is_redundant(), id_of(f),
      std::tie(f.tenant, f.flow, f.checksum, f.length, f.total_length, f.option_length,
               f.option_kind, f.option_critical, f.ether_type, f.offload));
}

}  // namespace

std::optional<FormatFinding> check_format(const Format& format) {
  for (Found (*step)(const Format&) : {check_outer, check_segments, check_fields, check_lengths,
                                       check_options, check_options_told, check_entropy}) {
    if (Found found = step(format)) return found;
  }
  return {};
}

Likeness likeness(const Format& one, const Format& other) {
  if (one.protocol != other.protocol || one.port != other.port) return Likeness::kOther;
  if (reading(one) == reading(other)) return Likeness::kSame;
  // No id is in a redundant segment, and none in most of a stream's.
  if (one.is_redundant() || other.is_redundant()) return Likeness::kConfusing;
  const Id a = id_of(one), b = id_of(other);
  for (size_t i = 0; i < a.value.size(); ++i) {
    if (((a.value[i] ^ b.value[i]) & a.mask[i] & b.mask[i]) != 0) return Likeness::kOther;
  }
  return Likeness::kConfusing;
}

FormatFinding confusing(const Format& format, const Format& other) {
  const char* member = format.has_ports() ? "port" : "protocol";
  const std::string kind = member;
  std::string problem = kind + " " + number(format.has_ports() ? format.port : format.protocol) +
                        " belongs to \"" + other.name + "\" too, and no \"id\" ";
  if (format.is_redundant() || other.is_redundant()) {
    problem += "is in redundant segments; choose another " + kind;
  } else {
    problem += "tells the two apart; choose another " + kind + ", or add one";
  }
  return {member, problem};
}

}  // namespace gatehouse::policy
