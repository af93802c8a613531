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

static uint64_t octets_of(const uint8_t* descriptor) {
  return (get<desc::TX_COMMAND>(descriptor) & TX_CMD_DEXT) != 0 ? get<desc::DATA_DTALEN>(descriptor)
                                                                : get<desc::TX_LENGTH>(descriptor);
}

// NICs differ in what they read otherwise: QEMU's e1000e takes other types by their last bit, and
// 16 bits of a length.
static bool has_one_meaning(const uint8_t* descriptor) {
  return (get<desc::TX_COMMAND>(descriptor) & TX_CMD_DEXT) == 0 ||
         (get<desc::DATA_DTYP>(descriptor) == static_cast<uint64_t>(TxType::kData) &&
          get<desc::DATA_DTALEN>(descriptor) <= 0xffff);
}

// From ready() on, in the copy that the guest can't change any more. `more`: what was copied now.
uint32_t TransmitRing::inspect(uint32_t more, Inspection& inspection, Counts& counts) {
  held_ += more;
  uint32_t ready = this->ready();
  const bool copied = inspection.copies.used();
  FrameBuilder& builder = inspection.builder;
  builder.clear();
  for (uint32_t unit = ready; unit != copied_; unit = behind(unit)) {
    const uint8_t* descriptor = real(unit);
    if (is_context(descriptor)) {
      context_ = vector_at(place_.real, unit);
      context_known_ = true;
      if (unit != ready) continue;  // inside a frame
      if (copied)
        inspection.copies.send_buffer(queue_).mark(unit,
                                                   inspection.copies.send_buffer(queue_).end());
      ready = behind(unit);
      continue;
    }
    if (!has_one_meaning(descriptor)) builder.spoil();
    if (const uint64_t octets = octets_of(descriptor); octets != 0)
      builder.add(inspection.guest.at(get<desc::TX_ADDRESS>(descriptor), octets),
                  static_cast<uint32_t>(octets), unit);
    if ((get<desc::TX_COMMAND>(descriptor) & TX_CMD_EOP) == 0) continue;
    if (copied) {
      if (!pass_copy(ready, behind(unit), inspection, counts)) break;
    } else if (inspection.decide(Direction::kTransmit, queue_, counts) == Verdict::kDrop) {
      remove(ready, behind(unit));
    }
    builder.clear();
    ready = behind(unit);
  }
  held_ = distance(ready, copied_);
  return ready;
}

// The frame [from, to) leaves from private memory. False: there is no room for it yet.
bool TransmitRing::pass_copy(uint32_t from, uint32_t to, Inspection& inspection, Counts& counts) {
  const Frame frame = inspection.builder.frame(Direction::kTransmit, queue_);
  Copies& copies = inspection.copies;
  SendBuffer& buffer = copies.send_buffer(queue_);
  const bool seen = inspection.builder.whole() && frame.octets <= kCopyOctets;
  if (seen && !make_room(from, frame.octets, copies)) {
    counts.waits += buffer.wait();
    copies.port().follow_again(queue_);
    return false;
  }
  const uint32_t begin = buffer.end();
  for (uint32_t unit = from; unit != to; unit = behind(unit)) buffer.mark(unit, begin);
  uint8_t* copy = nullptr;
  if (seen) {
    copy = buffer.take(frame.octets);
    gather(frame, copy);
  } else {
    ++counts.unseen;
  }
  if (!seen || inspection.inspect_copy(frame, copy, counts) == Verdict::kDrop) {
    buffer.cut(begin);
    remove(from, to);
    return true;
  }
  for (uint32_t unit = from; unit != to; unit = behind(unit)) {
    uint8_t* descriptor = real(unit);
    if (is_context(descriptor)) continue;
    put<desc::TX_ADDRESS>(descriptor, copies.address_of(copy));
    copy += octets_of(descriptor);
  }
  return true;
}

// Up to `end`, frames have been passed to the NIC, or are about to be.
bool TransmitRing::make_room(uint32_t end, uint32_t octets, Copies& copies) {
  SendBuffer& buffer = copies.send_buffer(queue_);
  const auto finished = [&](uint32_t head) {
    if (head == end) {
      buffer.finish_all();
    } else {
      buffer.finish_before(head);
    }
    return buffer.has_room(octets);
  };
  if (buffer.has_room(octets) || finished(head_)) return true;
  const uint32_t head = copies.port().transmit_head(queue_);
  return head < place_.units && distance(head) <= distance(end) && finished(head);
}

// The NIC gets, in place of a frame's descriptors, the context once more that it has anyway: that
// changes nothing, sends nothing, and is reported as the guest asked. Before the first context it
// gets no octets, at an address that nothing answers at: there, a NIC may read what it likes.
void TransmitRing::remove(uint32_t from, uint32_t to) {
  constexpr uint64_t kKept = uint64_t{TX_CMD_RS | TX_CMD_RPS | TX_CMD_IDE} << desc::TX_COMMAND.low;
  for (uint32_t unit = from; unit != to; unit = behind(unit)) {
    uint8_t* descriptor = real(unit);
    if (is_context(descriptor)) continue;
    if (!context_known_) {
      put<desc::TX_ADDRESS>(descriptor, kAbortAddress);
      if ((get<desc::TX_COMMAND>(descriptor) & TX_CMD_DEXT) != 0) {
        put<desc::DATA_DTALEN>(descriptor, 0);
        put<desc::DATA_DTYP>(descriptor, static_cast<uint64_t>(TxType::kData));
      } else {
        put<desc::TX_LENGTH>(descriptor, 0);
      }
      continue;
    }
    const uint64_t kept = load_word(descriptor + kTransmitWord) & kKept;
    const uint64_t clear = kKept | desc::TX_STATUS.mask();
    store_word(descriptor, context_[0]);
    store_word(descriptor + kTransmitWord, (context_[1] & ~clear) | kept);
  }
}

}  // namespace gatehouse::interceptor
