// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/transmit_ring.hh"

namespace gatehouse::interceptor {

using namespace i82574;  // NOLINT: descriptor fields

uint32_t TransmitRing::copy_round(uint32_t tail) {
  return pieces(copied_, tail, [this](uint32_t from, uint32_t units) { return copy(from, units); });
}

// `from` == `end`: there is nothing, what is there is of the last round.
void TransmitRing::scan_round(uint32_t from, uint32_t end) {
  if (from == end) return;
  scan(from, place_.units);
  if (head_ == place_.units) head_ = 0;
  if (scanned() == 0 && end != 0) scan(0, end);
}

void TransmitRing::advance(uint32_t head) {
  const uint32_t units = distance(head);
  silent_ -= silent_ < units ? silent_ : units;
  head_ = head;
}

uint32_t TransmitRing::take_back(uint32_t tail) {
  const uint32_t kept = distance(tail), real_tail = distance(ready());
  if (silent_ > kept) silent_ = kept;
  held_ = kept > real_tail ? kept - real_tail : 0;
  take_back_to(tail);
  return ready();
}

// From ready() on, in the copy that the guest can't change any more. `more`: what was copied now.
uint32_t TransmitRing::inspect(uint32_t more, Inspection& inspection, Counts& counts) {
  held_ += more;
  uint32_t ready = this->ready();
  FrameBuilder& builder = inspection.builder;
  builder.clear();
  for (uint32_t unit = ready; unit != copied_; unit = behind(unit)) {
    const uint8_t* descriptor = real(unit);
    if (is_context(descriptor)) {
      context_ = vector_at(place_.real, unit);
      context_known_ = true;
      if (unit == ready) ready = behind(unit);  // not inside a frame
      continue;
    }
    const uint64_t command = get<desc::TX_COMMAND>(descriptor);
    const uint64_t octets = (command & TX_CMD_DEXT) != 0 ? get<desc::DATA_DTALEN>(descriptor)
                                                         : get<desc::TX_LENGTH>(descriptor);
    if (octets != 0)
      builder.add(inspection.guest.at(get<desc::TX_ADDRESS>(descriptor), octets),
                  static_cast<uint32_t>(octets), unit);
    if ((command & TX_CMD_EOP) == 0) continue;
    if (inspection.decide(Direction::kTransmit, queue_, counts) == Verdict::kDrop)
      remove(ready, behind(unit));
    builder.clear();
    ready = behind(unit);
  }
  held_ = distance(ready, copied_);
  return ready;
}

// The NIC gets, in place of a frame's descriptors, the context once more that it has anyway: that
// changes nothing, sends nothing, and is reported as the guest asked. Before the first context it
// gets an address that nothing answers at.
void TransmitRing::remove(uint32_t from, uint32_t to) {
  constexpr uint64_t kKept = uint64_t{TX_CMD_RS | TX_CMD_RPS | TX_CMD_IDE} << desc::TX_COMMAND.low;
  for (uint32_t unit = from; unit != to; unit = behind(unit)) {
    uint8_t* descriptor = real(unit);
    if (is_context(descriptor)) continue;
    if (!context_known_) {
      put<desc::TX_ADDRESS>(descriptor, kAbortAddress);
      continue;
    }
    const uint64_t kept = load_word(descriptor + kTransmitWord) & kKept;
    const uint64_t clear = kKept | desc::TX_STATUS.mask();
    store_word(descriptor, context_[0]);
    store_word(descriptor + kTransmitWord, (context_[1] & ~clear) | kept);
  }
}

}  // namespace gatehouse::interceptor
