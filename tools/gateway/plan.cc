// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/gateway/plan.hh"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "hw/core/base/bytes.hh"

namespace gatehouse::gateway {
namespace {

uint32_t number_of(const IpAddress& ip) { return load_be<uint32_t>(ip.octets.data()); }

IpAddress ip_of(uint32_t number) {
  uint8_t octets[4];
  store_be<uint32_t>(octets, number);
  return IpAddress::v4(octets);
}

IpAddress behind(IpAddress ip) {
  const size_t octets = ip.is_v4() ? 4 : 16;
  for (size_t i = octets; i-- > 0 && ++ip.octets[i] == 0;) {
  }
  return ip;
}

std::vector<IpAddress> own_addresses(const policy::Vnic& vnic, IpAddress::Family family) {
  std::vector<IpAddress> own;
  for (const IpPrefix& prefix : vnic.addresses) {
    if (prefix.is_host() && prefix.address.family == family) own.push_back(prefix.address);
  }
  return own;
}

bool read_port(std::string_view text, uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

// "address:port", the address perhaps empty.
bool read_end(std::string_view text, IpAddress& address, uint16_t& port) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || !read_port(text.substr(colon + 1), port)) return false;
  if (colon == 0) return true;
  const std::optional<IpAddress> ip = parse_ip(text.substr(0, colon));
  if (!ip || !ip->is_v4()) return false;
  address = *ip;
  return true;
}

}  // namespace

Result<Plan> make_plan(const policy::Policy& policy, std::string_view vnic_name,
                       uint8_t prefix_length) {
  const auto vnic = std::find_if(policy.vnics.begin(), policy.vnics.end(),
                                 [&](const auto& v) { return v.name == vnic_name; });
  const std::string name(vnic_name);
  if (vnic == policy.vnics.end())
    return Status::error("the policy has no vnic '" + name + "'; --vnic names one of its vnics");
  if (!vnic->mac) return Status::error("the policy's vnic '" + name + "' has no mac; add one");
  const std::vector<IpAddress> v4 = own_addresses(*vnic, IpAddress::Family::kIpv4);
  const std::vector<IpAddress> v6 = own_addresses(*vnic, IpAddress::Family::kIpv6);
  if (v4.empty())
    return Status::error("the policy's vnic '" + name +
                         "' has no IPv4 address of its own; add one like 10.0.2.2");
  Plan plan;
  plan.vnic = name;
  plan.mac = *vnic->mac;
  plan.host = v4[0];
  plan.dns = v4.size() > 1 ? v4[1] : behind(v4[0]);
  const uint32_t mask = prefix_length == 0 ? 0 : ~uint32_t{0} << (32 - prefix_length);
  plan.network = {ip_of(number_of(plan.host) & mask), prefix_length};
  if (!v6.empty()) {
    plan.host_v6 = v6[0];
    plan.dns_v6 = v6.size() > 1 ? v6[1] : behind(v6[0]);
  }
  for (const policy::Mapping& mapping : policy.mappings) {
    if (mapping.tenant != vnic->tenant || !mapping.destination.is_host() ||
        !mapping.destination.address.is_v4())
      continue;
    if (plan.clients.empty()) plan.first_client = mapping.destination.address;
    plan.clients.emplace(mapping.mac, mapping.destination.address);
  }
  return plan;
}

Result<Forward> parse_forward(std::string_view text, const Plan& plan) {
  const std::string words(text);
  const Status grammar = Status::error(
      "--hostfwd " + words + ": write it like tcp:127.0.0.1:2222-10.0.2.15:22 or udp::5353-:53");
  Forward forward;
  if (!text.starts_with("tcp:") && !text.starts_with("udp:")) return grammar;
  forward.udp = text.starts_with("udp:");
  text.remove_prefix(4);
  const size_t dash = text.find('-');
  constexpr uint8_t kLoopback[] = {127, 0, 0, 1};
  forward.host = IpAddress::v4(kLoopback);
  forward.guest = plan.first_client;
  if (dash == std::string_view::npos ||
      !read_end(text.substr(0, dash), forward.host, forward.host_port) ||
      !read_end(text.substr(dash + 1), forward.guest, forward.guest_port)) {
    return grammar;
  }
  if (forward.host.octets[0] != kLoopback[0]) {
    return Status::error("--hostfwd " + words + ": " + to_string(forward.host) +
                         " can be reached from elsewhere; take 127.0.0.1");
  }
  if (!forward.guest.is_v4())
    return Status::error("--hostfwd " + words + ": the policy maps no guest; name its address");
  return forward;
}

}  // namespace gatehouse::gateway
