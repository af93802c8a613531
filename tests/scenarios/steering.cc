// SPDX-License-Identifier: GPL-2.0-or-later
// A partition takes the interrupts of a running guest's NIC and passes them on; the guest's driver
// goes on as before, with and without an IOMMU that remaps interrupts.
#include <gtest/gtest.h>

#include <cinttypes>

#include "hw/spec/partition.hh"
#include "tests/scenarios/pair.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/line_socket.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;

constexpr uint64_t kControl = partition::kRamBase + 0x40'0000, kSlots = kControl + 0x1000;
constexpr unsigned kLooked = 8;  // more slots than the e1000e has vectors

// The test as the partition's core, by the firmware of tests/registers/probe.
class Core {
 public:
  explicit Core(const std::string& path) {
    if (!socket_.connect(path, lab::Deadline(seconds(20))))
      throw lab::Failure("the partition has no console");
  }
  uint64_t read(uint64_t address, unsigned octets) {
    char line[64];
    std::snprintf(line, sizeof line, "r %x %" PRIx64, octets, address);
    return ask(line);
  }
  void write(uint64_t address, uint64_t value, unsigned octets) {
    char line[96];
    std::snprintf(line, sizeof line, "w %x %" PRIx64 " %" PRIx64, octets, address, value);
    ask(line);
  }
  uint64_t get(uint32_t offset, unsigned octets = 4) { return read(kUnit + offset, octets); }
  void set(uint32_t offset, uint64_t value, unsigned octets = 4) {
    write(kUnit + offset, value, octets);
  }

 private:
  static constexpr uint64_t kUnit = partition::kMmioBase + partition::kPage;

  uint64_t ask(const std::string& line) {
    socket_.send_line(line);
    const auto answer = socket_.read_line(lab::Deadline(seconds(20)));
    if (!answer) throw lab::Failure("the partition's core does not answer");
    return std::strtoull(answer->c_str(), nullptr, 16);
  }
  lab::LineSocket socket_;
};

class SteeringTest : public testing::TestWithParam<bool> {
 protected:
  SteeringTest() {
    lab::GuestOptions options;
    options.vcpus = 2;
    options.memory_mib = 384;
    options.devices = {"-chardev",
                       "socket,id=p0c,server=on,wait=off,path=" + work_.path("probe"),
                       "-device",
                       "gatehouse-partition,id=p0,chardev=p0c,firmware=" + lab::Build::directory() +
                           "/core/tests/registers/probe.elf",
                       "-device",
                       "gatehouse-steer,id=s0,partition=p0,device=nic0",
                       "-netdev",
                       "user,id=n0,restrict=on",
                       "-device",
                       "e1000e,id=nic0,netdev=n0,romfile="};
    if (GetParam()) {
      options.devices.insert(options.devices.end(), {"-device", "intel-iommu,intremap=on"});
      // The probe's core never halts: the kernel's test of its timer may find no time.
      options.append = "intel_iommu=on no_timer_check";
    }
    guest_ = std::make_unique<lab::Guest>(work_, options);
    guest_->wait_ready();
    core_ = std::make_unique<Core>(work_.path("probe"));
    guest_->agent().wait_for("ip link set eth0 up");
    guest_->agent().check("ip addr add 10.0.2.15/24 dev eth0 && ping -c 1 -w 30 10.0.2.2");
  }

  std::string ping(unsigned count) {
    return "ping -q -i 0.2 -w 30 -c " + std::to_string(count) + " 10.0.2.2";
  }
  uint32_t count(unsigned slot) {
    return static_cast<uint32_t>(core_->read(
        kSlots + slot * sizeof(partition::SteerSlot) + offsetof(partition::SteerSlot, count), 4));
  }
  // Passes on what came; true when something had.
  bool pass_on() {
    bool any = false;
    for (unsigned slot = 0; slot < kLooked; ++slot) {
      const uint32_t now = count(slot);
      if (now == counts_[slot]) continue;
      counts_[slot] = now;
      core_->set(partition::steer::INJECT_SLOT, slot);
      any = true;
    }
    return any;
  }

  lab::WorkDir work_{"steering"};
  std::unique_ptr<lab::Guest> guest_;
  std::unique_ptr<Core> core_;
  std::array<uint32_t, kLooked> counts_{};
};

INSTANTIATE_TEST_SUITE_P(Iommu, SteeringTest, testing::Bool(),
                         [](const auto& iommu) { return iommu.param ? "remapping" : "none"; });

TEST_P(SteeringTest, TheGuestGetsWhatThePartitionPassesOn) {
  if (GetParam()) guest_->agent().check("grep eth0 /proc/interrupts | grep -q 'IR-PCI-MSI'");
  core_->set(partition::unit::CONTROL, kControl, 8);
  core_->set(partition::steer::SLOTS, kSlots, 8);
  core_->set(partition::steer::STEER, partition::kSteerMsi);
  core_->set(partition::unit::COMMIT, 1);
  ASSERT_EQ(core_->get(partition::unit::RESULT), static_cast<uint64_t>(partition::Result::k_ok));

  // Nobody passes anything on: the guest hears nothing of its frames.
  EXPECT_NE(guest_->agent().run("ping -q -c 2 -w 3 10.0.2.2").exit_status, 0);
  EXPECT_TRUE(pass_on());

  const lab::Agent::Job job = guest_->agent().start(ping(10) + "; echo pinged $?");
  unsigned rounds = 0;
  const lab::Deadline deadline(seconds(60));
  lab::CommandResult result;
  for (bool done = false; !done && !deadline.expired();) {
    rounds += pass_on();
    try {
      guest_->agent().expect(job, "pinged", std::chrono::milliseconds(1));
      done = true;
    } catch (const lab::Failure&) {
      // not yet
    }
  }
  result = guest_->agent().finish(job);
  EXPECT_NE(result.output.find(" 0% packet loss"), std::string::npos) << result.output;
  EXPECT_GT(rounds, 5u);

  // Handed back.
  core_->set(partition::unit::COMMIT, 0);
  pass_on();
  guest_->agent().check(ping(5));
}

}  // namespace
}  // namespace gatehouse::scenarios
