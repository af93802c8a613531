// SPDX-License-Identifier: GPL-2.0-or-later
// One receive queue between the NIC and the guest.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_RECEIVE_RING_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_RECEIVE_RING_HH_

#include <cstdint>

#include "firmware/interceptor/descriptors.hh"
#include "firmware/interceptor/inspection.hh"
#include "firmware/interceptor/ring.hh"

namespace gatehouse::interceptor {

class ReceiveRing : public Ring {
 public:
  // `whole`: frames are passed on as a whole, after somebody has looked at them.
  void use(const RingPlace& place, uint32_t head, ReceiveFormat format, bool whole) {
    Ring::use(place, head);
    format_ = format;
    whole_ = whole || format == ReceiveFormat::kSplit;
    watch();
  }
  void stop() {
    Ring::stop();
    watched_ = &kNever;
  }
  ReceiveFormat format() const { return format_; }

  // The guest's tail, < units, was written: the real tail from now on.
  void follow(uint32_t tail, const Inspection& inspection, Counts& counts) {
    const uint32_t more = distance(copied_, tail);
    // Else it takes buffers back.
    if (distance(copied_) + more < place_.units) [[likely]] {
      const auto copy_piece = [&](uint32_t from, uint32_t units) {
        return copy(from, units, inspection);
      };
      const uint32_t refused = pieces(copied_, tail, copy_piece);
      if (refused != 0) [[unlikely]]
        counts.refused_addresses += refused;
      counts.receive_descriptors += more;
    }
    copied_ = tail;
  }

  // False: the NIC has finished nothing.
  [[gnu::always_inline]] bool may_complete() const {
    return (__atomic_load_n(watched_, __ATOMIC_RELAXED) & i82574::RX_STATUS_DD) != 0;
  }
  // After may_complete(): passes on what the NIC has finished. True: the head moved.
  [[gnu::always_inline]] bool complete(Inspection& inspection, Counts& counts) {
    // Of the last round?
    if (head_ == copied_) return false;
    if (whole_) [[unlikely]]
      return complete_frames(inspection, counts);
    if (copied_ < head_) [[unlikely]]
      return complete_round();
    const uint32_t units = pass(head_, copied_ - head_);
    head_ += units;
    watch();
    return units != 0;
  }

 private:
  uint32_t copy(uint32_t from, uint32_t units, const Inspection& inspection) {
    if (format_ == ReceiveFormat::kSplit)
      return copy_split(real(from), given(from), guest(from), units);
    const uint32_t refused = copy_receive(real(from), guest(from), units, status_octet());
    if (inspection.inspector != nullptr) keep(from, units);
    return refused;
  }
  uint32_t pass(uint32_t from, uint32_t units) {
    return format_ == ReceiveFormat::kExtended ? complete_extended(guest(from), real(from), units)
                                               : complete_legacy(guest(from), real(from), units);
  }
  // Over the ring's end.
  bool complete_round();
  void keep(uint32_t from, uint32_t units);
  bool complete_frames(Inspection& inspection, Counts& counts);
  uint32_t step() const { return format_ == ReceiveFormat::kSplit ? 2 : 1; }
  uint64_t status_error(uint32_t unit) const;
  bool finished(uint32_t unit) const;
  void add_pieces(uint32_t unit, Inspection& inspection);
  void condemn(uint32_t last, const FrameBuilder& builder);
  void pass_frame(uint32_t end);

  // The octet that tells whether there is anything at the head.
  void watch() { watched_ = whole_ ? &kAlways : real(head_) + status_octet(); }
  uint32_t status_octet() const {
    return format_ == ReceiveFormat::kExtended ? i82574::kRxStatusOctet
                                               : i82574::kRxLegacyStatusOctet;
  }

  static constexpr uint8_t kNever = 0, kAlways = i82574::RX_STATUS_DD;
  ReceiveFormat format_ = ReceiveFormat::kLegacy;
  bool whole_ = false;
  const uint8_t* watched_ = &kNever;
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_RECEIVE_RING_HH_
