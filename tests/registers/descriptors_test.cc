// SPDX-License-Identifier: GPL-2.0-or-later
// Frames through rings in guest RAM, the card, and the wire, both ways.
#include <gtest/gtest.h>

#include <array>

#include "tests/registers/rings.hh"
#include "tests/registers/traffic.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet
using test::Bytes;
using test::Frame;

class Descriptors : public testing::Test {
 protected:
  Descriptors() : rings_(machine_) {
    machine_.place_bars();
    rings_.start();
  }
  Machine machine_;
  Rings rings_;
};

TEST_F(Descriptors, ASentFrameLeavesTheCardEncapsulated) {
  const Bytes frame = datagram();
  const uint32_t index = rings_.send(frame);
  EXPECT_TRUE(rings_.sent(index));
  EXPECT_EQ(machine_.reg(reg::TDH(0)), 1u);
  EXPECT_TRUE(machine_.reg(reg::ICR) & ICR_TXDW);
  const auto wire = machine_.wire().receive();
  ASSERT_TRUE(wire);
  ASSERT_EQ(wire->size(), frame.size() + kOuter);
  EXPECT_EQ(Bytes(wire->begin() + kOuter, wire->end()), frame);
  EXPECT_TRUE(test::checksums_right(*wire));
  const nlohmann::json counters = machine_.vnic()["counters"];
  EXPECT_EQ(counters["tx_frames"], 1);
  EXPECT_EQ(counters["tx_encapsulated"], 1);
  EXPECT_EQ(counters["tx_drops"], 0);
}

TEST_F(Descriptors, AReceivedFrameComesOutOfItsTunnel) {
  const Bytes frame = reply();
  machine_.wire().send(encapsulated(frame));
  const auto received = rings_.receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(Bytes(received->begin(), received->end()), frame);
  EXPECT_EQ(machine_.reg(reg::GPRC), 1u);
  EXPECT_TRUE(machine_.reg(reg::ICR) & ICR_RXT0);
}

TEST_F(Descriptors, ManyFramesKeepTheirOrder) {
  for (uint32_t i = 0; i < 40; ++i) machine_.wire().send(encapsulated(reply(100 + i)));
  for (uint32_t i = 0; i < 40; ++i) {
    const auto received = rings_.receive();
    ASSERT_TRUE(received) << i;
    EXPECT_EQ(received->size(), reply(100 + i).size());
  }
}

TEST_F(Descriptors, ASuperFrameLeavesAsSegments) {
  constexpr uint32_t kMss = 1000, kPayload = 2500;
  const Bytes frame =
      Frame()
          .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
          .ipv4({.source = "192.168.0.1", .destination = "192.168.0.2"})
          .tcp()
          .payload(kPayload)
          .build();
  rings_.send_super_frame(frame, kMss);
  Bytes payload;
  for (uint32_t length : {kMss, kMss, kPayload - 2 * kMss}) {
    const auto wire = machine_.wire().receive();
    ASSERT_TRUE(wire);
    const Bytes inner(wire->begin() + kOuter, wire->end());
    ASSERT_EQ(inner.size(), 54 + length);
    std::string why;
    EXPECT_TRUE(test::checksums_right(inner, &why)) << why;
    payload.insert(payload.end(), inner.begin() + 54, inner.end());
  }
  EXPECT_EQ(payload, Bytes(frame.begin() + 54, frame.end()));
}

TEST_F(Descriptors, ASpoofedFrameEndsWithItsReason) {
  Bytes frame = datagram();
  frame[11] = 0x99;  // Ethernet source
  EXPECT_TRUE(rings_.sent(rings_.send(frame))) << "the guest does not notice";
  EXPECT_EQ(machine_.drops("spoofed_mac"), 1u);
  const auto report = machine_.qmp().wait_event("GATEHOUSE_DROP", std::chrono::seconds(20));
  ASSERT_TRUE(report);
  EXPECT_EQ((*report)["data"]["reason"], "spoofed_mac");
  EXPECT_EQ((*report)["data"]["name"], "vnic0");
  EXPECT_EQ((*report)["data"]["count"], 1);
  rings_.send(datagram());
  EXPECT_TRUE(machine_.wire().receive()) << "the next frame passes";
}

TEST_F(Descriptors, AFrameOfAnotherTenantIsNotDelivered) {
  machine_.wire().send(encapsulated(reply(), "00138a00"));
  machine_.wait_received(1);
  EXPECT_EQ(machine_.drops("unknown_vni"), 1u);
  EXPECT_FALSE(rings_.received());
}

TEST_F(Descriptors, WithoutCableNothingIsDelivered) {
  machine_.qmp().execute("set_link", {{"name", "vnic0"}, {"up", false}});
  machine_.wire().send(encapsulated(reply()));
  machine_.wait_received(1);
  EXPECT_EQ(machine_.drops("vnic_link_down"), 1u);
  EXPECT_FALSE(rings_.received());
}

TEST_F(Descriptors, WithoutUplinkNothingIsSent) {
  machine_.qmp().execute("set_link", {{"name", "card0.uplink0"}, {"up", false}});
  rings_.send(datagram());
  EXPECT_EQ(machine_.drops("uplink_down"), 1u);
  machine_.qmp().execute("set_link", {{"name", "card0.uplink0"}, {"up", true}});
  rings_.send(datagram(33));
  const auto wire = machine_.wire().receive();
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->size(), datagram(33).size() + kOuter);
}

TEST_F(Descriptors, AnArpQuestionIsAnsweredByTheCard) {
  rings_.send(Frame()
                  .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = "52:54:00:00:00:01"})
                  .arp({.sender_mac = "52:54:00:00:00:01",
                        .sender_ip = "192.168.0.1",
                        .target_ip = "192.168.0.2"})
                  .build());
  const auto answer = rings_.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(Bytes(answer->begin() + 20, answer->begin() + 32),
            test::from_hex("0002 525400000002 c0a80002"))
      << "the mapping's address";
  EXPECT_TRUE(machine_.wire().idle());
}

TEST_F(Descriptors, NoInterruptWithoutMask) {
  rings_.send(datagram());
  ASSERT_TRUE(machine_.wire().receive());
  EXPECT_FALSE(machine_.config_read(Machine::kSlot, 0x06, 2) & 0x0008) << "INTx status";
  machine_.set_reg(reg::IMS, ICR_TXDW);
  EXPECT_TRUE(machine_.config_read(Machine::kSlot, 0x06, 2) & 0x0008);
  machine_.reg(reg::ICR);
  EXPECT_FALSE(machine_.config_read(Machine::kSlot, 0x06, 2) & 0x0008);
}

TEST_F(Descriptors, MsixWritesItsMessageToMemory) {
  // A message may go anywhere that memory is: the test looks there.
  constexpr uint64_t kMailbox = 0x300000;
  machine_.config_write(Machine::kSlot, 0xa2, 0x8000, 2);
  for (unsigned vector = 0; vector < kMsixVectors; ++vector) {
    machine_.bus().write(Machine::kMsixBar + 16 * vector, kMailbox + 4 * vector, 8);
    machine_.bus().write(Machine::kMsixBar + 16 * vector + 8, 0x100 + vector, 4);
    machine_.bus().write(Machine::kMsixBar + 16 * vector + 12, 0, 4);
  }
  // Receive queue 0 -> 0, transmit queue 0 -> 1, other -> 2.
  machine_.set_reg(reg::IVAR, 0x8 | 0x9 << 8 | 0xa << 16);
  machine_.set_reg(reg::IMS, ICR_RXQ0 | ICR_TXQ0);
  rings_.send(datagram());
  EXPECT_EQ(machine_.bus().read(kMailbox + 4, 4), 0x101u);
  EXPECT_EQ(machine_.bus().read(kMailbox, 4), 0u);
  machine_.wire().send(encapsulated(reply()));
  ASSERT_TRUE(rings_.receive());
  EXPECT_EQ(machine_.bus().read(kMailbox, 4), 0x100u);
}

}  // namespace
}  // namespace gatehouse::registers
