// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/transmit_ring.hh"

namespace gatehouse::interceptor {

using namespace i82574;  // NOLINT: descriptor fields

uint32_t TransmitRing::copy_round(uint32_t tail) {
  return pieces(copied_, tail, [this](uint32_t from, uint32_t units) { return copy(from, units); });
}

void TransmitRing::scan_round() {
  scan(place_.units);
  if (scanned_ != place_.units) return;
  scanned_ = 0;
  if (head_ == place_.units) head_ = 0;
  if (ready_ != 0) scan(ready_);
}

void TransmitRing::advance(uint32_t head) {
  const uint32_t units = distance(head);
  if (distance(scanned_) < units) scanned_ = head;
  head_ = head;
}

uint32_t TransmitRing::take_back(uint32_t tail) {
  const uint32_t units = distance(tail);
  if (distance(scanned_) > units) scanned_ = tail;
  if (distance(ready_) > units) ready_ = tail;
  copied_ = tail;
  return ready_;
}

// From ready_ on, in the copy that the guest can't change any more.
uint32_t TransmitRing::inspect(Inspection& inspection, Counts& counts) {
  FrameBuilder& builder = inspection.builder;
  builder.clear();
  for (uint32_t unit = ready_; unit != copied_; unit = behind(unit)) {
    const uint8_t* descriptor = real(unit);
    if (is_context(descriptor)) {
      context_ = vector_at(place_.real, unit);
      context_known_ = true;
      if (unit == ready_) ready_ = behind(unit);  // not inside a frame
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
      remove(ready_, behind(unit));
    builder.clear();
    ready_ = behind(unit);
  }
  return ready_;
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
