// SPDX-License-Identifier: GPL-2.0-or-later
// Two tenants with the same addresses on one card: a frame reaches only its tenant, the other
// tenant's vnic does not even count it.
#include <gtest/gtest.h>

#include "hw/spec/i82574_descriptors.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/registers/machine.hh"
#include "tests/registers/traffic.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet
using nlohmann::json;
using test::Bytes;
using test::Frame;

constexpr size_t kStations = 2;
struct Tenant {
  const char* name;
  uint32_t vni;
  const char* vni_octets;  // as encapsulated() takes them
};
constexpr Tenant kTenants[kStations] = {{"red", 5001, "00138900"}, {"blue", 5002, "00138a00"}};
constexpr size_t kVniAt = kOuter - 4;
const char* const kOwnMac = "52:54:00:00:00:01";
const char* const kOwnIp = "192.168.0.1";
const char* const kBlueIp = "192.168.0.9";  // which red does not have
const char* const kEverybody = "ff:ff:ff:ff:ff:ff";

// Vnics and mappings are alike but for the tenant's name; so is the peer.
json same_addresses() {
  json policy = Machine::default_policy();
  policy["tenants"].push_back(
      {{"name", kTenants[1].name}, {"vni", kTenants[1].vni}, {"format", "vxlan"}});
  for (const char* list : {"vnics", "mappings"}) {
    json row = policy[list][0];
    row["tenant"] = kTenants[1].name;
    policy[list].push_back(row);
  }
  policy["vnics"][1]["name"] = "vnic1";
  policy["vnics"][1]["addresses"].push_back(kBlueIp);
  return policy;
}

// A driver with a place of its own for BARs and rings: Rings is for one vnic of a machine.
class Station {
 public:
  Station(Machine& machine, unsigned slot, uint32_t number)
      : machine_(machine),
        bar_(Machine::kMemoryBar + number * 0x10'0000),
        ring_(0x10'0000 + number * 0x10'0000) {
    machine.config_write(slot, 0x10, bar_, 4);
    machine.config_write(slot, 0x14, bar_ + 0x2'0000, 4);
    machine.config_write(slot, 0x18, Machine::kIoBar + number * 0x100, 4);
    machine.config_write(slot, 0x1c, bar_ + 0x4'0000, 4);
    machine.config_write(slot, 0x04, 7, 2);
    set(reg::CTRL, get(reg::CTRL) | CTRL_SLU);
    wait_link();
    for (uint32_t i = 0; i < kDescriptors; ++i) {
      std::array<uint8_t, kRxDescriptorSize> descriptor{};
      put<desc::ADDRESS>(descriptor.data(), buffer(i));
      machine.bus().write_block(ring_ + 16 * i, descriptor);
    }
    set(reg::RDBAL(0), ring_);
    set(reg::RDLEN(0), 16 * kDescriptors);
    set(reg::RDT(0), kDescriptors - 1);
    set(reg::RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
    set(reg::TDBAL(0), ring_ + kTransmit);
    set(reg::TDLEN(0), 16 * kDescriptors);
    set(reg::TCTL, TCTL_EN | TCTL_PSP);
  }

  void send(const Bytes& frame) {
    machine_.bus().write_block(ring_ + kFrame, frame);
    std::array<uint8_t, kTxDescriptorSize> descriptor{};
    put<desc::TX_ADDRESS>(descriptor.data(), ring_ + kFrame);
    put<desc::TX_LENGTH>(descriptor.data(), frame.size());
    put<desc::TX_COMMAND>(descriptor.data(), TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS);
    machine_.bus().write_block(ring_ + kTransmit + 16 * sent_, descriptor);
    set(reg::TDT(0), ++sent_);
  }
  // Frames in the receive ring.
  uint32_t received() { return get(reg::RDH(0)); }
  Bytes frame(uint32_t index) {
    const Bytes descriptor = machine_.bus().read_block(ring_ + 16 * index, 16);
    return machine_.bus().read_block(buffer(index),
                                     i82574::get<desc::LEGACY_LENGTH>(descriptor.data()));
  }

 private:
  static constexpr uint32_t kDescriptors = 16, kTransmit = 0x1000, kFrame = 0x2000;

  uint32_t get(uint32_t offset) {
    return static_cast<uint32_t>(machine_.bus().read(bar_ + offset, 4));
  }
  void set(uint32_t offset, uint32_t value) { machine_.bus().write(bar_ + offset, value, 4); }
  uint64_t buffer(uint32_t index) const { return ring_ + 0x1'0000 + 2048 * index; }
  void wait_link() {
    for (int i = 0; i < 100; ++i) {
      if (get(reg::STATUS) & STATUS_LU) return;
      machine_.bus().step(100'000'000);
    }
    throw lab::Failure("the link does not come up");
  }

  Machine& machine_;
  const uint32_t bar_, ring_;
  uint32_t sent_ = 0;
};

class Tenants : public testing::Test {
 protected:
  Tenants()
      : machine_({.policy = same_addresses(),
                  .more = {"-device", "gatehouse-vnic,id=vnic1,card=card0,addr=6,romfile="}}),
        stations_{{machine_, Machine::kSlot, 0}, {machine_, 6, 1}} {}

  // All that a vnic has counted, and its ring.
  json seen(size_t number) {
    const json vnic = machine_.card(true)["vnics"][number];
    return {{"counters", vnic["counters"]},
            {"drops", vnic["drops"]},
            {"received", stations_[number].received()}};
  }
  void expect_received(size_t number, const Bytes& frame, const json& other_before) {
    const uint32_t index = taken_[number]++;
    ASSERT_TRUE(machine_.wait([&] { return stations_[number].received() > index; }));
    EXPECT_EQ(stations_[number].received(), index + 1);
    EXPECT_EQ(stations_[number].frame(index), frame);
    EXPECT_EQ(seen(1 - number), other_before) << "it reached the other tenant";
  }

  Machine machine_;
  Station stations_[kStations];
  uint32_t taken_[kStations] = {};
};

TEST_F(Tenants, MayHaveTheSameAddresses) {
  const json vnics = machine_.card()["vnics"];
  ASSERT_EQ(vnics.size(), kStations);
  for (size_t i = 0; i < kStations; ++i) {
    EXPECT_EQ(vnics[i]["name"], "vnic" + std::to_string(i));
    EXPECT_EQ(vnics[i]["tenant"], kTenants[i].name);
    EXPECT_EQ(vnics[i]["vni"], kTenants[i].vni);
    EXPECT_EQ(vnics[i]["mac"], kOwnMac);
    EXPECT_EQ(vnics[i]["addresses"][0], std::string(kOwnIp) + "/32");
  }
}

TEST_F(Tenants, AFrameFromTheWireReachesTheVnicOfItsVni) {
  const Bytes everybody = Frame()
                              .ethernet({.destination = kEverybody, .source = "52:54:00:00:00:02"})
                              .ipv4({.source = "192.168.0.2", .destination = "255.255.255.255"})
                              .udp()
                              .payload(100)
                              .build();
  for (const uint32_t round : {0u, 1u}) {
    for (size_t i = 0; i < kStations; ++i) {
      SCOPED_TRACE(kTenants[i].name);
      for (const Bytes& frame : {reply(100 + 2 * round + static_cast<uint32_t>(i)), everybody}) {
        const json other = seen(1 - i);
        machine_.wire().send(encapsulated(frame, kTenants[i].vni_octets));
        ASSERT_NO_FATAL_FAILURE(expect_received(i, frame, other));
      }
    }
  }
  EXPECT_TRUE(machine_.card()["drops"].empty());
  EXPECT_TRUE(machine_.wire().idle());
}

TEST_F(Tenants, AFrameOfNobodysVniReachesNobody) {
  const json red = seen(0), blue = seen(1);
  machine_.wire().send(encapsulated(reply(), "00138b00"));
  machine_.wait_received(1);
  EXPECT_EQ(machine_.drops("unknown_vni"), 1u);
  EXPECT_EQ(seen(0), red);
  EXPECT_EQ(seen(1), blue);
}

TEST_F(Tenants, AFrameOfAVnicLeavesWithItsVniAlone) {
  for (const uint32_t round : {0u, 1u}) {
    for (size_t i = 0; i < kStations; ++i) {
      SCOPED_TRACE(kTenants[i].name);
      const json other = seen(1 - i);
      const Bytes frame = datagram(100 + 2 * round + static_cast<uint32_t>(i));
      stations_[i].send(frame);
      const auto wire = machine_.wire().receive();
      ASSERT_TRUE(wire);
      ASSERT_EQ(wire->size(), frame.size() + kOuter);
      EXPECT_EQ(Bytes(wire->begin() + kVniAt, wire->begin() + kOuter),
                test::from_hex(kTenants[i].vni_octets));
      EXPECT_EQ(Bytes(wire->begin() + kOuter, wire->end()), frame);
      EXPECT_TRUE(machine_.wire().idle()) << "once";
      EXPECT_EQ(seen(1 - i), other);
      EXPECT_EQ(seen(i)["counters"]["tx_encapsulated"], round + 1);
      EXPECT_EQ(seen(i)["counters"]["tx_local"], 0);
      EXPECT_EQ(stations_[i].received(), 0u);
    }
  }
  EXPECT_TRUE(machine_.card()["drops"].empty());
}

// To where the other tenant's vnic would be found, if it were of the same tenant.
TEST_F(Tenants, NoFrameOfAVnicReachesTheOtherTenantsVnic) {
  const auto to = [](const std::string& mac, const std::string& ip) {
    return Frame()
        .ethernet({.destination = mac, .source = kOwnMac})
        .ipv4({.source = kOwnIp, .destination = ip})
        .udp()
        .payload(100)
        .build();
  };
  const struct {
    const char* text;
    Bytes frame;
    const char* reason;
  } rows[] = {
      {"its other address", to(kOwnMac, kBlueIp), "no_mapping"},
      {"the address that both have", to(kOwnMac, kOwnIp), "no_mapping"},
      {"everybody", to(kEverybody, "255.255.255.255"), "no_broadcast_peer"},
      {"a group", to("01:00:5e:01:01:01", "239.1.1.1"), "no_broadcast_peer"},
      {"a question for its other address",
       Frame()
           .ethernet({.destination = kEverybody, .source = kOwnMac})
           .arp({.sender_mac = kOwnMac, .sender_ip = kOwnIp, .target_ip = kBlueIp})
           .build(),
       "unknown_arp_target"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const json blue = seen(1);
    const uint64_t before = machine_.drops(row.reason);
    stations_[0].send(row.frame);
    EXPECT_EQ(machine_.drops(row.reason), before + 1);
    EXPECT_EQ(seen(1), blue);
    EXPECT_EQ(stations_[0].received(), 0u);
    EXPECT_TRUE(machine_.wire().idle());
  }
  EXPECT_EQ(seen(0)["counters"]["tx_drops"], std::size(rows));
}

}  // namespace
}  // namespace gatehouse::registers
