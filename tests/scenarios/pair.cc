// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/scenarios/pair.hh"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstdio>

#include "tools/lab/failure.hh"

namespace gatehouse::scenarios {

lab::Topology pair_topology(const PairOptions& options) {
  lab::Topology topology;
  topology.ipv6_underlay = options.ipv6_underlay;
  topology.underlay_mtu = options.underlay_mtu;
  topology.formats = options.formats;
  topology.tenants = {{.name = "red", .vni = 4242, .format = options.format}};
  topology.hosts = {
      {.name = "left",
       .mac = "02:00:00:00:00:01",
       .underlay = {"10.99.0.1/24", "fd99::1/64"},
       .endpoints =
           {{.vnic = "vnic0", .tenant = "red", .mac = kLeftMac, .addresses = {kLeft4, kLeft6}}}},
      {.name = "right",
       .mac = "02:00:00:00:00:02",
       .underlay = {"10.99.0.2/24", "fd99::2/64"},
       .endpoints = {
           {.vnic = "vnic0", .tenant = "red", .mac = kRightMac, .addresses = {kRight4, kRight6}}}}};
  return topology;
}

Pair::Pair(const PairOptions& options) : topology_(pair_topology(options)) {
  std::vector<std::string> wire = {lab::Build::tool(), "switch", "--listen",
                                   "unix:" + underlay_socket()};
  wire.insert(wire.end(), options.switch_options.begin(), options.switch_options.end());
  underlay_ = std::make_unique<lab::Process>(wire, work_.path("switch.log"));
  for (const char* side : {"left", "right"}) {
    nlohmann::json policy = topology_.policy_of(side);
    if (options.policy) options.policy(side, policy);
    lab::write_file(policy_path(side), policy.dump(2) + "\n");
  }
  const auto start = [&](const char* side, const char* address4, const char* address6,
                         const std::vector<std::string>& more, const std::string& append) {
    lab::GuestOptions guest;
    guest.name = side;
    guest.kernel = options.kernel;
    guest.vcpus = options.vcpus;
    guest.memory_mib = 384;
    guest.devices = devices(side, options.vnic_options);
    guest.devices.insert(guest.devices.end(), more.begin(), more.end());
    guest.append = std::string("gh.hostname=") + side + " gh.ip=" + address4 + "/24," + address6 +
                   "/64 " + append;
    return std::make_unique<lab::Guest>(work_, guest);
  };
  left_ = start("left", kLeft4, kLeft6, options.left_devices, options.left_append);
  right_ = start("right", kRight4, kRight6, {}, "");
  left_->wait_ready();
  right_->wait_ready();
  wait_for_carrier(*left_);
  wait_for_carrier(*right_);
}

std::vector<std::string> Pair::devices(const std::string& side,
                                       const std::string& vnic_options) const {
  return lab::card_with_vnic(lab::stream_netdev("up0", underlay_socket()), policy_path(side),
                             vnic_options);
}

nlohmann::json card_of(lab::Guest& guest) { return guest.qmp().execute("query-gatehouse").at(0); }

std::map<std::string, uint64_t> drops_of(lab::Guest& guest) {
  std::map<std::string, uint64_t> drops;
  const nlohmann::json card = card_of(guest);
  for (const nlohmann::json& drop : card.at("drops")) {
    drops[drop.at("reason").get<std::string>()] = drop.at("count").get<uint64_t>();
  }
  return drops;
}

std::map<std::string, uint64_t> difference(const std::map<std::string, uint64_t>& before,
                                           const std::map<std::string, uint64_t>& after) {
  std::map<std::string, uint64_t> moved;
  for (const auto& [reason, count] : after) {
    const auto earlier = before.find(reason);
    const uint64_t base = earlier == before.end() ? 0 : earlier->second;
    if (count != base) moved[reason] = count - base;
  }
  return moved;
}

uint64_t vnic_counter(lab::Guest& guest, const std::string& vnic, const std::string& counter) {
  const nlohmann::json card = card_of(guest);
  for (const nlohmann::json& row : card.at("vnics")) {
    if (row.at("name") == vnic) return row.at("counters").at(counter).get<uint64_t>();
  }
  return 0;
}

std::string story_of(lab::Guest& guest) {
  std::string story = guest.name() + ":\n";
  try {
    story += card_of(guest).dump() + "\n";
    story += guest.agent()
                 .run(
                     "ss -tin; ip neigh; ip -s link show eth0; grep eth0 /proc/interrupts; "
                     "ethtool -S eth0 | grep -v ': 0'; dmesg | tail -n 5")
                 .output;
  } catch (const lab::Failure& failure) {
    story += failure.what();
  }
  return story + "\n";
}

void copy_and_compare(lab::Guest& from, lab::Guest& to, const std::string& address, unsigned mib) {
  // nc ends as soon as its own input does: a FIFO that this shell holds open never does.
  const lab::Agent::Job sink =
      to.agent().start("mkfifo /tmp/open.$$; exec 3<>/tmp/open.$$; nc -l -p 9000 <&3 | sha256sum");
  to.agent().check("gh-wait tcp 9000 20000", std::chrono::seconds(30));
  const std::string sent =
      from.agent().check("dd if=/dev/urandom of=/tmp/data bs=1M count=" + std::to_string(mib) +
                             " 2>/dev/null; bash -c 'cat /tmp/data >/dev/tcp/" + address +
                             "/9000'; sha256sum </tmp/data",
                         std::chrono::seconds(120));
  const lab::CommandResult received = to.agent().finish(sink, std::chrono::seconds(60));
  EXPECT_EQ(received.output, sent) << received.exit_status;
}

std::string hex(const std::vector<uint8_t>& frame) {
  std::string text;
  for (const uint8_t octet : frame) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", octet);
    text += digits;
  }
  return text;
}

void wait_for_carrier(lab::Guest& guest, const std::string& interface) {
  guest.agent().check("gh-wait carrier " + interface + " 60000", std::chrono::seconds(70));
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const lab::Deadline deadline(limit);
  while (!condition()) {
    if (deadline.expired()) return false;
    poll(nullptr, 0, 20);
  }
  return true;
}

}  // namespace gatehouse::scenarios
