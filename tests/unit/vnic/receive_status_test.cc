// SPDX-License-Identifier: GPL-2.0-or-later
// Checksums, packet types and flags that the descriptor reports.
#include "hw/card/vnic/receive_status.hh"

#include <gtest/gtest.h>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT
using spec::DropReason;

void extended(Rig& rig) { rig.set(reg::RFCTL, RFCTL_EXSTEN); }

uint32_t status_of(const uint8_t* descriptor) {
  return static_cast<uint32_t>(field<desc::STATUS_ERROR>(descriptor));
}

struct StatusCase {
  const char* name;
  IpFrame frame;
  uint32_t rxcsum, rfctl;
  uint32_t status;  // beyond DD and EOP, errors included
};
constexpr uint32_t kBoth = RXCSUM_IPOFLD | RXCSUM_TUOFLD;
constexpr uint32_t type(PacketType t) { return static_cast<uint32_t>(t) << 16; }
const uint32_t kIp4 = type(PacketType::kIpv4), kTcp4 = type(PacketType::kIpv4TcpUdp),
               kIp6 = type(PacketType::kIpv6), kTcp6 = type(PacketType::kIpv6TcpUdp);
const StatusCase kStatusCases[] = {
    {"TCP over IPv4",
     {},
     kBoth,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_IPIDV | RX_STATUS_ACK},
    {"no ACK flag",
     {.tcp_flags = 2},
     kBoth,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_IPIDV},
    {"ACK with data, not wanted",
     {},
     kBoth,
     RFCTL_ACKD_DIS,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_IPIDV},
    {"ACK without data",
     {.payload = 0},
     kBoth,
     RFCTL_ACKD_DIS,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_IPIDV | RX_STATUS_ACK},
    {"UDP over IPv4",
     {.udp = true},
     kBoth,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_UDPCS | RX_STATUS_IPIDV},
    {"UDP without checksum",
     {.udp = true, .no_udp_checksum = true},
     kBoth,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_IPIDV},
    {"wrong IP checksum",
     {.bad_ip = true},
     kBoth,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_IPIDV | RX_STATUS_ACK | RX_ERROR_IPE},
    {"wrong TCP checksum",
     {.bad_l4 = true},
     kBoth,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_IPIDV | RX_STATUS_ACK | RX_ERROR_TCPE},
    {"wrong UDP checksum",
     {.udp = true, .bad_l4 = true},
     kBoth,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_UDPCS | RX_STATUS_IPIDV | RX_ERROR_TCPE},
    {"only IP",
     {.bad_l4 = true},
     RXCSUM_IPOFLD,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_IPIDV | RX_STATUS_ACK},
    {"only TCP",
     {.bad_ip = true},
     RXCSUM_TUOFLD,
     0,
     kTcp4 | RX_STATUS_TCPCS | RX_STATUS_IPIDV | RX_STATUS_ACK},
    {"neither",
     {.bad_ip = true, .bad_l4 = true},
     0,
     0,
     kTcp4 | RX_STATUS_IXSM | RX_STATUS_IPIDV | RX_STATUS_ACK},
    {"hash instead of IP identification",
     {},
     kBoth | RXCSUM_PCSD,
     0,
     kTcp4 | RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_STATUS_ACK},
    {"first fragment of UDP",
     {.udp = true, .payload = 104, .fragment = 0x2000},
     kBoth | RXCSUM_IPPCSE,
     0,
     kIp4 | RX_STATUS_IPCS | RX_STATUS_IPIDV | RX_STATUS_UDPCS | RX_STATUS_UDPV},
    {"first fragment of UDP, no checksum",
     {.udp = true, .payload = 104, .no_udp_checksum = true, .fragment = 0x2000},
     kBoth | RXCSUM_IPPCSE,
     0,
     kIp4 | RX_STATUS_IPCS | RX_STATUS_IPIDV},
    {"later fragment of UDP",
     {.udp = true, .fragment = 100},
     kBoth | RXCSUM_IPPCSE,
     0,
     kIp4 | RX_STATUS_IPCS | RX_STATUS_IPIDV | RX_STATUS_UDPCS | RX_STATUS_UDPV},
    {"fragment, not asked for",
     {.udp = true, .payload = 104, .fragment = 0x2000},
     kBoth,
     0,
     kIp4 | RX_STATUS_IPCS | RX_STATUS_IPIDV},
    {"fragment of TCP",
     {.fragment = 0x2000},
     kBoth | RXCSUM_IPPCSE,
     0,
     kIp4 | RX_STATUS_IPCS | RX_STATUS_IPIDV},
    {"TCP over IPv6", {.v6 = true}, kBoth, 0, kTcp6 | RX_STATUS_TCPCS | RX_STATUS_ACK},
    {"UDP over IPv6",
     {.v6 = true, .udp = true},
     kBoth,
     0,
     kTcp6 | RX_STATUS_TCPCS | RX_STATUS_UDPCS},
    {"wrong TCP over IPv6",
     {.v6 = true, .bad_l4 = true},
     kBoth,
     0,
     kTcp6 | RX_STATUS_TCPCS | RX_STATUS_ACK | RX_ERROR_TCPE},
    {"IPv6 checksum off", {.v6 = true}, kBoth, RFCTL_IPV6XSUM_DIS, kTcp6 | RX_STATUS_ACK},
    {"IPv6 off", {.v6 = true, .udp = true}, kBoth, RFCTL_IPV6_DIS, type(PacketType::kMac)},
};

TEST(ReceiveStatus, ReportsChecksumsAndTypes) {
  for (const StatusCase& test : kStatusCases) {
    SCOPED_TRACE(test.name);
    Rig rig;
    rig.set(reg::RFCTL, RFCTL_EXSTEN | test.rfctl);
    rig.set(reg::RXCSUM, test.rxcsum);
    rig.receive_ring(0, 16);
    rig.enable_receiver();
    rig.offer(0, 8);
    const Bytes frame = test.frame.build();
    rig.receive(frame);
    const uint8_t* d = rig.rx(0);
    EXPECT_EQ(status_of(d), RX_STATUS_DD | RX_STATUS_EOP | test.status);
    if ((test.status & RX_STATUS_IPIDV) != 0) {
      EXPECT_EQ(field<desc::IP_ID>(d), 0x1234u);
    }
    if ((test.status & RX_STATUS_UDPV) != 0) {
      EXPECT_EQ(field<desc::CHECKSUM>(d), reference_checksum(std::span(frame).subspan(34)));
    } else if ((test.rxcsum & RXCSUM_PCSD) == 0) {
      EXPECT_EQ(field<desc::CHECKSUM>(d), reference_checksum(frame));
    }
  }
}

// A routing header with segments left, or a home address: the pseudo header's address is another
// than the one in front. "Not supported" is not "wrong".
TEST(ReceiveStatus, ComputesNothingOverAnAddressThatIsNotInFront) {
  const struct {
    unsigned header;
    std::vector<uint8_t> octets;
    bool computed;
  } kCases[] = {
      {43, {6, 2, 4, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, false},
      {43, {6, 2, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, true},
      {60,
       {6, 2, 1, 2, 0, 0, 201, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
       false},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.header);
    Rig rig;
    extended(rig);
    rig.set(reg::RXCSUM, kBoth);
    rig.receive_ring(0, 16);
    rig.enable_receiver();
    rig.offer(0, 8);
    Bytes frame = IpFrame{.v6 = true}.build();
    frame[20] = static_cast<uint8_t>(test.header);
    frame[19] = static_cast<uint8_t>(frame[19] + test.octets.size());
    frame.insert(frame.begin() + 54, test.octets.begin(), test.octets.end());
    rig.receive(frame);
    EXPECT_EQ(status_of(rig.rx(0)) & (RX_STATUS_TCPCS | RX_ERROR_TCPE),
              test.computed ? RX_STATUS_TCPCS : 0u);
  }
}

TEST(ReceiveStatus, TrustsAChecksumThatTheCardVerified) {
  for (const bool good : {true, false}) {
    Rig rig;
    extended(rig);
    rig.receive_ring(0, 16);
    rig.enable_receiver();
    rig.offer(0, 8);
    const Bytes frame = IpFrame{.bad_l4 = good}.build();  // contrary to what is claimed
    Layers layers;
    ASSERT_EQ(parse::parse(frame, {}, layers), DropReason::none);
    const Delivery delivery{.frame = {{}, {frame.data(), static_cast<uint32_t>(frame.size())}},
                            .layers = &layers,
                            .l4_checksum_checked = true,
                            .l4_checksum_good = good};
    rig.vnic.receive({&delivery, 1});
    EXPECT_EQ((status_of(rig.rx(0)) & RX_ERROR_TCPE) != 0, !good);
  }
}

TEST(ReceiveStatus, SumsFromTheOffsetAsked) {
  Rig rig;
  extended(rig);
  rig.set(reg::RXCSUM, 14);
  rig.receive_ring(0, 16);
  rig.enable_receiver(0);  // FCS kept: it is part of the sum
  rig.offer(0, 8);
  const Bytes frame = IpFrame{}.build();
  rig.receive(frame);
  const Bytes stored = rig.take(Rig::buffer(0), static_cast<uint32_t>(frame.size()) + 4);
  EXPECT_EQ(field<desc::CHECKSUM>(rig.rx(0)), reference_checksum(std::span(stored).subspan(14)));
}

}  // namespace
}  // namespace gatehouse::vnic
