// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/time_stamp.hh"

#include <optional>

#include "hw/card/vnic/register_file.hh"
#include "hw/core/base/archive.hh"
#include "hw/core/base/bytes.hh"
#include "hw/core/base/layers.hh"

namespace gatehouse::vnic {

using namespace i82574;  // NOLINT: register and field names

namespace {

// One step of IP: the 25 MHz clock.
constexpr int64_t kPeriodUnitNs = 40;

// TSYNCRXCTL.TYPE
enum Type : uint32_t { kL2V2 = 0, kL4V1 = 1, kL2L4V2 = 2, kAll = 4, kEventV2 = 5 };

// RXUDP's reset value reads 0319h and means port 319.
constexpr uint32_t kUdpReset = 0x0319;
constexpr uint16_t kPtpEventPort = 319;

constexpr size_t kMacs = 12;
constexpr size_t kMinIpv4 = 20, kIpv6 = 40, kUdp = 8;
// In the PTP header: v2 message type, v1 control field, source port identity, sequence number.
constexpr size_t kPtpOctets = 34;
constexpr size_t kPtpControl = 32;
constexpr size_t kPtpIdentityV1 = 22;  // sourceUuid
constexpr size_t kPtpIdentityV2 = 20;  // sourcePortIdentity
constexpr size_t kPtpSequence = 30;
constexpr uint8_t kEventMessages = 4;  // message types 0-3 are events
constexpr uint8_t kVersionMask = 0x0f;

// Where a frame's PTP header is.
struct Ptp {
  std::span<const uint8_t> header;
  bool udp = false;
};

bool port_matches(uint16_t port, uint32_t wanted) {
  if (wanted == kUdpReset) return port == kPtpEventPort;
  // Drivers write the port in either byte order.
  return port == wanted || port == byte_swap(static_cast<uint16_t>(wanted));
}

std::optional<Ptp> find_ptp(std::span<const uint8_t> frame, uint32_t ether_type, uint32_t port) {
  if (frame.size() < kMacs + 2) return std::nullopt;
  size_t at = kMacs;
  uint16_t type = load_be<uint16_t>(&frame[at]);
  while (type == static_cast<uint16_t>(EtherType::kVlan) ||
         type == static_cast<uint16_t>(EtherType::kQinq)) {
    at += 4;
    if (frame.size() < at + 2) return std::nullopt;
    type = load_be<uint16_t>(&frame[at]);
  }
  at += 2;
  if (type == ether_type || type == byte_swap(static_cast<uint16_t>(ether_type))) {
    return Ptp{frame.subspan(at), false};
  }
  size_t udp = 0;
  if (type == static_cast<uint16_t>(EtherType::kIpv4)) {
    if (frame.size() < at + kMinIpv4) return std::nullopt;
    if (frame[at + 9] != static_cast<uint8_t>(IpProtocol::kUdp)) return std::nullopt;
    udp = at + (frame[at] & 0x0f) * 4u;
  } else if (type == static_cast<uint16_t>(EtherType::kIpv6)) {
    if (frame.size() < at + kIpv6) return std::nullopt;
    if (frame[at + 6] != static_cast<uint8_t>(IpProtocol::kUdp)) return std::nullopt;
    udp = at + kIpv6;
  } else {
    return std::nullopt;
  }
  if (frame.size() < udp + kUdp) return std::nullopt;
  if (!port_matches(load_be<uint16_t>(&frame[udp + 2]), port)) return std::nullopt;
  return Ptp{frame.subspan(udp + kUdp), true};
}

bool wanted(const Ptp& ptp, uint32_t type, uint32_t filter) {
  if (ptp.header.size() < kPtpOctets) return false;
  const uint8_t version = ptp.header[1] & kVersionMask;
  const uint8_t message = ptp.header[0] & 0x0f;
  switch (type) {
    case kL4V1:
      return ptp.udp && version == 1 && ptp.header[kPtpControl] == field_get(filter, RXMTRL_CTRLT);
    case kL2V2:
      return !ptp.udp && version == 2 && message == (field_get(filter, RXMTRL_MSGT) & 0x0f);
    case kL2L4V2:
      return version == 2 && message == (field_get(filter, RXMTRL_MSGT) & 0x0f);
    case kEventV2:
      return version == 2 && message < kEventMessages;
    default:
      return false;
  }
}

}  // namespace

TimeStamps::TimeStamps(RegisterFile& registers, const Ports& ports)
    : registers_(registers), ports_(ports) {}

uint64_t TimeStamps::now() const {
  const uint64_t elapsed = static_cast<uint64_t>(ports_.clock.now_ns() - base_ns_);
  const uint32_t value = registers_.field(reg::TIMINCA, TIMINCA_IV);
  const uint32_t period = registers_.field(reg::TIMINCA, TIMINCA_IP);
  if (period == 0) return base_;  // the clock stands still
  return base_ + elapsed / (kPeriodUnitNs * period) * value;
}

void TimeStamps::settle() {
  const int64_t now_ns = ports_.clock.now_ns();
  const uint32_t period = registers_.field(reg::TIMINCA, TIMINCA_IP);
  base_ = now();
  // What has passed of the current step is not lost.
  const int64_t step = kPeriodUnitNs * period;
  base_ns_ = step == 0 ? now_ns : now_ns - (now_ns - base_ns_) % step;
}

uint32_t TimeStamps::read_systim_low() {
  const uint64_t time = now();
  registers_[reg::SYSTIML] = static_cast<uint32_t>(time);
  registers_[reg::SYSTIMH] = static_cast<uint32_t>(time >> 32);
  return registers_[reg::SYSTIML];
}

void TimeStamps::write_systim_low(uint32_t value) {
  settle();
  base_ = (base_ & ~uint64_t{0xffffffff}) | value;
  registers_[reg::SYSTIML] = value;
}

void TimeStamps::write_systim_high(uint32_t value) {
  settle();
  base_ = (base_ & 0xffffffff) | static_cast<uint64_t>(value) << 32;
  registers_[reg::SYSTIMH] = value;
}

void TimeStamps::write_timinca(uint32_t value) {
  settle();
  registers_[reg::TIMINCA] = value;
}

void TimeStamps::write_timadj_high(uint32_t value) {
  settle();
  registers_[reg::TIMADJH] = value;
  const uint64_t adjustment =
      registers_[reg::TIMADJL] | static_cast<uint64_t>(value & ~TIMADJH_SIGN) << 32;
  base_ = (value & TIMADJH_SIGN) ? base_ - adjustment : base_ + adjustment;
}

void TimeStamps::transmitted() {
  if (!registers_.test(reg::TSYNCTXCTL, TSYNCTXCTL_EN)) return;
  if (registers_.test(reg::TSYNCTXCTL, TSYNCTXCTL_VALID)) return;
  const uint64_t time = now();
  registers_[reg::TXSTMPL] = static_cast<uint32_t>(time);
  registers_[reg::TXSTMPH] = static_cast<uint32_t>(time >> 32);
  registers_.set(reg::TSYNCTXCTL, TSYNCTXCTL_VALID);
}

bool TimeStamps::received(std::span<const uint8_t> head) {
  if (!registers_.test(reg::TSYNCRXCTL, TSYNCRXCTL_EN)) return false;
  if (registers_.test(reg::TSYNCRXCTL, TSYNCRXCTL_VALID)) return false;
  const uint32_t filter = registers_[reg::RXMTRL];
  const uint32_t type = registers_.field(reg::TSYNCRXCTL, TSYNCRXCTL_TYPE);
  const std::optional<Ptp> ptp =
      find_ptp(head, field_get(filter, RXMTRL_ETYPE), registers_.field(reg::RXUDP, RXUDP_UPORT));
  if (type != kAll && !(ptp && wanted(*ptp, type, filter))) return false;
  const uint64_t time = now();
  registers_[reg::RXSTMPL] = static_cast<uint32_t>(time);
  registers_[reg::RXSTMPH] = static_cast<uint32_t>(time >> 32);
  registers_[reg::RXSATRL] = 0;
  registers_[reg::RXSATRH] = 0;
  if (ptp && ptp->header.size() >= kPtpOctets) {
    const uint8_t* header = ptp->header.data();
    const uint8_t* identity =
        header + ((header[1] & kVersionMask) == 1 ? kPtpIdentityV1 : kPtpIdentityV2);
    registers_[reg::RXSATRL] = load_be<uint32_t>(identity);
    registers_[reg::RXSATRH] = load_be<uint16_t>(identity + 4) |
                               static_cast<uint32_t>(load_be<uint16_t>(header + kPtpSequence))
                                   << 16;
  }
  registers_.set(reg::TSYNCRXCTL, TSYNCRXCTL_VALID);
  return true;
}

void TimeStamps::unlock_transmit() { registers_.clear(reg::TSYNCTXCTL, TSYNCTXCTL_VALID); }
void TimeStamps::unlock_receive() { registers_.clear(reg::TSYNCRXCTL, TSYNCRXCTL_VALID); }

void TimeStamps::reset() {
  base_ = 0;
  base_ns_ = ports_.clock.now_ns();
}

void TimeStamps::archive(Archive& archive) {
  archive.section("time stamps", 1);
  archive(base_);
  archive(base_ns_);
  if (archive.loading() && (base_ns_ < 0 || base_ns_ > ports_.clock.now_ns())) {
    base_ns_ = ports_.clock.now_ns();
  }
}

}  // namespace gatehouse::vnic
