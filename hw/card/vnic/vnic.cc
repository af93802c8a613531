// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/vnic.hh"

#include <algorithm>
#include <numeric>

#include "hw/card/vnic/dispatch.hh"
#include "hw/card/vnic/fcs.hh"
#include "hw/card/vnic/receive.hh"
#include "hw/card/vnic/transmit.hh"
#include "hw/core/base/archive.hh"
#include "hw/core/base/bytes.hh"

namespace gatehouse::vnic {

using namespace i82574;  // NOLINT: register and field names

namespace {

// What IOADDR reaches: the registers, then the flash (10.2.1).
constexpr uint32_t kIoFlash = 0x80000;
constexpr uint32_t kIoEnd = 0x100000;
constexpr uint16_t kApmEnable = 0x0400;         // initialization control 3
constexpr uint32_t kPowerD0 = 2, kPowerD3 = 3;  // FACTPS.FUNC0_POWER

}  // namespace

Vnic::Vnic(const Ports& ports, const Identity& identity)
    : ports_(ports),
      nvm_(registers_, identity),
      statistics_(registers_),
      interrupts_(registers_, statistics_, ports),
      time_stamps_(registers_, ports),
      link_(registers_, interrupts_, phy_, ports),
      transmit_(std::make_unique<TransmitEngine>(*this)),
      receive_(std::make_unique<ReceiveEngine>(*this)) {
  reset(ResetKind::kPowerOn);
}

Vnic::~Vnic() = default;

void Vnic::reset(ResetKind kind) {
  const bool software = kind == ResetKind::kSoftware;
  const uint32_t phy_was_reset = registers_[reg::STATUS] & STATUS_PHYRA;
  interrupts_.reset();
  registers_.reset(software ? RegisterFile::Keep::kSoftwareReset : RegisterFile::Keep::kNothing);
  if (software) registers_[reg::STATUS] = phy_was_reset;
  nvm_.reset();
  time_stamps_.reset();
  transmit_->reset();
  receive_->reset();
  link_.reset(kind == ResetKind::kPowerOn);
  registers_[reg::ICR] = 0;
  registers_[reg::ICS] = 0;
  if (!software) {
    io_address_ = 0;
    d_state_ = 0;
    registers_.set_field(reg::FACTPS, FACTPS_FUNC0_POWER, kPowerD0);
  }
  load_nvm_defaults();
}

void Vnic::load_nvm_defaults() {
  const MacAddress mac = nvm_.mac();
  registers_[reg::RAL(0)] = load_le<uint32_t>(&mac.octets[0]);
  registers_[reg::RAH(0)] = load_le<uint16_t>(&mac.octets[4]) | RAH_AV;
  if (nvm_.word(nvm::kInitControl3) & kApmEnable) registers_.set(reg::WUC, WUC_APME);
  registers_.set(reg::EEC, EEC_AUTO_RD);
  receive_->configured();
}

uint32_t Vnic::read_register(uint32_t offset) {
  const std::optional<uint32_t> value = Dispatch::read(*this, offset);
  if (!value) ++reserved_accesses_;
  return value.value_or(0);
}

void Vnic::write_register(uint32_t offset, uint32_t value) {
  if (!Dispatch::write(*this, offset, value)) ++reserved_accesses_;
}

uint64_t Vnic::mmio_read(uint64_t offset, unsigned size) {
  if (offset >= kMemoryBarOctets || (size == 8 && offset + 8 > kMemoryBarOctets)) {
    ++reserved_accesses_;
    return 0;
  }
  const uint32_t word = static_cast<uint32_t>(offset) & ~3u;
  const unsigned shift = static_cast<unsigned>(offset & 3) * 8;
  if (size == 8) {
    const uint64_t low = read_register(word);
    return low | static_cast<uint64_t>(read_register(word + 4)) << 32;
  }
  const uint32_t value = read_register(word) >> shift;
  return size == 4 ? value : value & ((1u << 8 * size) - 1);
}

void Vnic::mmio_write(uint64_t offset, uint64_t value, unsigned size) {
  if (offset >= kMemoryBarOctets || (offset & 3) != 0 || size < 4 ||
      (size == 8 && offset + 8 > kMemoryBarOctets)) {
    ++reserved_accesses_;
    return;
  }
  write_register(static_cast<uint32_t>(offset), static_cast<uint32_t>(value));
  if (size == 8)
    write_register(static_cast<uint32_t>(offset) + 4, static_cast<uint32_t>(value >> 32));
}

uint64_t Vnic::flash_read(uint64_t offset, unsigned size) {
  uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) {
    value |= static_cast<uint64_t>(nvm_.read_flash(offset + i)) << 8 * i;
  }
  return value;
}

void Vnic::flash_write(uint64_t offset, uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) {
    nvm_.write_flash(offset + i, static_cast<uint8_t>(value >> 8 * i));
  }
}

// Both registers want full words (10.2.1): a smaller access reads zero and writes nothing.
uint32_t Vnic::io_read(uint64_t offset, unsigned size) {
  if (size == 4 && offset == kIoAddr) return io_address_;
  if (size == 4 && offset == kIoData) {
    if (io_address_ < kMemoryBarOctets) return read_register(io_address_ & ~3u);
    if (io_address_ >= kIoFlash && io_address_ < kIoEnd) {
      return static_cast<uint32_t>(flash_read(io_address_ - kIoFlash, 4));
    }
  }
  ++reserved_accesses_;
  return 0;
}

void Vnic::io_write(uint64_t offset, uint32_t value, unsigned size) {
  if (size == 4 && offset == kIoAddr) {
    io_address_ = value;
    return;
  }
  if (size == 4 && offset == kIoData) {
    if (io_address_ < kMemoryBarOctets) {
      write_register(io_address_ & ~3u, value);
      return;
    }
    if (io_address_ >= kIoFlash && io_address_ < kIoEnd) {
      flash_write(io_address_ - kIoFlash, value, 4);
      return;
    }
  }
  ++reserved_accesses_;
}

void Vnic::timer_expired(Timer timer) {
  const bool was_up = link_.up();
  switch (timer) {
    case Timer::kReceiveDelay:
    case Timer::kReceiveAbsolute:
    case Timer::kRefill:
      receive_->timer_expired(timer);
      return;
    case Timer::kTransmitDelay:
    case Timer::kTransmitAbsolute:
    case Timer::kDoorbell:
    case Timer::kPause:
      transmit_->timer_expired(timer);
      return;
    case Timer::kThrottle:
    case Timer::kThrottleVector0:
    case Timer::kThrottleVector1:
    case Timer::kThrottleVector2:
    case Timer::kThrottleVector3:
    case Timer::kThrottleVector4:
      interrupts_.timer_expired(timer);
      return;
    case Timer::kLink:
      link_.timer_expired();
      link_may_be_up(was_up);
      return;
    case Timer::kCount:
      return;
  }
}

size_t Vnic::receive(std::span<const Delivery> frames) { return receive_->receive(frames); }
bool Vnic::can_receive() const { return receive_->can_receive(); }
bool Vnic::crowded() const { return receive_->crowded(); }

// Drivers of packet split (Linux's e1000e does it for MTUs beyond 1500) want a frame in one
// descriptor: what goes on in a second one they drop. The first buffer holds headers alone.
uint32_t Vnic::largest_frame() const {
  const uint32_t rctl = registers_[reg::RCTL];
  if ((rctl & RCTL_LPE) == 0) return kLongestStandard - kFcsOctets;
  uint32_t most = kLongestJumbo;
  const ReceiveFormat format = receive_format(rctl, registers_[reg::RFCTL]);
  if (format == ReceiveFormat::kSplit) {
    const ReceiveBuffers octets = receive_buffers(format, rctl, registers_[reg::PSRCTL]);
    most = std::clamp(std::accumulate(octets.begin() + 1, octets.end(), 0u), kLongestStandard,
                      kLongestJumbo);
  }
  return most - kFcsOctets;
}

void Vnic::set_link(bool connected) {
  const bool was_up = link_.up();
  link_.set_connected(connected);
  link_may_be_up(was_up);
}

void Vnic::link_settings_changed() {
  const bool was_up = link_.up();
  link_.update();
  link_may_be_up(was_up);
}

void Vnic::link_may_be_up(bool was_up) {
  if (was_up || !link_.up()) return;
  transmit_->resume();
  receive_->resume();
}

void Vnic::interrupt_mode_changed() { interrupts_.mode_changed(); }

void Vnic::bus_master_enabled() {
  transmit_->resume();
  receive_->resume();
}

void Vnic::power_state_changed(unsigned d_state) {
  const bool was_allowed = dma_allowed();
  d_state_ = static_cast<uint8_t>(d_state & 3);
  registers_.set_field(reg::FACTPS, FACTPS_FUNC0_POWER, d_state_ == 0 ? kPowerD0 : kPowerD3);
  registers_.set(reg::FACTPS, FACTPS_PM_STATE_CHANGED);
  if (!was_allowed && dma_allowed()) bus_master_enabled();
}

MacAddress Vnic::mac_address() const {
  uint8_t octets[8];
  store_le<uint32_t>(octets, registers_[reg::RAL(0)]);
  store_le<uint32_t>(octets + 4, registers_[reg::RAH(0)]);
  return MacAddress::from(octets);
}

bool Vnic::link_up() const { return link_.up(); }

bool Vnic::dma_allowed() const {
  return d_state_ == 0 && !registers_.test(reg::CTRL, CTRL_GIO_MASTER_DISABLE);
}

void Vnic::archive(Archive& archive) {
  archive.section("vnic", 1);
  archive(io_address_);
  archive(d_state_);
  archive(reserved_accesses_);
  d_state_ &= 3;
  registers_.archive(archive);
  nvm_.archive(archive);
  phy_.archive(archive);
  interrupts_.archive(archive);
  time_stamps_.archive(archive);
  link_.archive(archive);
  transmit_->archive(archive);
  receive_->archive(archive);
}

}  // namespace gatehouse::vnic
