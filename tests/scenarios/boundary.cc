// SPDX-License-Identifier: GPL-2.0-or-later
// A guest's kernel tries to reach the private addresses of a partition with its CPUs.
#include <gtest/gtest.h>

#include "hw/spec/partition.hh"
#include "tests/scenarios/pair.hh"
#include "tools/lab/deadline.hh"

namespace gatehouse::scenarios {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr uint64_t kNothing = 0x70'0000'0000;  // no memory there on this machine

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

class BoundaryTest : public testing::Test {
 protected:
  void start(const std::vector<std::string>& more = {}) {
    lab::GuestOptions options;
    options.vcpus = 2;
    options.memory_mib = 384;
    options.devices = {"-device", "gatehouse-partition,id=p0,firmware=" + lab::Build::directory() +
                                      "/core/firmware/hello.elf"};
    options.devices.insert(options.devices.end(), more.begin(), more.end());
    guest_ = std::make_unique<lab::Guest>(work_, options);
    guest_->wait_ready();
  }
  std::string devmem(unsigned cpu, uint64_t address, const std::string& rest) {
    return guest_->agent().check("busybox taskset " + hex(1u << cpu) + " busybox devmem " +
                                 hex(address) + " " + rest);
  }
  json attempts(unsigned who) {
    return guest_->qmp().execute("query-gatehouse-partitions").at(0).at("boundary").at(who);
  }

  lab::WorkDir work_{"boundary"};
  std::unique_ptr<lab::Guest> guest_;
};

TEST_F(BoundaryTest, CpusFindNothingAndAreNamed) {
  start();
  // Booting tries nothing.
  for (unsigned who = 0; who < 4; ++who) {
    EXPECT_EQ(attempts(who).at("reads"), 0u) << who;
    EXPECT_EQ(attempts(who).at("writes"), 0u) << who;
  }
  const std::string nothing = devmem(1, kNothing, "64");
  const uint64_t addresses[] = {partition::kRamBase, partition::kRamBase + 0x10'0000,
                                partition::kMmioBase, partition::kBarWindowBase,
                                partition::kDeviceViewBase};
  unsigned tried = 0;
  for (uint64_t address : addresses) {
    devmem(1, address, "64 0xdeadbeefdeadbeef");
    EXPECT_EQ(devmem(1, address, "64"), nothing) << hex(address);
    ++tried;
    EXPECT_GE(attempts(0).at("reads"), tried);
    EXPECT_GE(attempts(0).at("writes"), tried);
  }
  const auto event = guest_->qmp().wait_event("GATEHOUSE_BOUNDARY", seconds(20));
  ASSERT_TRUE(event);
  const json& data = event->at("data");
  EXPECT_EQ(data.at("partition"), "p0");
  EXPECT_EQ(data.at("who"), "cpu");
  EXPECT_EQ(data.at("id"), 1);
  EXPECT_EQ(data.at("address"), addresses[0]);
  EXPECT_EQ(data.at("write"), true);
  EXPECT_EQ(data.at("size"), 8);

  // The firmware lives and answers.
  guest_->qmp().execute("gatehouse-partition-request", {{"partition", "p0"}, {"request", 3}});
  const auto answer = guest_->qmp().wait_event("GATEHOUSE_PARTITION_ANSWER", seconds(20));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->at("data").at("answer"), 0);
}

TEST_F(BoundaryTest, EventsAreRareHoweverManyAttempts) {
  start();
  guest_->agent().check("for i in $(busybox seq 200); do busybox devmem " +
                        hex(partition::kRamBase) + " 64 >/dev/null; done");
  EXPECT_GE(attempts(0).at("reads"), 200u);
  uint64_t told = 0;
  unsigned events = 0;
  while (told < attempts(0).at("reads")) {
    const auto event = guest_->qmp().wait_event("GATEHOUSE_BOUNDARY", seconds(20));
    ASSERT_TRUE(event) << told;
    told += event->at("data").at("count").get<uint64_t>();
    ++events;
  }
  EXPECT_LT(events, 40u);
  EXPECT_EQ(told, attempts(0).at("reads"));
}

}  // namespace
}  // namespace gatehouse::scenarios
