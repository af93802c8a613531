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
  // `slots`: the NIC writes there (copies.hh).
  void use(const RingPlace& place, uint32_t head, ReceiveFormat format, bool whole,
           const Slots& slots = {}) {
    Ring::use(place, head);
    format_ = format;
    slots_ = slots;
    whole_ = whole || format == ReceiveFormat::kSplit;
    status_ = place_.real + status_octet();
  }
  void stop() {
    Ring::stop();
    whole_ = many_ = false;
    status_ = &kNever;
  }
  ReceiveFormat format() const { return format_; }
  // Whether one octet tells if a descriptor is finished, RX_STATUS_DD in it; the first one's.
  bool tells_by_octet() const { return active() && format_ != ReceiveFormat::kSplit; }
  const uint8_t* first_octet() const { return tells_by_octet() ? status_ : nullptr; }

  // The guest's tail, < units, was written, and takes nothing back: the real tail from now on.
  void follow(uint32_t tail, const Inspection& inspection, Counts& counts) {
    const auto copy_piece = [&](uint32_t from, uint32_t units) {
      return copy(from, units, inspection);
    };
    const uint32_t refused = pieces(copied_, tail, copy_piece);
    if (refused != 0) [[unlikely]]
      counts.refused_addresses += refused;
    followed(tail, tail < copied_);
  }

  // False: the NIC has finished nothing.
  [[gnu::always_inline]] bool may_complete() const {
    const uint8_t* status = status_ + head_ * uint64_t{i82574::kRingUnit};
    return whole_ || (__atomic_load_n(status, __ATOMIC_RELAXED) & i82574::RX_STATUS_DD) != 0;
  }
  // After may_complete(): passes on what the NIC has finished. True: the head moved.
  [[gnu::always_inline]] bool complete(Inspection& inspection, Counts& counts) {
    // Of the last round?
    if (head_ == copied_) return false;
    if (whole_) [[unlikely]]
      return complete_frames(inspection, counts);
    const uint32_t end = copied_ > head_ ? copied_ : place_.units;
    const uint32_t units = pass(head_, end - head_);
    many_ = units >= kMany;
    const uint32_t head = head_ + units;
    head_ = head == place_.units ? pass(0, copied_) : head;
    return units != 0;
  }

  // Frames come faster than they are looked for.
  bool bulk() const { return many_; }

 private:
  uint32_t copy(uint32_t from, uint32_t units, const Inspection& inspection) {
    if (format_ == ReceiveFormat::kSplit) return copy_split(from, units, inspection);
    const uint32_t refused = copy_receive(real(from), guest(from), units, status_octet());
    if (inspection.inspector != nullptr) keep(from, units);
    return refused;
  }
  uint32_t pass(uint32_t from, uint32_t units) {
    return format_ == ReceiveFormat::kExtended ? complete_extended(guest(from), real(from), units)
                                               : complete_legacy(guest(from), real(from), units);
  }
  uint32_t copy_split(uint32_t from, uint32_t units, const Inspection& inspection);
  void keep(uint32_t from, uint32_t units);
  void hide(uint32_t from, uint32_t units);
  // Of a descriptor's `first` unit.
  uint32_t slot(uint32_t first) const { return first / step(); }
  bool complete_frames(Inspection& inspection, Counts& counts);
  // 7.1.4, 7.1.5: an address that says that there is no buffer. In a split descriptor 0 is one like
  // any other.
  uint64_t null() const { return format_ == ReceiveFormat::kSplit ? i82574::kSplitNoBuffer : 0; }
  uint32_t step() const { return format_ == ReceiveFormat::kSplit ? 2 : 1; }
  uint64_t status_error(uint32_t unit) const;
  bool finished(uint32_t unit) const;
  void settle_null(uint32_t unit);
  void add_pieces(uint32_t unit, Inspection& inspection);
  void condemn(uint32_t last, const FrameBuilder& builder);
  void pass_frame(uint32_t end);

  uint32_t status_octet() const {
    return format_ == ReceiveFormat::kExtended ? i82574::kRxStatusOctet
                                               : i82574::kRxLegacyStatusOctet;
  }

  static constexpr uint32_t kMany = 4;
  static constexpr uint8_t kNever = 0;
  ReceiveFormat format_ = ReceiveFormat::kLegacy;
  bool whole_ = false;
  bool many_ = false;  // descriptors that the NIC had finished the last time
  Slots slots_{};
  // The first descriptor's octet that tells whether it is finished.
  const uint8_t* status_ = &kNever;
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_RECEIVE_RING_HH_
