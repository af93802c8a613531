// SPDX-License-Identifier: GPL-2.0-or-later
// Three of a partition's cores make a mistake each while an unmodified guest boots: the fourth goes
// on, and so does the guest. What they say: tests/registers/faults_test.cc.
#include <gtest/gtest.h>

#include <set>

#include "tests/scenarios/pair.hh"

namespace gatehouse::scenarios {
namespace {

using nlohmann::json;
using std::chrono::seconds;

TEST(MistakesOfFirmware, DoNotConcernTheGuest) {
  const lab::WorkDir work("mistakes");
  lab::GuestOptions options;
  options.vcpus = 2;
  options.memory_mib = 384;
  options.paused = true;  // an event before there is a listener is lost
  options.devices = {
      "-chardev", "socket,id=p0c,server=on,wait=off,path=" + work.path("console"), "-device",
      "gatehouse-partition,id=p0,chardev=p0c,cores=4,memory=4M,firmware=" +
          lab::Build::firmware("trial") + ",arguments=fault=1,,divide=2,,overflow=3,,echo"};
  lab::Guest guest(work, options);
  guest.qmp().execute("cont");
  std::set<std::string> cores;
  for (unsigned i = 0; i < 3; ++i) {
    const auto alert = guest.qmp().wait_event("GATEHOUSE_PARTITION_ALERT", seconds(20));
    ASSERT_TRUE(alert.has_value());
    EXPECT_EQ(alert->at("data").at("partition"), "p0");
    const std::string text = alert->at("data").at("text");
    EXPECT_NE(text.find(": exception "), std::string::npos) << text;
    cores.insert(text.substr(0, text.find(':')));
  }
  EXPECT_EQ(cores, (std::set<std::string>{"core 1", "core 2", "core 3"}));

  guest.wait_ready();
  EXPECT_EQ(guest.agent().check("nproc"), "2\n");
  lab::LineSocket console;
  const lab::Deadline limit(seconds(20));
  ASSERT_TRUE(console.connect(work.path("console"), limit));
  console.send_line("still here?");
  EXPECT_EQ(console.read_line(limit).value_or("nothing"), "STILL HERE?");

  const auto partition = [&] { return guest.qmp().execute("query-gatehouse-partitions").at(0); };
  for (unsigned core = 0; core < 4; ++core)
    EXPECT_TRUE(eventually([&] {
      return partition().at("cores").at(core).at("state") == "halted";
    })) << core;
  EXPECT_EQ(partition().at("alerts"), 3) << "it began anew";
  EXPECT_FALSE(guest.qmp().wait_event("GATEHOUSE_PARTITION_FAULT", std::chrono::milliseconds(0)));
}

}  // namespace
}  // namespace gatehouse::scenarios
