// SPDX-License-Identifier: GPL-2.0-or-later
// Somebody in the guest writes to its NIC's registers and rings behind its driver's back, while the
// driver sends a stream through firmware that intercepts it. Our vnic and QEMU's own e1000e.
// Afterwards the partition works, and so does the NIC as soon as its driver starts it anew.
#include <random>

#include "hw/core/base/bytes.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/isolation/fort.hh"
#include "tests/scenarios/intercepted.hh"

namespace gatehouse::isolation {
namespace {

using partition::kRamBase;
using scenarios::Intercepted;
using scenarios::Nic;
using std::chrono::seconds;
namespace reg = i82574::reg;

constexpr uint32_t kPort = 7000;

// The guest's hand on the NIC.
class Victim {
 public:
  explicit Victim(Nic nic)
      : bed_(nic, ",persist=on,arguments=start",
             {"-qtest", "unix:" + work_.path("qtest") + ",server=on,wait=off", "-qtest-log",
              "none"}) {
    bus_.connect(work_.path("qtest"));
    find();
    server_ = bed_.peer().agent().start("exec gh-load serve " + std::to_string(kPort));
    bed_.peer().agent().expect(server_, "LISTENING", seconds(20));
  }
  registers::Qtest& bus() { return bus_; }
  uint32_t read(uint32_t offset) { return static_cast<uint32_t>(bus_.read(bar_ + offset, 4)); }
  void write(uint32_t offset, uint32_t value) { bus_.write(bar_ + offset, value, 4); }
  // A register of a ring and its upper half.
  void write64(uint32_t offset, uint64_t value) {
    write(offset, static_cast<uint32_t>(value));
    write(offset + 4, static_cast<uint32_t>(value >> 32));
  }
  uint64_t read64(uint32_t offset) { return read(offset) | uint64_t{read(offset + 4)} << 32; }
  // What the firmware has counted.
  uint64_t count(const std::string& name) { return bed_.report()[name]; }

  void start_stream() {
    const uint64_t before = bed_.report()["transmit_descriptors"];
    stream_ = bed_.agent().start("exec gh-load tcp-out " + std::string(scenarios::kRight4) + " " +
                                 std::to_string(kPort) + " 30");
    EXPECT_TRUE(eventually([&] { return bed_.report()["transmit_descriptors"] >= before + 100; }))
        << "there is no traffic to attack";
  }
  void expect_held() {
    bed_.agent().kill(stream_, 9);
    bed_.agent().finish(stream_);
    const nlohmann::json cores =
        bed_.guest().qmp().execute("query-gatehouse-partitions").at(0).at("cores");
    for (const nlohmann::json& core : cores) EXPECT_NE(core.at("state"), "faulted");
    bed_.agent().check(
        "rmmod e1000e; modprobe e1000e; gh-wait interface eth0 20000; ip link set eth0 up; "
        "ip addr replace 192.168.0.1/24 dev eth0");
    scenarios::wait_for_carrier(bed_.guest());
    auto before = bed_.report();
    scenarios::expect_no_loss(bed_.agent().run(scenarios::ping(20)));
    auto after = bed_.report();
    EXPECT_EQ(after["started"], 1u);
    EXPECT_GE(after["transmit_descriptors"], before["transmit_descriptors"] + 20)
        << "traffic passes by the partition";
    find();
  }

 private:
  void find() {
    bar_ = std::stoull(bed_.agent().check("cat /sys/class/net/eth0/device/resource"), nullptr, 16);
  }

  lab::WorkDir work_{"victim"};
  Intercepted bed_;
  registers::Qtest bus_;
  uint64_t bar_ = 0;
  lab::Agent::Job server_ = 0, stream_ = 0;
};

class Interceptor : public AttackTest {
 protected:
  static void SetUpTestSuite() {
    expect_all_rows_tested("Interceptor");
    for (const Nic nic : scenarios::kNics) victims_.push_back(std::make_unique<Victim>(nic));
  }
  static void TearDownTestSuite() { victims_.clear(); }
  template <class Try>
  static void each(Try&& attack) {
    for (const auto& victim : victims_) {
      SCOPED_TRACE(victim == victims_[0] ? "vnic" : "e1000e");
      victim->start_stream();
      attack(*victim);
      victim->expect_held();
    }
  }
  static std::vector<std::unique_ptr<Victim>> victims_;
};
std::vector<std::unique_ptr<Victim>> Interceptor::victims_;

// Where attackers would like rings and buffers to be.
constexpr uint64_t kTargets[] = {kRamBase,
                                 kRamBase + partition::kFirmwareOffset,
                                 kRamBase + 0x80'0000,
                                 partition::kMmioBase,
                                 partition::kBarWindowBase,
                                 partition::kDeviceViewBase,
                                 ~uint64_t{0xfff}};

TEST_F(Interceptor, WildTails) {
  each([](Victim& victim) {
    std::mt19937 random(1);
    for (unsigned i = 0; i < 400; ++i) {
      const uint32_t value = i % 2 ? random() : random() % 0x400;
      for (const unsigned queue : {0, 1}) {
        victim.write(reg::TDT(queue), value);
        victim.write(reg::RDT(queue), value);
        victim.write(reg::TDH(queue), value >> 3);
      }
    }
  });
}

TEST_F(Interceptor, RingsInPrivateRam) {
  each([](Victim& victim) {
    const uint64_t before = victim.count("unusable_rings");
    for (unsigned round = 0; round < 10; ++round) {
      for (const uint64_t target : kTargets) {
        for (const unsigned queue : {0, 1}) {
          victim.write64(reg::TDBAL(queue), target);
          victim.write64(reg::RDBAL(queue), target);
          for (const uint32_t tail : {1, 7, 255}) {
            victim.write(reg::TDT(queue), tail);
            victim.write(reg::RDT(queue), tail);
          }
        }
      }
    }
    EXPECT_TRUE(eventually([&] { return victim.count("unusable_rings") > before; }))
        << "nobody noticed";
  });
}

TEST_F(Interceptor, RingLengthsOutOfRange) {
  each([](Victim& victim) {
    for (unsigned round = 0; round < 10; ++round) {
      for (const uint32_t octets : {0u, 1u, 0x7fu, 0x80u, 0xfff80u, 0x10'0000u, ~0u}) {
        for (const unsigned queue : {0, 1}) {
          // Where a receiver writes, it must not hit the guest's kernel.
          victim.write64(reg::RDBAL(queue), kTargets[round % std::size(kTargets)]);
          victim.write(reg::RDLEN(queue), octets);
          victim.write(reg::TDLEN(queue), octets);
          for (const uint32_t tail : {1u, octets / 16, octets}) {
            victim.write(reg::TDT(queue), tail);
            victim.write(reg::RDT(queue), tail);
          }
        }
      }
    }
  });
}

TEST_F(Interceptor, BuffersInPrivateRam) {
  each([](Victim& victim) {
    const uint64_t before = victim.count("refused_addresses");
    const uint64_t transmit = victim.read64(reg::TDBAL(0)), receive = victim.read64(reg::RDBAL(0));
    for (uint32_t i = 0; i < 256; ++i) {
      uint8_t words[16] = {};
      store_le<uint64_t>(words, kTargets[i % std::size(kTargets)] + 64 * i);
      victim.bus().write_block(receive + 16 * i, words);
      store_le<uint32_t>(words + 8, 0x0b00'0080);  // end of packet, FCS, 128 octets
      victim.bus().write_block(transmit + 16 * i, words);
      victim.write(reg::TDT(0), i);
      victim.write(reg::RDT(0), i);
    }
    EXPECT_TRUE(eventually([&] { return victim.count("refused_addresses") > before; }))
        << "nobody noticed";
  });
}

TEST_F(Interceptor, ResetsWithoutAPause) {
  each([](Victim& victim) {
    using namespace i82574;  // NOLINT: reads like the data sheet
    for (unsigned i = 0; i < 300; ++i) {
      victim.write(reg::CTRL, CTRL_RST | CTRL_SLU);
      victim.write(reg::TCTL, i % 2 ? TCTL_EN : 0);
      victim.write(reg::RCTL, i % 3 ? RCTL_EN : 0);
      victim.write(reg::TDT(0), i);
      victim.write(reg::RDT(0), i);
      victim.write(reg::IMS, ~0u);
    }
  });
}

}  // namespace
}  // namespace gatehouse::isolation
