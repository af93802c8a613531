// SPDX-License-Identifier: GPL-2.0-or-later
// Rates are held against the virtual clock, which under -icount counts the guest's instructions; a
// mirror session is judged by tshark.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/scenarios/pair.hh"
#include "tests/unit/core/frames.hh"
#include "tools/report/capture_file.hh"

namespace gatehouse::scenarios {
namespace {

using nlohmann::json;
using report::CapturedFrame;
using std::chrono::seconds;

constexpr size_t kEthernet = 14, kOuter = kEthernet + 20 + 8 + 8;  // Geneve over IPv4

// Of the tap, those of one point.
std::vector<CapturedFrame> frames_at(const std::string& file, const std::string& point) {
  std::vector<CapturedFrame> frames = report::read_capture(file);
  std::erase_if(frames, [&](const CapturedFrame& frame) {
    return frame.interface_name.find(point) == std::string::npos;
  });
  return frames;
}

struct Rate {
  uint64_t octets_per_second;
  uint64_t burst;
};

// What passed fits a bucket of this rate from the first frame on (RFC 2698), and uses it up.
void expect_rate(const std::vector<CapturedFrame>& passed, const Rate& rate) {
  ASSERT_GT(passed.size(), 100u);
  constexpr int64_t kSecond = 1'000'000'000;
  // Octets in units of 1 / kSecond; nothing is rounded.
  const auto full = static_cast<int64_t>(rate.burst) * kSecond;
  int64_t tokens = full;
  uint64_t octets = 0;
  int64_t last = passed[0].time_ns;
  for (const CapturedFrame& frame : passed) {
    const uint64_t datagram = frame.octets.size() - kOuter - kEthernet;
    ASSERT_GE(frame.time_ns, last);
    tokens +=
        static_cast<int64_t>(frame.time_ns - last) * static_cast<int64_t>(rate.octets_per_second);
    tokens = std::min(tokens, full) - static_cast<int64_t>(datagram) * kSecond;
    ASSERT_GE(tokens, 0) << "too fast at " << frame.time_ns << " ns, after " << octets;
    last = frame.time_ns;
    octets += datagram;
  }
  const double span = static_cast<double>(last - passed[0].time_ns) / kSecond;
  const double allowed =
      static_cast<double>(rate.burst) + span * static_cast<double>(rate.octets_per_second);
  EXPECT_GT(span, 0.2) << "the burst alone";
  EXPECT_NEAR(static_cast<double>(octets) / allowed, 1.0, 0.01) << octets << " octets in " << span;
}

TEST(Meter, PassesItsTwoRatesOfVirtualTime) {
  constexpr Rate kCommitted{500'000, 10'000}, kPeak{1'000'000, 20'000};
  constexpr unsigned kFrames = 20'000;
  constexpr uint8_t kYellow = 12;
  lab::WorkDir work{"meter"};
  json policy = pair_topology({}).policy_of("left");
  policy["uplinks"][0]["neighbours"] = {{{"address", "10.99.0.2"}, {"mac", "02:00:00:00:00:02"}}};
  policy["meters"] = {{{"name", "gold"},
                       {"committed_rate", kCommitted.octets_per_second * 8 / 1000},
                       {"committed_burst", kCommitted.burst},
                       {"peak_rate", kPeak.octets_per_second * 8 / 1000},
                       {"peak_burst", kPeak.burst},
                       {"yellow_dscp", kYellow}}};
  policy["vnics"][0]["meter"] = "gold";
  lab::write_file(work.path("left.json"), policy.dump());
  lab::GuestOptions options;
  options.name = "left";
  options.memory_mib = 384;
  options.accelerator = "tcg,thread=single";
  options.append = std::string("gh.ip=") + kLeft4 + "/24";
  options.devices = lab::card_with_vnic("hubport,id=up0,hubid=0", work.path("left.json"));
  options.devices.insert(options.devices.end(), {"-icount", "shift=2,sleep=off"});
  lab::Guest guest(work, options);
  guest.wait_ready();
  wait_for_carrier(guest);
  // Nothing of the guest's own counts in between.
  guest.agent().check("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1");
  const std::string file = work.path("tap.pcapng");
  guest.qmp().execute("gatehouse-tap-start",
                      {{"card", "card0"}, {"points", {"outer"}}, {"file", file}});
  const test::Bytes datagram = test::Frame()
                                   .ethernet()
                                   .ipv4({.source = kLeft4, .destination = kRight4})
                                   .udp()
                                   .payload(472)
                                   .build();
  guest.agent().check(
      "gh-frames send eth0 --count " + std::to_string(kFrames) + " " + hex(datagram), seconds(300));
  EXPECT_TRUE(eventually([&] { return vnic_counter(guest, "vnic0", "tx_frames") >= kFrames; }));
  guest.qmp().execute("gatehouse-tap-stop", {{"card", "card0"}});

  std::vector<CapturedFrame> passed = frames_at(file, "outer"), green;
  std::copy_if(passed.begin(), passed.end(), std::back_inserter(green), [](const auto& frame) {
    return frame.octets[kOuter + kEthernet + 1] >> 2 != kYellow;
  });
  expect_rate(passed, kPeak);
  expect_rate(green, kCommitted);
  EXPECT_EQ(vnic_counter(guest, "vnic0", "meter_green"), green.size());
  EXPECT_EQ(vnic_counter(guest, "vnic0", "meter_yellow"), passed.size() - green.size());
  EXPECT_EQ(drops_of(guest)["meter_red"], kFrames - passed.size());
}

// Rows of tshark's answer.
std::vector<std::string> tshark(const std::string& file, const std::string& filter,
                                const std::vector<std::string>& fields) {
  std::vector<std::string> command = {
      "tshark", "-n", "-r", file, "-o", "ip.check_checksum:TRUE", "-Y", filter, "-T", "fields"};
  for (const std::string& field : fields) command.insert(command.end(), {"-e", field});
  std::istringstream text(lab::check_command(command));
  std::vector<std::string> rows;
  for (std::string row; std::getline(text, row);) {
    if (!row.starts_with("Running as user")) rows.push_back(row);  // its warning to root
  }
  return rows;
}

TEST(Mirror, TsharkFindsEachFrameOfTheGuestInTheSession) {
  if (lab::run_command({"tshark", "--version"}).exit_status != 0)
    GTEST_SKIP() << "skipped: needs tshark";
  PairOptions options;
  options.policy = [](const std::string& side, json& policy) {
    if (side != "left") return;
    policy["uplinks"][0]["neighbours"] = {{{"address", "10.99.0.9"}, {"mac", "02:00:00:00:00:09"}}};
    policy["mirrors"] = {
        {{"name", "watch"}, {"tenant", "red"}, {"peer", "10.99.0.9"}, {"vni", 9001}}};
    policy["vnics"][0]["mirror"] = "watch";
  };
  Pair pair(options);
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const std::string file = pair.work().path("tap.pcapng");
  const uint64_t before = vnic_counter(left, "vnic0", "mirrored");
  left.qmp().execute("gatehouse-tap-start",
                     {{"card", "card0"}, {"points", {"guest", "outer"}}, {"file", file}});
  left.agent().check("ping -c 3 -i 0.1 -W 2 -s 100 " + std::string(kRight4));
  // Ends in spoof; seen all the same.
  left.agent().check(
      "gh-frames send eth0 "
      "5254000000025254000000ee08004500001c000040004011b97dc0a80001c0a800021000100000080000");
  EXPECT_TRUE(eventually([&] { return drops_of(left)["spoofed_mac"] == 1; }));
  left.qmp().execute("stop");
  left.qmp().execute("gatehouse-tap-stop", {{"card", "card0"}});

  const std::string sent = std::string("02:00:00:00:00:09\t10.99.0.1,") + kLeft4 + "\t10.99.0.9," +
                           kRight4 + "\t8\t0x002329",
                    came = std::string("02:00:00:00:00:09\t10.99.0.1,") + kRight4 + "\t10.99.0.9," +
                           kLeft4 + "\t0\t0x002329";
  std::vector<std::string> rows =
      tshark(file, "geneve.vni == 9001 && icmp",
             {"eth.dst", "ip.src", "ip.dst", "icmp.type", "geneve.vni"});
  // tshark lists the inner Ethernet address, too.
  for (std::string& row : rows) row.erase(row.find(','), row.find('\t') - row.find(','));
  EXPECT_EQ(rows, (std::vector<std::string>{sent, came, sent, came, sent, came}));
  EXPECT_EQ(tshark(file,
                   "geneve.vni == 9001 && (_ws.malformed || ip.checksum.status == 0 || "
                   "icmp.checksum.status == 0)",
                   {"frame.number"}),
            std::vector<std::string>{});

  // Octet for octet what the guest sent, before any check, and was given.
  std::vector<std::vector<uint8_t>> guests, copies;
  for (const CapturedFrame& frame : report::read_capture(file)) {
    if (frame.interface_name.find("guest") != std::string::npos) guests.push_back(frame.octets);
    const bool copy = frame.interface_name.find("outer") != std::string::npos &&
                      frame.octets.size() > kOuter && frame.octets[5] == 9;
    if (copy) copies.emplace_back(frame.octets.begin() + kOuter, frame.octets.end());
  }
  std::sort(guests.begin(), guests.end()), std::sort(copies.begin(), copies.end());
  EXPECT_EQ(copies, guests);
  EXPECT_GE(guests.size(), 7u);
  EXPECT_EQ(vnic_counter(left, "vnic0", "mirrored") - before, copies.size());
}

}  // namespace
}  // namespace gatehouse::scenarios
