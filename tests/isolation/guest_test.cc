// SPDX-License-Identifier: GPL-2.0-or-later
// An unmodified Debian guest attacks, as its root.
#include <algorithm>
#include <sstream>

#include "tests/isolation/fort.hh"

namespace gatehouse::isolation {
namespace {

using std::chrono::seconds;

class Guest : public AttackTest {
 protected:
  static void SetUpTestSuite() {
    expect_all_rows_tested("Guest");
    FortOptions options;
    options.inside = Inside::kLinux;
    options.vcpus = 2;
    // No more protection of /dev/mem than a guest's owner wants.
    options.append = "iomem=relaxed";
    options.devices = {"-netdev", "hubport,id=n,hubid=1", "-device", "e1000e,netdev=n,romfile="};
    fort_ = std::make_unique<Fort>(options);
    fort_->guest().wait_ready();
  }
  static void TearDownTestSuite() { fort_.reset(); }
  void SetUp() override {
    AttackTest::SetUp();
    ASSERT_TRUE(fort_);
  }
  void TearDown() override {
    if (fort_) fort_->expect_held();
  }
  // Runs what makes the guest start anew, and waits until it has.
  static void reboot_by(const std::string& script) {
    const uint64_t resets = fort_->count("guest-resets");
    fort_->agent().start(script);
    ASSERT_TRUE(eventually([&] { return fort_->count("guest-resets") > resets; }, seconds(60)));
    fort_->guest().wait_ready();
  }

  // Names in fw_cfg's directory, and what short files hold.
  static std::string firmware_channel() {
    constexpr uint16_t kSelector = 0x510, kData = 0x511;
    constexpr unsigned kDirectory = 0x19, kEntry = 64, kMost = 4096;
    const auto read = [](unsigned key, unsigned octets) {
      fort_->bus().out(kSelector, key, 2);
      std::string content;
      while (content.size() < octets)
        content.push_back(static_cast<char>(fort_->bus().in(kData, 1)));
      return content;
    };
    const auto word = [](const std::string& text, unsigned at, unsigned octets) {
      unsigned value = 0;
      while (octets-- > 0) value = value << 8 | static_cast<uint8_t>(text.at(at++));
      return value;
    };
    const unsigned files = word(read(kDirectory, 4), 0, 4);
    std::string all = read(kDirectory, 4 + kEntry * files);
    for (unsigned i = 0, at = 4; i < files; ++i, at += kEntry)
      all += read(word(all, at + 4, 2), std::min(word(all, at, 4), kMost));
    return all;
  }

  static std::unique_ptr<Fort> fort_;
};
std::unique_ptr<Fort> Guest::fort_;

TEST_F(Guest, LooksForTraces) {
  // Names in tables, and private addresses. What is there is found in this way.
  const auto find = [](const std::string& names) {
    return fort_->agent()
        .run(
            "grep -rilE '" + names +
            "' /sys/firmware/acpi/tables /sys/firmware/dmi /proc/iomem /proc/ioports /proc/cpuinfo "
            "/proc/interrupts 2>/dev/null")
        .output;
  };
  // The NIC's driver says there what it has.
  fort_->agent().wait_for("grep -q e1000e /proc/iomem", std::chrono::seconds(30));
  EXPECT_EQ(find("gatehouse|sequester|partition"), "");
  const std::string found = find("bochs|qemu|e1000e|processor");
  for (const char* place : {"acpi", "dmi", "iomem", "cpuinfo"})
    EXPECT_NE(found.find(place), std::string::npos) << place << " is not in\n" << found;
  const std::string channel = firmware_channel();
  EXPECT_NE(channel.find("etc/acpi/tables"), std::string::npos);
  for (const char* name : {"gatehouse", "sequester", "partition"})
    EXPECT_EQ(channel.find(name), std::string::npos) << name;
  EXPECT_EQ(fort_->agent()
                .run("grep -E '^ *([89abc][0-9a-f]|d[0-7])[0-9a-f]{8}-' /proc/iomem; "
                     "cat /sys/devices/pci*/*/resource | grep -E "
                     "'0x000000([89abc][0-9a-f]|d[0-7])[0-9a-f]{8} '; "
                     "dmesg | grep -iE 'gatehouse|apic_id 1[0-9]{4}'")
                .output,
            "");
  EXPECT_EQ(fort_->agent().check("nproc; cat /sys/devices/system/cpu/possible; "
                                 "ls /sys/firmware/acpi/tables | grep -c -E 'SRAT|HMAT' || true; "
                                 "grep -c processor /proc/cpuinfo"),
            "2\n0-1\n0\n2\n");
}

TEST_F(Guest, MapsPrivateMemory) {
  const auto before = fort_->refused();
  std::ostringstream script;
  for (const unsigned cpu : {1u, 2u}) {
    for (const uint64_t address : {partition::kRamBase, kTreasure, partition::kMmioBase,
                                   partition::kBarWindowBase, partition::kDeviceViewBase}) {
      for (const unsigned bits : {8u, 16u, 32u, 64u}) {
        script << "taskset " << cpu << " devmem 0x" << std::hex << address << std::dec << " "
               << bits << "; taskset " << cpu << " devmem 0x" << std::hex << address << std::dec
               << " " << bits << " 0x66; ";
      }
    }
  }
  const std::string output = fort_->agent().check(script.str());
  std::istringstream words(output);
  size_t reads = 0;
  for (std::string word; words >> word; ++reads)
    EXPECT_EQ(std::stoull(word, nullptr, 16), 0u) << word;
  EXPECT_EQ(reads, 40u) << output;
  EXPECT_EQ(fort_->refused().at("cpu").reads - before.at("cpu").reads, 40u);
  EXPECT_EQ(fort_->refused().at("cpu").writes - before.at("cpu").writes, 40u);
  fort_->expect_told("cpu", 0);
  fort_->expect_told("cpu", 1);
}

TEST_F(Guest, PlugsItsCpusOutAndIn) {
  fort_->agent().check(
      "cd /sys/devices/system/cpu/cpu1 && for i in 1 2 3 4 5; do echo 0 > online; echo 1 > online; "
      "done");
  EXPECT_EQ(fort_->agent().check("nproc"), "2\n");
}

TEST_F(Guest, InterruptsAllItsCpus) {
  // Backtraces of all CPUs come by NMI.
  fort_->agent().check("for i in 1 2 3; do echo l > /proc/sysrq-trigger; done");
}

TEST_F(Guest, RemovesAndRescansPci) {
  fort_->agent().check(
      "for i in 1 2 3; do for d in /sys/bus/pci/devices/*; do case $(cat $d/class) in 0x02*) "
      "echo 1 > $d/remove;; esac; done; echo 1 > /sys/bus/pci/rescan; done; lspci | grep -q 82574");
}

TEST_F(Guest, SleepsAndWakes) {
  fort_->agent().start("echo mem > /sys/power/state");
  ASSERT_TRUE(eventually(
      [&] { return fort_->qmp().execute("query-status").value("status", "") == "suspended"; },
      seconds(60)));
  fort_->qmp().execute("system_wakeup");
  // Started by its kernel's file and not by a loader, this guest boots anew.
  fort_->guest().wait_ready();
}

TEST_F(Guest, RebootsByForce) { reboot_by("reboot -f"); }

TEST_F(Guest, ResetsAtOnce) { reboot_by("echo b > /proc/sysrq-trigger"); }

TEST_F(Guest, Panics) { reboot_by("echo c > /proc/sysrq-trigger"); }

}  // namespace
}  // namespace gatehouse::isolation
