// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/receive_settings.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register names

constexpr uint32_t kPacketSplit = 1;  // RCTL.DTYP
constexpr uint32_t kRss = 1;          // MRQC.MRXQUEUE
constexpr uint32_t kKib = 1024;
constexpr uint32_t kHeaderUnit = 128;  // PSRCTL.BSIZE0

// RCTL.FLXBUF wins over BSIZE (data sheet 10.2.5, RCTL). BSEX with BSIZE 0 is reserved: the largest
// is taken.
uint32_t buffer_octets(uint32_t rctl) {
  if (const uint32_t flexible = field_get(rctl, RCTL_FLXBUF); flexible != 0) return flexible * kKib;
  const uint32_t size = field_get(rctl, RCTL_BSIZE);
  if ((rctl & RCTL_BSEX) != 0) return size <= 1 ? 16 * kKib : 32 * kKib >> size;
  return 2 * kKib >> size;
}

}  // namespace

ReceiveSettings receive_settings(const RegisterFile& regs) {
  const uint32_t rctl = regs[reg::RCTL], rfctl = regs[reg::RFCTL], rxcsum = regs[reg::RXCSUM],
                 mrqc = regs[reg::MRQC], psrctl = regs[reg::PSRCTL];
  ReceiveSettings s;
  if ((rfctl & RFCTL_EXSTEN) != 0) {
    s.format = field_get(rctl, RCTL_DTYP) == kPacketSplit ? ReceiveFormat::kSplit
                                                          : ReceiveFormat::kExtended;
  }
  if (s.format == ReceiveFormat::kSplit) {
    s.buffer_octets = {
        field_get(psrctl, PSRCTL_BSIZE0) * kHeaderUnit, field_get(psrctl, PSRCTL_BSIZE1) * kKib,
        field_get(psrctl, PSRCTL_BSIZE2) * kKib, field_get(psrctl, PSRCTL_BSIZE3) * kKib};
  } else {
    s.buffer_octets[0] = buffer_octets(rctl);
  }
  s.strip_vlan = (regs[reg::CTRL] & CTRL_VME) != 0;
  s.strip_fcs = (rctl & RCTL_SECRC) != 0;
  s.long_frames = (rctl & RCTL_LPE) != 0;
  s.vlan_type = static_cast<uint16_t>(regs[reg::VET]);
  s.ip_checksum = (rxcsum & RXCSUM_IPOFLD) != 0;
  s.l4_checksum = (rxcsum & RXCSUM_TUOFLD) != 0;
  s.hash_reported = (rxcsum & RXCSUM_PCSD) != 0;
  s.fragment_checksum = (rxcsum & RXCSUM_IPPCSE) != 0;
  s.checksum_start = static_cast<uint8_t>(field_get(rxcsum, RXCSUM_PCSS));
  s.ipv6 = (rfctl & RFCTL_IPV6_DIS) == 0;
  s.ipv6_checksum = (rfctl & RFCTL_IPV6XSUM_DIS) == 0;
  s.split_fragments = (rfctl & RFCTL_IPFRSP_DIS) == 0;
  s.acks_interrupt = (rfctl & RFCTL_ACKDIS) == 0;
  s.ack_without_data = (rfctl & RFCTL_ACKD_DIS) != 0;
  s.rss = field_get(mrqc, MRQC_MRXQUEUE) == kRss && s.hash_reported &&
          s.format != ReceiveFormat::kLegacy;
  s.rss_control = {.tcp_ipv4 = (mrqc & MRQC_TCP_IPV4) != 0,
                   .ipv4 = (mrqc & MRQC_IPV4) != 0,
                   .tcp_ipv6 = (mrqc & MRQC_TCP_IPV6_EX) != 0,
                   .ipv6_ex = (mrqc & MRQC_IPV6_EX) != 0,
                   .ipv6 = (mrqc & MRQC_IPV6) != 0,
                   .ipv6_ex_disabled = (rfctl & RFCTL_IPV6_EX_DIS) != 0,
                   .new_ipv6_ext_disabled = (rfctl & RFCTL_NEW_IPV6_EXT_DIS) != 0};
  return s;
}

}  // namespace gatehouse::vnic
