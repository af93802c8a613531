// SPDX-License-Identifier: GPL-2.0-or-later
// A partition takes over the NIC of a running, unmodified guest, and hands it back: our vnic and
// QEMU's own e1000e. No frame is lost, whatever the driver does meanwhile.
#include <gtest/gtest.h>

#include "hw/spec/partition.hh"
#include "hw/spec/pattern_rules.hh"
#include "tests/scenarios/pair.hh"

namespace gatehouse::scenarios {
namespace {

using partition::Answer, partition::Request;
using std::chrono::seconds;

// The words that put an interceptor in front of the device with this id.
std::vector<std::string> interceptor(const std::string& device, const std::string& console,
                                     const std::string& more = "") {
  lab::write_file(console, "");
  return {"-chardev",
          "file,id=p0c,path=" + console,
          "-device",
          "gatehouse-partition,id=p0,chardev=p0c,memory=16M,firmware=" +
              lab::Build::firmware("interceptor") + more,
          "-device",
          "gatehouse-redirect,id=r0,partition=p0,device=" + device,
          "-device",
          "gatehouse-steer,id=s0,partition=p0,device=" + device};
}

Answer request(lab::Guest& guest, Request what) {
  guest.qmp().execute("gatehouse-partition-request",
                      {{"partition", "p0"}, {"request", static_cast<uint32_t>(what)}});
  const auto event = guest.qmp().wait_event("GATEHOUSE_PARTITION_ANSWER", seconds(20));
  return event ? static_cast<Answer>(event->at("data").at("answer").get<uint32_t>())
               : Answer::kUnknown;
}

// A count of the firmware's last report.
uint64_t count_of(lab::Guest& guest, const std::string& console, const std::string& name) {
  lab::write_file(console, "");
  if (request(guest, Request::kReport) != Answer::kDone) return 0;
  const std::string line = "  " + name + " ";
  uint64_t count = 0;
  eventually([&] {
    const std::string text = lab::read_file(console);
    const size_t at = text.rfind(line);
    if (at == std::string::npos) return false;
    count = std::strtoull(text.c_str() + at + line.size(), nullptr, 10);
    return true;
  });
  return count;
}

std::string ping(const std::string& address, unsigned times, const char* interval = "0.02") {
  return std::string("ping -q -i ") + interval + " -w 60 -c " + std::to_string(times) + " " +
         address;
}

void expect_no_loss(const lab::CommandResult& result) {
  EXPECT_NE(result.output.find(" 0% packet loss"), std::string::npos) << result.output;
}

// What every NIC goes through.
void intercept(lab::Guest& guest, const std::string& console, const std::string& peer) {
  lab::Agent& agent = guest.agent();
  expect_no_loss(agent.run(ping(peer, 20)));
  ASSERT_EQ(request(guest, Request::kStart), Answer::kDone);
  expect_no_loss(agent.run(ping(peer, 50)));
  expect_no_loss(agent.run(ping(peer, 20) + " -s 8000"));
  EXPECT_GT(count_of(guest, console, "transmit_descriptors"), 50u);

  // Taken over and handed back again and again, under traffic.
  const lab::Agent::Job job = agent.start(ping(peer, 400));
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(request(guest, Request::kStop), Answer::kDone);
    EXPECT_EQ(request(guest, Request::kStart), Answer::kDone);
  }
  expect_no_loss(agent.finish(job));

  // The driver resets the NIC, changes its rings, loses its link.
  agent.check("ethtool -G eth0 rx 1024 tx 512");
  wait_for_carrier(guest);
  expect_no_loss(agent.run(ping(peer, 20)));
  agent.check("ip link set eth0 down && ip link set eth0 up");
  wait_for_carrier(guest);
  expect_no_loss(agent.run(ping(peer, 20)));
  EXPECT_GE(count_of(guest, console, "resets"), 2u);

  ASSERT_EQ(request(guest, Request::kStop), Answer::kDone);
  expect_no_loss(agent.run(ping(peer, 20)));
  EXPECT_EQ(agent.check("dmesg").find("Hardware Unit Hang"), std::string::npos);
}

TEST(Interception, OfQemusOwnE1000e) {
  lab::WorkDir work("interception");
  const std::string console = work.path("partition");
  lab::GuestOptions options;
  options.memory_mib = 384;
  options.devices = interceptor("nic0", console);
  for (const char* word :
       {"-netdev", "user,id=n0,restrict=on", "-device", "e1000e,id=nic0,netdev=n0,romfile="})
    options.devices.push_back(word);
  options.append = "gh.ip=10.0.2.15/24";
  lab::Guest guest(work, options);
  guest.wait_ready();
  wait_for_carrier(guest);
  intercept(guest, console, "10.0.2.2");
}

TEST(Interception, OfOurVnic) {
  lab::WorkDir work("interception");
  const std::string console = work.path("partition");
  PairOptions options;
  options.left_devices = interceptor("vnic0", console);
  Pair pair(options);
  intercept(pair.left(), console, kRight4);
}

}  // namespace
}  // namespace gatehouse::scenarios
