// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/interrupts.hh"

#include "hw/card/vnic/register_file.hh"
#include "hw/card/vnic/statistics.hh"
#include "hw/core/base/archive.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register and field names

constexpr uint32_t kCauses = 0x01ffffff;  // ICR without INT_ASSERTED
constexpr uint32_t kVectorCauses = EIAC_CAUSES;
// What ICR.OTHER stands for (10.2.4.1).
constexpr uint32_t kOtherCauses = ICR_LSC | ICR_RXO | ICR_MDAC | ICR_SRPD | ICR_ACK | ICR_MNG;
constexpr int64_t kIntervalUnitNs = 256;  // of ITR and EITR

struct VectorRow {
  uint32_t cause;
  uint32_t ivar;  // its four bits in IVAR: vector 2:0, valid 3
};
constexpr VectorRow kVectorRows[] = {
    {ICR_RXQ0, IVAR_RXQ0}, {ICR_RXQ1, IVAR_RXQ1},   {ICR_TXQ0, IVAR_TXQ0},
    {ICR_TXQ1, IVAR_TXQ1}, {ICR_OTHER, IVAR_OTHER},
};

Timer timer_of(unsigned channel) {
  return static_cast<Timer>(static_cast<unsigned>(Timer::kThrottle) + channel);
}

}  // namespace

Interrupts::Interrupts(RegisterFile& registers, Statistics& statistics, const Ports& ports)
    : registers_(registers), statistics_(statistics), ports_(ports) {}

uint32_t Interrupts::pending() const {
  return registers_[reg::ICR] & registers_[reg::IMS] & kCauses;
}

uint32_t Interrupts::causes_of_vector(unsigned vector) const {
  const uint32_t ivar = registers_[reg::IVAR];
  uint32_t causes = 0;
  for (const VectorRow& row : kVectorRows) {
    if (field_get(ivar, row.ivar) == (kIvarValid | vector)) causes |= row.cause;
  }
  return causes;
}

int64_t Interrupts::interval_ns(unsigned channel) const {
  if (channel == 0) return registers_[reg::ITR] * kIntervalUnitNs;
  return registers_[reg::EITR(channel - 1)] * kIntervalUnitNs;
}

bool Interrupts::transmit_vector_throttled(uint32_t causes) const {
  if (mode_ != InterruptMode::kMsix) return false;
  for (unsigned vector = 0; vector < kMsixVectors; ++vector) {
    const uint32_t sent = causes_of_vector(vector);
    if (sent & causes)
      return registers_[reg::EITR(vector)] != 0 && (sent & ~(ICR_TXQ0 | ICR_TXQ1)) == 0;
  }
  return false;
}

bool Interrupts::moderated() const {
  if (mode_ != InterruptMode::kMsix) return registers_[reg::ITR] != 0;
  for (unsigned vector = 0; vector < kMsixVectors; ++vector) {
    if (registers_[reg::EITR(vector)] != 0) return true;
  }
  return false;
}

bool Interrupts::channel_pending(unsigned channel) const {
  if (mode_ != InterruptMode::kMsix) return channel == 0 && pending() != 0;
  return channel != 0 && (pending() & causes_of_vector(channel - 1)) != 0;
}

void Interrupts::cause(uint32_t icr_bits) {
  const uint32_t before = pending();
  registers_.set(reg::ICR, icr_bits & kCauses);
  changed(before, 0);
}

void Interrupts::changed(uint32_t before, uint32_t again) {
  if (ports_.interrupt.mode() != mode_) {
    mode_changed();
    return;
  }
  const bool msix = mode_ == InterruptMode::kMsix;
  if (msix && registers_.test(reg::ICR, kOtherCauses)) registers_.set(reg::ICR, ICR_OTHER);
  const uint32_t now_pending = pending();
  if (now_pending == 0) {
    registers_.clear(reg::ICR, ICR_INT_ASSERTED);
    set_line(false);
    return;
  }
  registers_.set(reg::ICR, ICR_INT_ASSERTED);
  const uint32_t raised = now_pending & (~before | again);
  if (msix) {
    if (raised & kVectorCauses) raise_vectors(raised & kVectorCauses);
    return;
  }
  // One signal for any number of causes: the edge of "something is pending". An MSI that software
  // asked for again is sent again; a line that is asserted stays so.
  if (before == 0 || (again & now_pending) != 0) fire_or_wait(0);
}

void Interrupts::raise_vectors(uint32_t causes) {
  for (unsigned vector = 0; vector < kMsixVectors; ++vector) {
    if (causes_of_vector(vector) & causes) fire_or_wait(1 + vector);
  }
}

void Interrupts::fire_or_wait(unsigned channel) {
  Channel& state = channels_[channel];
  if (state.armed) return;
  if (channel == 0 && line_) return;
  const int64_t interval = interval_ns(channel);
  const int64_t now = ports_.clock.now_ns();
  if (interval == 0 || !state.counting || now - state.last_ns >= interval) {
    fire(channel, now);
    return;
  }
  state.armed = true;
  ports_.clock.arm(timer_of(channel), state.last_ns + interval);
}

void Interrupts::fire(unsigned channel, int64_t now) {
  channels_[channel].last_ns = now;
  channels_[channel].counting = true;
  statistics_.add(reg::IAC);
  if (channel != 0) {
    // First the registers, then the message: what the message wakes sees the state behind it.
    auto_clear(channel - 1);
    ports_.interrupt.send_msix(channel - 1);
  } else if (mode_ == InterruptMode::kMsi) {
    ports_.interrupt.send_msi();
  } else {
    set_line(true);
  }
}

// EIAC clears causes whose message is sent; so is their mask, unless IAME leaves the mask to
// accesses of ICR. EIAME clears the mask of causes that IAM names (10.2.2.5, 10.2.4).
void Interrupts::auto_clear(unsigned vector) {
  const uint32_t causes = causes_of_vector(vector) & pending();
  const uint32_t control = registers_[reg::CTRL_EXT];
  const uint32_t cleared = registers_[reg::EIAC] & causes;
  registers_.clear(reg::ICR, cleared);
  if (!(control & CTRL_EXT_IAME)) registers_.clear(reg::IMS, cleared);
  if (control & CTRL_EXT_EIAME) registers_.clear(reg::IMS, registers_[reg::IAM] & causes);
  if (pending() == 0) registers_.clear(reg::ICR, ICR_INT_ASSERTED);
}

void Interrupts::auto_mask() {
  if (registers_.test(reg::CTRL_EXT, CTRL_EXT_IAME))
    registers_.clear(reg::IMS, registers_[reg::IAM]);
}

// A read clears all causes when none is enabled, or when an enabled one is pending. When only
// causes that are not enabled are pending beside some that are enabled, whoever reads is a polling
// or sharing handler, and nothing is lost (7.4, 10.2.4.1).
uint32_t Interrupts::read_icr() {
  const uint32_t before = pending();
  const uint32_t value = registers_[reg::ICR];
  const bool asserted = (value & ICR_INT_ASSERTED) != 0;
  if (registers_[reg::IMS] == 0 || asserted) registers_[reg::ICR] = 0;
  if (asserted) auto_mask();
  changed(before, 0);
  return value;
}

void Interrupts::write_icr(uint32_t value) {
  const uint32_t before = pending();
  const bool asserted = registers_.test(reg::ICR, ICR_INT_ASSERTED);
  // OTHER is the sum of its causes: acknowledging it acknowledges them, or it would be set again at
  // once.
  if (value & ICR_OTHER) value |= kOtherCauses;
  registers_.clear(reg::ICR, value & kCauses);
  if (asserted) auto_mask();
  // Causes that were not acknowledged need a new MSI: the one that was sent is used up.
  const bool resend = mode_ == InterruptMode::kMsi;
  changed(before, resend ? pending() : 0);
}

// Software's request signals even what is pending already: drivers use it to recover from a lost
// interrupt.
void Interrupts::write_ics(uint32_t value) {
  const uint32_t before = pending();
  registers_.set(reg::ICR, value & kCauses);
  changed(before, value & kCauses);
}

void Interrupts::write_ims(uint32_t value) {
  const uint32_t before = pending();
  if ((value & kVectorCauses) && registers_.test(reg::CTRL_EXT, CTRL_EXT_PBA_CLR) &&
      mode_ == InterruptMode::kMsix) {
    for (unsigned vector = 0; vector < kMsixVectors; ++vector) {
      if (causes_of_vector(vector) & value) ports_.interrupt.clear_msix_pending(vector);
    }
  }
  registers_.set(reg::IMS, value & kCauses);
  changed(before, 0);
}

void Interrupts::write_imc(uint32_t value) {
  const uint32_t before = pending();
  registers_.clear(reg::IMS, value);
  changed(before, 0);
  if (registers_[reg::IMS] == 0 && registers_.test(reg::CTRL_EXT, CTRL_EXT_INT_TIMERS_CLEAR_ENA)) {
    // Intervals start again: what comes next waits for a full one.
    for (Channel& channel : channels_) {
      channel.last_ns = ports_.clock.now_ns();
      channel.counting = true;
    }
    for (unsigned i = 0; i < kChannels; ++i) stop(i);
  }
}

void Interrupts::write_itr(uint32_t value) {
  registers_[reg::ITR] = value & ITR_INTERVAL;
  reschedule(0);
}

void Interrupts::write_eitr(unsigned vector, uint32_t value) {
  registers_[reg::EITR(vector)] = value & EITR_INTERVAL;
  reschedule(1 + vector);
}

void Interrupts::write_pbaclr(uint32_t value) {
  for (unsigned vector = 0; vector < kMsixVectors; ++vector) {
    if (value & (1u << vector)) ports_.interrupt.clear_msix_pending(vector);
  }
}

void Interrupts::timer_expired(Timer timer) {
  const unsigned channel = static_cast<unsigned>(timer) - static_cast<unsigned>(Timer::kThrottle);
  if (channel >= kChannels || !channels_[channel].armed) return;
  channels_[channel].armed = false;
  if (channel_pending(channel)) fire(channel, ports_.clock.now_ns());
}

// A waiting channel whose interval changed waits for the new end.
void Interrupts::reschedule(unsigned channel) {
  if (!channels_[channel].armed) return;
  stop(channel);
  if (channel_pending(channel)) fire_or_wait(channel);
}

void Interrupts::stop(unsigned channel) {
  if (!channels_[channel].armed) return;
  channels_[channel].armed = false;
  ports_.clock.cancel(timer_of(channel));
}

void Interrupts::mode_changed() {
  const InterruptMode mode = ports_.interrupt.mode();
  if (mode == mode_) return;
  set_line(false);
  mode_ = mode;
  for (unsigned i = 0; i < kChannels; ++i) stop(i);
  // As if everything had become pending now.
  changed(0, 0);
}

void Interrupts::set_line(bool asserted) {
  if (line_ == asserted) return;
  line_ = asserted;
  ports_.interrupt.set_intx(asserted);
}

void Interrupts::reset() {
  set_line(false);
  for (unsigned i = 0; i < kChannels; ++i) stop(i);
  channels_ = {};
  mode_ = ports_.interrupt.mode();
}

void Interrupts::archive(Archive& archive) {
  archive.section("interrupts", 1);
  for (Channel& channel : channels_) {
    archive(channel.last_ns);
    archive(channel.counting);
    archive(channel.armed);
  }
  archive(line_);
  if (!archive.loading()) return;
  mode_ = ports_.interrupt.mode();
  if (mode_ != InterruptMode::kIntx) line_ = false;
  ports_.interrupt.set_intx(line_);
  const int64_t now = ports_.clock.now_ns();
  for (unsigned i = 0; i < kChannels; ++i) {
    Channel& channel = channels_[i];
    // A time to come, or one so far back that a difference overflows, is no time of this machine's
    // clock.
    if (channel.last_ns > now || channel.last_ns < 0) channel.last_ns = now < 0 ? 0 : now;
    if (channel.armed) ports_.clock.arm(timer_of(i), channel.last_ns + interval_ns(i));
  }
}

}  // namespace gatehouse::vnic
