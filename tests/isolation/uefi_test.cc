// SPDX-License-Identifier: GPL-2.0-or-later
// A guest whose firmware is UEFI's, built for SMM: it sizes memory, maps BARs anywhere below the
// end of the address space, brings up its CPUs and takes them to SMM by its own means.
#include "tests/isolation/fort.hh"

namespace gatehouse::isolation {
namespace {

using std::chrono::seconds;

class Uefi : public AttackTest {
 protected:
  static void SetUpTestSuite() {
    expect_all_rows_tested("Uefi");
    FortOptions options;
    options.inside = Inside::kUefi;
    options.vcpus = 2;
    options.append = "efi=debug";
    // A BAR of 64 bits.
    options.devices = {"-object", "memory-backend-ram,id=shared,size=4M,share=on", "-device",
                       "ivshmem-plain,memdev=shared"};
    fort_ = std::make_unique<Fort>(options);
    fort_->guest().wait_ready(seconds(240));
  }
  static void TearDownTestSuite() { fort_.reset(); }
  void SetUp() override {
    AttackTest::SetUp();
    ASSERT_TRUE(fort_);
  }
  void TearDown() override {
    if (fort_) fort_->expect_held();
  }
  static void expect_nothing_tried() {
    for (const auto& [who, row] : fort_->refused()) EXPECT_EQ(row, Fort::Refused{}) << who;
  }

  static std::unique_ptr<Fort> fort_;
};
std::unique_ptr<Fort> Uefi::fort_;

TEST_F(Uefi, LooksForMemory) {
  expect_nothing_tried();
  // Addresses from kPrivateBase to kPrivateEnd.
  const std::string inside = "0x0*(8|9|a|b|c|d[0-7])[0-9a-f]{9}[^0-9a-f]";
  const auto find = [](const std::string& words) {
    return fort_->agent()
        .run(
            "(dmesg | grep -E 'efi: mem|e820|BAR'; cat /proc/iomem | sed 's/^ */0x/; s/-/-0x/'; "
            "cat /sys/devices/pci*/*/resource) | grep -E '" +
            words + "'")
        .output;
  };
  EXPECT_NE(find("efi: mem"), "") << "it has not started by UEFI";
  EXPECT_NE(find("0x0*[1-9a-f][0-9a-f]{8,}[^0-9a-f]"), "") << "nothing is above 4 GiB anyway";
  EXPECT_EQ(find(inside), "");
  EXPECT_EQ(fort_->agent().check("nproc; cat /sys/devices/system/cpu/possible"), "2\n0-1\n");
}

TEST_F(Uefi, WritesVariablesBySmm) {
  // The flash takes what SMM writes, and nothing else: something has been written.
  EXPECT_NE(lab::read_file(fort_->path("variables")), lab::read_file(kUefiVariables));
  fort_->agent().check(
      "for i in $(seq 20); do printf '\\000' | dd of=/dev/port bs=1 seek=178 count=1 "
      "conv=notrunc 2>/dev/null || exit 1; done");
  expect_nothing_tried();
}

TEST_F(Uefi, Reboots) {
  const uint64_t resets = fort_->count("guest-resets");
  fort_->agent().start("reboot -f");
  ASSERT_TRUE(eventually([&] { return fort_->count("guest-resets") > resets; }, seconds(60)));
  fort_->guest().wait_ready(seconds(240));
  expect_nothing_tried();
}

}  // namespace
}  // namespace gatehouse::isolation
