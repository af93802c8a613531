// SPDX-License-Identifier: GPL-2.0-or-later
// ICR, IMS and what turns them into INTx, MSI or MSI-X: auto-mask, auto-clear, IVAR, throttling
// (data sheet 7.4, 10.2.4). Invariant: a cause that is pending and enabled has been signalled since
// it became so, or its channel's timer runs.
#ifndef GATEHOUSE_HW_CARD_VNIC_INTERRUPTS_HH_
#define GATEHOUSE_HW_CARD_VNIC_INTERRUPTS_HH_

#include <array>
#include <cstdint>

#include "hw/card/vnic/ports.hh"
#include "hw/spec/i82574_registers.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class RegisterFile;
class Statistics;

class Interrupts {
 public:
  Interrupts(RegisterFile& registers, Statistics& statistics, const Ports& ports);

  // Something happened: sets bits of ICR (i82574::ICR_*) and interrupts if they are enabled, now or
  // when throttling allows. A part passes everything that one event or one batch caused in one
  // call: bits that come together make one interrupt. Queues: ICR_RXT0 | ICR_RXQ0 for a receive on
  // queue 0, ICR_TXDW | ICR_TXQ1 for a write-back on transmit queue 1. ICR_OTHER is added here; the
  // counters of causes (ICRXDMTC, ...) are the caller's.
  void cause(uint32_t icr_bits);
  // The driver has asked for an interval between interrupts.
  bool moderated() const;
  // The packet timers (RDTR, RADV, RAID, TIDV, TADV) hold causes back. With MSI-X they do not: EITR
  // moderates each vector.
  bool packet_timers_apply() const { return ports_.interrupt.mode() != InterruptMode::kMsix; }
  // The MSI-X vector that sends a queue's `causes` has nothing but transmit causes, and an
  // interval.
  bool transmit_vector_throttled(uint32_t causes) const;

  // The guest's accesses.
  uint32_t read_icr();
  void write_icr(uint32_t value);
  void write_ics(uint32_t value);
  void write_ims(uint32_t value);
  void write_imc(uint32_t value);
  void write_itr(uint32_t value);
  void write_eitr(unsigned vector, uint32_t value);
  void write_pbaclr(uint32_t value);

  void timer_expired(Timer timer);
  void mode_changed();
  void reset();
  void archive(Archive& archive);

 private:
  // INTx and MSI share channel 0; vector v is channel 1 + v.
  static constexpr unsigned kChannels = 1 + i82574::kMsixVectors;
  // One throttled source of interrupts.
  struct Channel {
    int64_t last_ns = 0;    // when it fired last, or its interval was restarted
    bool counting = false;  // last_ns is valid
    bool armed = false;     // its timer runs: something waits for the end of the interval
  };

  uint32_t pending() const;
  // ICR or IMS changed; `before` is what pending() was, `again` causes to be signalled even if they
  // were pending already.
  void changed(uint32_t before, uint32_t again);
  void raise_vectors(uint32_t causes);
  void fire_or_wait(unsigned channel);
  void fire(unsigned channel, int64_t now);
  void auto_clear(unsigned vector);
  void auto_mask();
  bool channel_pending(unsigned channel) const;
  void stop(unsigned channel);
  void reschedule(unsigned channel);
  void set_line(bool asserted);
  int64_t interval_ns(unsigned channel) const;
  uint32_t causes_of_vector(unsigned vector) const;

  RegisterFile& registers_;
  Statistics& statistics_;
  Ports ports_;
  std::array<Channel, kChannels> channels_{};
  InterruptMode mode_ = InterruptMode::kIntx;
  bool line_ = false;  // INTx as we drive it
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_INTERRUPTS_HH_
