// SPDX-License-Identifier: GPL-2.0-or-later
// Formats and uplinks.
#include <algorithm>

#include "hw/core/policy/checker.hh"
#include "hw/core/policy/schema.hh"
#include "hw/core/policy/values.hh"

namespace gatehouse::policy {
namespace {

constexpr size_t kMaxGeneveOptions =
    252;  // octets; the header's length field has 6 bits for words of 4 (RFC 8926 section 3.4)
constexpr uint16_t kMinIpv6Mtu = 1280;  // RFC 8200 section 5
// Each is compared with all others, and frames with all addresses.
constexpr size_t kMaxFormats = 256, kMaxUplinkAddresses = 64;

std::string at_most(const char* what, size_t count) {
  return std::string("there are more ") + what + " than the card takes; write at most " +
         std::to_string(count);
}

}  // namespace

Found Checker::formats() {
  if (policy_.formats.size() > kMaxFormats)
    return Finding{{Step::to("formats"), Step::at(kMaxFormats)}, at_most("formats", kMaxFormats)};
  for (const Format& format : builtin_formats()) formats_.emplace(format.name, &format);
  for (size_t i = 0; i < policy_.formats.size(); ++i) {
    const Format& format = policy_.formats[i];
    const bool builtin = std::any_of(builtin_formats().begin(), builtin_formats().end(),
                                     [&](const Format& f) { return f.name == format.name; });
    if (builtin)
      return Finding{path_to("formats", i, "name"),
                     in_quotes(format.name) + " is built in; choose another name"};
    if (!formats_.emplace(format.name, &format).second) {
      return Finding{path_to("formats", i, "name"), "a format before this one is also called " +
                                                        in_quotes(format.name) +
                                                        "; choose another name"};
    }
    for (const auto& [name, other] : formats_) {
      if (other->port != format.port || other->kind == format.kind) continue;
      return Finding{path_to("formats", i, "port"),
                     "port " + std::to_string(format.port) + " belongs to " + in_quotes(name) +
                         ", which is of another kind; choose another port"};
    }
    if (Found found = options_of(i)) return found;
  }
  return {};
}

Found Checker::options_of(size_t index) {
  const Format& format = policy_.formats[index];
  const Path path = path_to("formats", index, "options");
  const std::vector<uint8_t>& octets = format.options;
  if (octets.empty()) return {};
  if (format.kind == FormatKind::kVxlan)
    return Finding{path, "VXLAN has no options; remove them or take \"geneve\""};
  if (octets.size() > kMaxGeneveOptions) {
    return Finding{path, std::to_string(octets.size()) +
                             " octets of options do not fit; write at most " +
                             std::to_string(kMaxGeneveOptions)};
  }
  // Class (2 octets), type, then 3 reserved bits and 5 bits of length in words of 4 octets, then
  // that much data.
  constexpr size_t kOptionHeader = 4;
  for (size_t at = 0; at < octets.size();) {
    const size_t length = octets.size() - at < kOptionHeader
                              ? SIZE_MAX
                              : kOptionHeader + size_t{4} * (octets[at + 3] & 0x1fu);
    if (length > octets.size() - at) {
      return Finding{path, "the option at octet " + std::to_string(at) +
                               " is cut off; write whole options: class, type, length, data"};
    }
    at += length;
  }
  return {};
}

Found Checker::uplinks() {
  for (size_t i = 0; i < policy_.uplinks.size(); ++i) {
    for (size_t before = 0; before < i; ++before) {
      if (policy_.uplinks[before].name != policy_.uplinks[i].name) continue;
      return Finding{path_to("uplinks", i, "name"),
                     already(in_quotes(policy_.uplinks[i].name),
                             {Step::to("uplinks"), Step::at(before)}, "join the two entries")};
    }
    if (Found found = uplink(i)) return found;
  }
  return {};
}

bool Checker::on_link(const Uplink& uplink, const IpAddress& ip) const {
  constexpr uint8_t kLinkLocal[] = {0xfe, 0x80};  // fe80::/10 is on every link
  if (ip.is_v6() && ip.octets[0] == kLinkLocal[0] && (ip.octets[1] & 0xc0) == kLinkLocal[1])
    return true;
  return std::any_of(uplink.addresses.begin(), uplink.addresses.end(), [&](const IpPrefix& own) {
    if (own.address.family != ip.family) return false;
    for (unsigned bit = 0; bit < own.length; ++bit) {
      const unsigned shift = 7 - bit % 8;
      if (((own.address.octets[bit / 8] ^ ip.octets[bit / 8]) >> shift & 1) != 0) return false;
    }
    return true;
  });
}

Found Checker::uplink(size_t index) {
  const Uplink& uplink = policy_.uplinks[index];
  if (uplink.addresses.empty()) {
    return Finding{path_to("uplinks", index, "addresses"),
                   "the list is empty; write at least one address like \"10.1.0.1/24\""};
  }
  if (uplink.addresses.size() > kMaxUplinkAddresses) {
    return Finding{path_to("uplinks", index, "addresses", kMaxUplinkAddresses),
                   at_most("addresses", kMaxUplinkAddresses)};
  }
  for (size_t i = 0; i < uplink.addresses.size(); ++i) {
    for (size_t other = 0; other <= index; ++other) {
      const std::vector<IpPrefix>& theirs = policy_.uplinks[other].addresses;
      for (size_t j = 0; j < (other == index ? i : theirs.size()); ++j) {
        if (theirs[j].address != uplink.addresses[i].address) continue;
        return Finding{path_to("uplinks", index, "addresses", i),
                       already(to_string(theirs[j].address),
                               path_to("uplinks", other, "addresses", j), "remove one")};
      }
    }
    if (uplink.addresses[i].address.is_v6() && uplink.mtu < kMinIpv6Mtu) {
      return Finding{path_to("uplinks", index, "mtu"),
                     "IPv6 needs an MTU of at least 1280; raise it or remove the IPv6 addresses"};
    }
  }
  if (Found found = gateway(index, uplink.gateway_v4, "gateway")) return found;
  if (Found found = gateway(index, uplink.gateway_v6, "gateway6")) return found;
  return neighbours(index);
}

Found Checker::gateway(size_t index, const std::optional<IpAddress>& gateway,
                       std::string_view member) {
  if (!gateway) return {};
  const Uplink& uplink = policy_.uplinks[index];
  const Path path = path_to("uplinks", index, member);
  for (const IpPrefix& own : uplink.addresses) {
    if (own.address == *gateway)
      return Finding{path,
                     to_string(*gateway) + " is the uplink's own address; write the next hop's"};
  }
  if (!on_link(uplink, *gateway)) {
    return Finding{
        path,
        to_string(*gateway) +
            " is in none of the uplink's networks; correct it or the lengths in \"addresses\""};
  }
  return {};
}

Found Checker::neighbours(size_t index) {
  const Uplink& uplink = policy_.uplinks[index];
  std::map<IpAddress, size_t> seen;
  for (size_t i = 0; i < uplink.neighbours.size(); ++i) {
    const IpAddress& address = uplink.neighbours[i].address;
    Path path = path_to("uplinks", index, "neighbours", i);
    const Path object = path;
    path.push_back(Step::to("address"));
    if (!on_link(uplink, address)) {
      return Finding{
          path,
          to_string(address) +
              " is in none of the uplink's networks; correct it or the lengths in \"addresses\""};
    }
    if (const auto [before, fresh] = seen.emplace(address, i); !fresh) {
      return Finding{
          path, already(to_string(address), path_to("uplinks", index, "neighbours", before->second),
                        "remove one")};
    }
  }
  return {};
}

}  // namespace gatehouse::policy
