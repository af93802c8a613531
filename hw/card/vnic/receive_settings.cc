// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/receive_settings.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register names

constexpr uint32_t kRss = 1;  // MRQC.MRXQUEUE

}  // namespace

ReceiveSettings receive_settings(const RegisterFile& regs) {
  const uint32_t rctl = regs[reg::RCTL], rfctl = regs[reg::RFCTL], rxcsum = regs[reg::RXCSUM],
                 mrqc = regs[reg::MRQC], psrctl = regs[reg::PSRCTL];
  ReceiveSettings s;
  s.format = receive_format(rctl, rfctl);
  s.buffer_octets = receive_buffers(s.format, rctl, psrctl);
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
