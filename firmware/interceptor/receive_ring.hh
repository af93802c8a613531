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
  void use(const RingPlace& place, uint32_t head, ReceiveFormat format) {
    Ring::use(place, head);
    format_ = format;
  }
  void stop() { Ring::stop(); }
  ReceiveFormat format() const { return format_; }

  // The guest's tail, < units, was written: the real tail from now on.
  void follow(uint32_t tail, const Inspection& inspection, Counts& counts) {
    const uint32_t had = distance(copied_), has = distance(tail);
    if (has >= had) [[likely]] {
      const auto copy_piece = [&](uint32_t from, uint32_t units) {
        return copy(from, units, inspection);
      };
      counts.refused_addresses += pieces(copied_, tail, copy_piece);
      counts.receive_descriptors += has - had;
    }
    copied_ = tail;
  }

  // Passes on what the NIC has finished. True: the head moved.
  bool complete(Inspection& inspection, Counts& counts) {
    if (head_ == copied_) return false;
    if (inspection.inspector != nullptr || format_ == ReceiveFormat::kSplit) [[unlikely]]
      return complete_frames(inspection, counts);
    const uint32_t before = head_;
    head_ += pass(head_, (copied_ > head_ ? copied_ : place_.units) - head_);
    if (head_ == place_.units) {
      head_ = 0;
      if (copied_ != 0) head_ = pass(0, copied_);
    }
    return head_ != before;
  }

 private:
  uint32_t copy(uint32_t from, uint32_t units, const Inspection& inspection) {
    if (format_ == ReceiveFormat::kSplit)
      return copy_split(real(from), given(from), guest(from), units);
    const uint32_t refused = copy_receive(real(from), guest(from), units);
    if (inspection.inspector != nullptr) keep(from, units);
    return refused;
  }
  uint32_t pass(uint32_t from, uint32_t units) {
    return format_ == ReceiveFormat::kExtended ? complete_extended(guest(from), real(from), units)
                                               : complete_legacy(guest(from), real(from), units);
  }
  void keep(uint32_t from, uint32_t units);
  bool complete_frames(Inspection& inspection, Counts& counts);
  uint32_t step() const { return format_ == ReceiveFormat::kSplit ? 2 : 1; }
  uint64_t status_error(uint32_t unit) const;
  bool finished(uint32_t unit) const;
  void add_pieces(uint32_t unit, Inspection& inspection);
  void condemn(uint32_t last, const FrameBuilder& builder);
  void pass_frame(uint32_t end);

  ReceiveFormat format_ = ReceiveFormat::kLegacy;
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_RECEIVE_RING_HH_
