// SPDX-License-Identifier: GPL-2.0-or-later
// What an unmodified guest finds on its bus, and what its own driver and its self-test say of it.
#include <gtest/gtest.h>

#include "tests/scenarios/pair.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;

void stream_both_ways(Pair& pair) {
  const auto stream = [](lab::Guest& from, lab::Guest& to, const char* address) {
    const lab::Agent::Job server = to.agent().start("iperf3 -s -1 --forceflush");
    to.agent().expect(server, "listening", seconds(20));
    from.agent().check("iperf3 -n 8M -c " + std::string(address), seconds(60));
    EXPECT_EQ(to.agent().finish(server, seconds(20)).exit_status, 0);
  };
  stream(pair.left(), pair.right(), kRight4);
  stream(pair.right(), pair.left(), kLeft4);
}

class Bus : public testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {}
  void start() {
    PairOptions options;
    options.kernel = GetParam();
    pair_ = std::make_unique<Pair>(options);
  }
  std::unique_ptr<Pair> pair_;
};

TEST_P(Bus, OneOrdinaryNicAndNothingElse) {
  start();
  lab::Agent& agent = pair_->left().agent();
  // q35 without devices has the host bridge, ISA, SATA and SMBus functions of the ICH9; one more is
  // ours.
  EXPECT_EQ(agent.check("lspci -n | grep -vc '8086:2[49]'"), "1\n") << agent.check("lspci -nn");
  EXPECT_EQ(agent.check("lspci -n -d 8086:10d3 | wc -l"), "1\n");
  const std::string detail = agent.check("lspci -vv -d 8086:10d3");
  for (const char* expected : {"Capabilities: [c8] Power Management",
                               "Capabilities: [d0] MSI:", "Capabilities: [e0] Express",
                               "Capabilities: [a0] MSI-X: Enable+ Count=5",
                               "Advanced Error Reporting", "Device Serial Number"}) {
    EXPECT_NE(detail.find(expected), std::string::npos) << expected << " is missing in\n" << detail;
  }
  for (const char* size : {"[size=128K]", "[size=32]", "[size=16K]"}) {
    EXPECT_NE(detail.find(size), std::string::npos) << size << " is missing in\n" << detail;
  }
  EXPECT_NE(detail.find("Kernel driver in use: e1000e"), std::string::npos) << detail;
}

TEST_P(Bus, DriverSelfTestPasses) {
  start();
  lab::Agent& agent = pair_->left().agent();
  const lab::CommandResult result = agent.run("ethtool -t eth0 offline", seconds(120));
  EXPECT_EQ(result.exit_status, 0) << result.output << agent.check("dmesg | tail -20");
  for (const char* part : {"Register test  (offline)\t 0", "Eeprom test    (offline)\t 0",
                           "Interrupt test (offline)\t 0", "Loopback test  (offline)\t 0",
                           "Link test   (on/offline)\t 0"}) {
    EXPECT_NE(result.output.find(part), std::string::npos) << part << " is missing in\n"
                                                           << result.output;
  }
  wait_for_carrier(pair_->left());
  agent.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
}

TEST_P(Bus, DriverFindsLinkAddressAndInterrupts) {
  start();
  lab::Agent& agent = pair_->left().agent();
  EXPECT_EQ(agent.check("cat /sys/class/net/eth0/address"), std::string(kLeftMac) + "\n");
  EXPECT_EQ(agent.check("cat /sys/class/net/eth0/speed"), "1000\n");
  EXPECT_EQ(agent.check("cat /sys/class/net/eth0/duplex"), "full\n");
  agent.check("ping -c 2 -i 0.2 -W 2 " + std::string(kRight4));
  const std::string interrupts = agent.check("grep eth0 /proc/interrupts");
  EXPECT_NE(interrupts.find("eth0-rx-0"), std::string::npos) << interrupts;
  EXPECT_NE(interrupts.find("eth0-tx-0"), std::string::npos) << interrupts;
  EXPECT_EQ(
      agent.check(
          "dmesg | grep -ciE 'tx unit hang|reset adapter|NVM checksum|BUG:|WARNING:' || true"),
      "0\n")
      << agent.check("dmesg | tail -40");
}

INSTANTIATE_TEST_SUITE_P(Kernels, Bus, testing::Values("6.1", "6.12"), [](const auto& row) {
  return row.param == std::string("6.1") ? "Linux61" : "Linux612";
});

struct InterruptCase {
  const char* name;
  const char* mode;      // e1000e's own parameter
  const char* expected;  // in /proc/interrupts
  friend void PrintTo(const InterruptCase& row, std::ostream* out) { *out << row.name; }
};

class InterruptKinds : public testing::TestWithParam<InterruptCase> {};

// MSI-X is what all other scenarios have.
TEST_P(InterruptKinds, CarryAStreamBothWays) {
  PairOptions options;
  options.left_append = std::string("e1000e.IntMode=") + GetParam().mode;
  Pair pair(options);
  lab::Agent& left = pair.left().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const std::string interrupts = left.check("grep eth0 /proc/interrupts");
  EXPECT_NE(interrupts.find(GetParam().expected), std::string::npos) << interrupts;
  EXPECT_EQ(interrupts.find("eth0-rx-0"), std::string::npos) << interrupts;
  stream_both_ways(pair);
}

INSTANTIATE_TEST_SUITE_P(Driver, InterruptKinds,
                         testing::Values(InterruptCase{"Intx", "0", "IO-APIC"},
                                         InterruptCase{"Msi", "1", "PCI-MSI"}),
                         [](const auto& row) { return row.param.name; });

// DMA goes through the translation, and MSI-X through the remapping, of an IOMMU on the machine.
TEST(Iommu, TranslatesAndRemaps) {
  PairOptions options;
  options.left_devices = {"-device", "intel-iommu,intremap=on"};
  options.left_append = "intel_iommu=on,sm_off iommu.passthrough=0";
  Pair pair(options);
  lab::Agent& left = pair.left().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  EXPECT_EQ(left.check("test -e /sys/class/net/eth0/device/iommu_group && echo yes"), "yes\n");
  EXPECT_NE(left.check("grep eth0-rx-0 /proc/interrupts").find("IR-"), std::string::npos)
      << left.check("cat /proc/interrupts; dmesg | grep -iE 'dmar|iommu'");
  stream_both_ways(pair);
  EXPECT_EQ(left.check("dmesg | grep -c 'DMAR:.*fault' || true"), "0\n");
}

}  // namespace
}  // namespace gatehouse::scenarios
