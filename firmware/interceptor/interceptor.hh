// SPDX-License-Identifier: GPL-2.0-or-later
// Stands between a guest's driver and its 82574L ("Ally", section 4, Fig. 4): owns the real rings,
// moves descriptors between them and the guest's, lets frames be inspected, passes interrupts on
// when what they tell of lies in the guest's rings. Invariant: while started, the real ring
// registers point to rings that the guest can neither read nor write, or their length is 0.
//
// Everything of the guest's is hostile: register values, descriptors, and when they change. One
// core calls this. Bus: see firmware/hal/view.hh.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_HH_

#include <array>
#include <atomic>
#include <cstdint>

#include "firmware/hal/unit.hh"
#include "firmware/hal/view.hh"
#include "firmware/interceptor/alerts.hh"
#include "firmware/interceptor/copies.hh"
#include "firmware/interceptor/inspection.hh"
#include "firmware/interceptor/patience.hh"
#include "firmware/interceptor/receive_ring.hh"
#include "firmware/interceptor/redirection.hh"
#include "firmware/interceptor/transmit_ring.hh"

namespace gatehouse::interceptor {

// Of each real ring, with what lies behind it: a NIC that stands at its last unit and is told of
// descriptors that are longer writes there.
constexpr uint64_t real_octets(uint64_t units) {
  return units * i82574::kRingUnit + partition::kPage;
}

// Private RAM and where the units are. Memory is zero at first and lives as long as the
// interceptor.
template <class Bus>
struct Place {
  hal::View<Bus> redirect;
  hal::View<Bus> steer;
  Bus nic;      // BAR 0 of the real device
  Bus vectors;  // BAR 3
  GuestMemory guest;
  Shared* shared;
  // kRings times real_octets(units), page-aligned: all that the NIC reaches of private memory.
  uint8_t* real;
  // kReceiveRings of the same length, out of the NIC's reach.
  uint8_t* given;
  uint32_t units;  // of each ring, a multiple of 256
  uint64_t bias;   // address in private RAM less pointer
  uint32_t vector;
  uint32_t core;
  // With an inspector, and in front of a NIC that checks seals (gatehouse-vnic).
  SealPlace seals{};
  // With an inspector, in front of any NIC.
  CopyPlace copies{};
};

template <class Bus>
class NicSender final : public SenderPort {
 public:
  explicit NicSender(const Place<Bus>& place) : place_(place) {}
  uint32_t transmit_head(unsigned queue) override {
    return place_.nic.template read<uint32_t>(head_offset(kReceiveRings + queue)) & kPositionMask;
  }
  // As if the guest had written it.
  void follow_again(unsigned queue) override {
    std::atomic_ref(place_.shared->redirect.pending)
        .fetch_or(uint64_t{1} << (kReceiveRings + queue));
  }

 private:
  const Place<Bus>& place_;
};

// Nanoseconds between two interrupts while a bulk of data is on its way. Linux's e1000e sets EITR
// to 250 us then.
inline constexpr uint32_t kBulkApart = 400'000;

template <class Bus>
class Interceptor {
 public:
  Interceptor(const Place<Bus>& place, AlertSink& alerts, Inspector* inspector = nullptr)
      : place_(place),
        alerts_(alerts),
        records_(place.shared->redirect, place.shared->records.data(), kRecords),
        messages_(place.shared->steer) {
    inspection_.inspector = inspector;
    inspection_.alerts = &alerts;
    inspection_.guest = place.guest;
    if (inspector != nullptr) {
      inspection_.seals.use(place.seals, place.units);
      inspection_.copies.use(place.copies, place.units, place.bias, sender_);
    }
    for (unsigned ring = 0; ring < kRings; ++ring) {
      if (receives(ring)) {
        receive_[queue_of(ring)].set_queue(queue_of(ring));
      } else {
        transmit_[queue_of(ring)].set_queue(queue_of(ring));
      }
    }
  }

  // Takes over; false: a unit refused (result() says why), and nothing has changed.
  bool start();
  // Hands back.
  void stop();
  bool started() const { return started_; }
  partition::Result result() const { return result_; }
  Counts counts() const;
  // The driver has masked what would tell of received or of sent frames, and looks by itself, as
  // iPXE and DPDK do: then nothing tells us either.
  bool unannounced() const;
  // Looks which messages can wait. Now and then: the guest may have changed it.
  void look_at_vectors();
  // Frames that the NIC did not send because the guest had changed them after their inspection.
  uint64_t seals_broken() const { return place_.steer.read(hal::steer::SEALS_BROKEN); }

  // Does what there is to do. False: there was nothing.
  [[gnu::always_inline]] bool poll() {
    const uint64_t written = records_.take_pending();
    const bool posted = is_posted();
    if (posted | unsettled_) [[unlikely]]
      take_records();
    if (written != 0) follow(written);
    const uint64_t messages = messages_.take_pending();
    const Moved moved = complete();
    follow_watched(messages, moved.received);
    if (messages != 0) pass_on(messages);
    return posted | moved.any | ((written | messages) != 0);
  }

  // A hal::Poller's source: as UnitSignals have it, for both units at once. A unit that ended a
  // halt has disarmed both.
  [[gnu::always_inline]] bool arm() {
    if (transmit_[0].unreported() || queues_ != 1) [[unlikely]]
      follow_heads();
    std::atomic_ref(place_.shared->armed)
        .exchange(transmit_[0].bulk() | receive_[0].bulk() ? kBulkApart : partition::kArmedAtOnce,
                  std::memory_order_seq_cst);
    return (pending(place_.shared->redirect) | pending(place_.shared->steer)) == 0 &&
           !is_posted() && !unsettled_;
  }
  void disarm() { std::atomic_ref(place_.shared->armed).store(0, std::memory_order_relaxed); }

 private:
  struct SetUp {
    std::array<uint32_t, kSetUpOctets / 4> words{};  // as RingRegisters
    bool head_written = false;
    bool changed = false;
    uint32_t operator[](size_t offset) const { return words[offset / 4]; }
  };

  bool start_steering();
  void watch();
  void let_wait(const Waiting& slots);
  void set_up_seals();
  void demand_seals();
  void forgo_seals();
  void hold_rings();
  void hold_receive_rings();
  bool start_redirection();
  void adopt();
  void read_registers(unsigned ring);
  void hand_back();
  void give_back(unsigned ring);
  void rewrite(Entry entry, uint32_t offset);
  bool drain_records();
  void take_records();
  void take_record(const partition::RedirectRecord& record);
  void take_other_record(const partition::RedirectRecord& record);
  void resynchronize();
  void reset();
  void leave();
  bool is_in_force() const;
  void settle_shadows();
  void set_up_rings();
  void set_up(unsigned ring);
  bool follow_format();
  bool follow_buffer_sizes(ReceiveFormat format);
  bool usable(unsigned ring, uint32_t head);
  bool give_buffers(unsigned ring, uint32_t units);
  void refuse_ring(Alert why);
  void use(unsigned ring, uint32_t head);
  bool point_to(uint64_t real, unsigned ring, uint32_t head, uint32_t length);
  [[gnu::always_inline]] void follow(uint64_t written);
  [[gnu::always_inline]] void follow_receive(unsigned queue);
  [[gnu::always_inline]] void follow_transmit(unsigned queue);
  [[gnu::noinline]] void follow_others(uint64_t rings);
  [[gnu::noinline]] void begin_anew(unsigned ring);
  [[gnu::noinline]] void tell_refused();
  void follow_heads();
  struct Moved {
    bool any = false;
    bool received = false;  // queue 0's frames
  };
  [[gnu::always_inline]] Moved complete();
  [[gnu::always_inline]] Moved complete_queue(unsigned queue);
  [[gnu::noinline]] bool complete_second() { return complete_queue(1).any; }
  [[gnu::noinline]] void complete_now() { follow_watched(0, complete().received); }
  [[gnu::always_inline]] void follow_watched(uint64_t messages, bool received);
  [[gnu::always_inline]] void pass_on(uint64_t messages);
  ReceiveFormat read_format() const;
  bool has_one_meaning(ReceiveFormat format) const;
  void tell(Alert what, uint64_t before, uint64_t now);

  static uint64_t pending(partition::UnitControl& control) {
    return std::atomic_ref(control.pending).load(std::memory_order_relaxed);
  }
  // Whether there are records.
  bool is_posted() const {
    return std::atomic_ref(place_.shared->redirect.produced).load(std::memory_order_acquire) !=
           consumed_;
  }
  void consume(size_t records) {
    records_.consume(records);
    consumed_ += static_cast<uint32_t>(records);
  }
  bool active(unsigned ring) const {
    return receives(ring) ? receive_[queue_of(ring)].active() : transmit_[queue_of(ring)].active();
  }
  uint8_t* real_ring(unsigned ring) const { return place_.real + ring * real_octets(place_.units); }
  uint64_t address_of(const void* pointer) const {
    return reinterpret_cast<uintptr_t>(pointer) + place_.bias;
  }
  uint32_t nic_read(uint32_t offset) const { return place_.nic.template read<uint32_t>(offset); }
  void nic_write(uint32_t offset, uint32_t value) const {
    place_.nic.template write<uint32_t>(offset, value);
  }
  // The model reads and writes shadows at the same time.
  static uint32_t read_shadow(uint32_t& word) {
    return std::atomic_ref(word).load(std::memory_order_acquire);
  }
  static void write_shadow(uint32_t& word, uint32_t value) {
    std::atomic_ref(word).store(value, std::memory_order_relaxed);
  }
  uint32_t& shadow(unsigned ring, uint32_t RingRegisters::*word) {
    return place_.shared->shadows[ring].*word;
  }

  const Place<Bus> place_;
  AlertSink& alerts_;
  hal::UnitRing<partition::RedirectRecord> records_;
  hal::UnitSignals messages_;
  std::array<ReceiveRing, i82574::kQueues> receive_;
  std::array<TransmitRing, i82574::kQueues> transmit_;
  Inspection inspection_;
  Counts counts_;
  std::array<SetUp, kRings> set_ups_;
  ReceiveFormat format_ = ReceiveFormat::kLegacy;
  bool one_meaning_ = true;  // of format_, to all NICs
  bool unsettled_ = false;   // the guest's receive format was still changing
  ReceiveBuffers buffer_sizes_{};
  std::array<Slots, kReceiveRings> slots_{};
  NicSender<Bus> sender_{place_};
  bool started_ = false;
  unsigned queues_ = 1;    // that may have work
  uint32_t consumed_ = 0;  // as UnitControl has it
  uint64_t told_refused_ = 0;
  // The last record of a control register.
  uint8_t control_entry_ = kEntries;
  uint32_t control_value_ = 0;
  uint32_t overruns_ = 0;
  partition::Result result_ = partition::Result::k_off;
};

}  // namespace gatehouse::interceptor

#include "firmware/interceptor/interceptor_takeover.hh"
#include "firmware/interceptor/interceptor_waiting.hh"
#include "firmware/interceptor/interceptor_work.hh"

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_HH_
