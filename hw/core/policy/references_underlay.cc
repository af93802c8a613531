// SPDX-License-Identifier: GPL-2.0-or-later
// Formats and uplinks.
#include <algorithm>

#include "hw/core/policy/checker.hh"
#include "hw/core/policy/format_rules.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "hw/core/policy/values.hh"

namespace gatehouse::policy {
namespace {

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
  for (size_t i = 0; i < shipped_formats().size(); ++i) {
    const Format& format = shipped_formats()[i];
    if (i < kBuiltinFormats || uses_shipped(policy_, format.name))
      formats_.emplace(format.name, &format);
  }
  for (size_t i = 0; i < policy_.formats.size(); ++i) {
    if (Found found = format(i)) return found;
  }
  return {};
}

Found Checker::format(size_t index) {
  const Format& format = policy_.formats[index];
  const auto& shipped = shipped_formats();
  if (std::any_of(shipped.begin(), shipped.begin() + kBuiltinFormats,
                  [&](const Format& builtin) { return builtin.name == format.name; }))
    return Finding{path_to("formats", index, "name"),
                   in_quotes(format.name) + " is built in; choose another name"};
  if (formats_.contains(format.name)) {
    return Finding{path_to("formats", index, "name"), "a format before this one is also called " +
                                                          in_quotes(format.name) +
                                                          "; choose another name"};
  }
  const bool described = !format.header.empty() || format.inner != Inside::kEthernet ||
                         !format.id.empty() || format.tenant || format.flow || format.length.field;
  if (!described && format.kind.empty()) {
    return Finding{
        {Step::to("formats"), Step::at(index)},
        "\"kind\" is missing; add one like \"kind\": \"geneve\", or describe the format"};
  }
  const auto finding = [&](const FormatFinding& found) {
    return Finding{path_to("formats", index, found.member), found.problem};
  };
  if (const auto found = check_format(format)) return finding(*found);
  for (const auto& [name, other] : formats_) {
    if (likeness(format, *other) == Likeness::kConfusing) return finding(confusing(format, *other));
  }
  formats_.emplace(format.name, &format);
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
                     "IPv6 needs an MTU of at least " + std::to_string(kMinIpv6Mtu) +
                         "; raise it or remove the IPv6 addresses"};
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
