// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/receive_ring.hh"

namespace gatehouse::interceptor {

using namespace i82574;  // NOLINT: descriptor fields

uint32_t ReceiveRing::copy_split(uint32_t from, uint32_t units, const Inspection& inspection) {
  // A NIC that checks seals is ours.
  const uint32_t refused =
      interceptor::copy_split(real(from), given(from), guest(from), units, inspection.seals.used());
  if (slots_.used()) hide(from, units);
  return refused;
}

void ReceiveRing::keep(uint32_t from, uint32_t units) {
  for (uint32_t unit = from; unit != from + units; ++unit)
    vector_at(place_.given, unit) = vector_at(place_.real, unit);
  if (slots_.used()) hide(from, units);
}

// What the NIC would have been given is kept; it gets private buffers. No word of its last report
// stays, nor one that it might take for an address when the guest changes its format.
void ReceiveRing::hide(uint32_t from, uint32_t units) {
  for (uint32_t unit = from; unit != from + units; ++unit) {
    const Vector guests = vector_at(place_.given, unit);
    Vector& nics = vector_at(place_.real, unit);
    if (format_ != ReceiveFormat::kSplit) {
      nics = Vector{slots_.address(guests[0], null(), slot(unit), 0), kAbortAddress};
      continue;
    }
    const bool first = distance(unit) % 2 == 0;
    const uint32_t slot = this->slot(first ? unit : (unit == 0 ? place_.units : unit) - 1);
    const unsigned buffer = first ? 0 : 2;
    nics = Vector{slots_.address(guests[0], null(), slot, buffer),
                  slots_.address(guests[1], null(), slot, buffer + 1)};
  }
}

// STATUS_ERROR; of a legacy descriptor, its octets of it.
uint64_t ReceiveRing::status_error(uint32_t unit) const {
  const uint8_t* descriptor = real(unit);
  if (format_ != ReceiveFormat::kLegacy)
    return load(descriptor, desc::STATUS_ERROR.word) & desc::STATUS_ERROR.mask();
  return (load(descriptor, desc::LEGACY_STATUS.word) & desc::LEGACY_STATUS.mask()) >>
         desc::LEGACY_STATUS.low;
}

bool ReceiveRing::finished(uint32_t unit) const {
  if (format_ == ReceiveFormat::kSplit) {
    const uint64_t address = get<desc::SPLIT_ADDRESS1>(given(unit));
    return split_done(real(unit),
                      slots_.used() ? slots_.address(address, null(), slot(unit), 1) : address);
  }
  return (status_error(unit) & RX_STATUS_DD) != 0;
}

// 7.1.4: of a descriptor without a buffer, which may stand in the middle of a frame, the NIC sets
// DD. What else is in the word is what firmware has put there.
void ReceiveRing::settle_null(uint32_t unit) {
  if (format_ == ReceiveFormat::kSplit || get<desc::ADDRESS>(given(unit)) != null()) return;
  const unsigned low = format_ == ReceiveFormat::kLegacy ? +desc::LEGACY_STATUS.low : 0;
  publish(real(unit), desc::STATUS_ERROR.word, uint64_t{RX_STATUS_DD} << low);
}

void ReceiveRing::add_pieces(uint32_t unit, Inspection& inspection) {
  const uint8_t* back = real(unit);
  const uint8_t* first = given(unit);
  const auto add = [&](unsigned buffer, uint64_t address, uint64_t octets) {
    // A null descriptor has no buffer, whatever its length says.
    if (address == null() || octets == 0) return;
    const uint32_t count = static_cast<uint32_t>(octets);
    inspection.builder.add(inspection.guest.at(address, octets), count, unit);
    if (!slots_.used()) return;
    uint8_t* written = slots_.holds(buffer, octets) ? slots_.at(slot(unit), buffer) : nullptr;
    inspection.copies.received().add(written, count, unit);
  };
  if (format_ == ReceiveFormat::kLegacy)
    return add(0, get<desc::ADDRESS>(first), get<desc::LEGACY_LENGTH>(back));
  add(0, get<desc::ADDRESS>(first), get<desc::LENGTH>(back));
  if (format_ != ReceiveFormat::kSplit) return;
  // The second unit of the descriptor may lie at the ring's begin.
  const uint32_t second = behind(unit);
  const uint8_t* rest = real(second) - kRingUnit;
  const uint8_t* buffers = given(second) - kRingUnit;
  add(1, get<desc::SPLIT_ADDRESS1>(first), get<desc::LENGTH1>(rest));
  add(2, get<desc::SPLIT_ADDRESS2>(buffers), get<desc::LENGTH2>(rest));
  add(3, get<desc::SPLIT_ADDRESS3>(buffers), get<desc::LENGTH3>(rest));
}

// The guest gets its buffers back with an error, as for a frame that was damaged on the way, and
// without what was in them.
void ReceiveRing::condemn(uint32_t last, const FrameBuilder& builder) {
  for (const Piece& piece : builder.frame(Direction::kReceive, 0).pieces)
    for (uint32_t octet = 0; octet != piece.octets; ++octet) piece.data[octet] = 0;
  // A later report may speak of octets that the NIC has not written.
  for (uint32_t unit = head_; slots_.used(); unit = behind(unit)) {
    Copies::wipe(slots_.at(slot(unit), 0), slots_.octets());
    if (unit == last) break;
    if (step() != 1) unit = behind(unit);
  }
  uint8_t* descriptor = real(last);
  if (format_ == ReceiveFormat::kLegacy) {
    put<desc::LEGACY_ERRORS>(
        descriptor, get<desc::LEGACY_ERRORS>(descriptor) | RX_ERROR_RXE >> kRxLegacyErrorShift);
  } else {
    put<desc::STATUS_ERROR>(descriptor, get<desc::STATUS_ERROR>(descriptor) | RX_ERROR_RXE);
  }
}

// The descriptors from head_ up to `end`.
void ReceiveRing::pass_frame(uint32_t end) {
  if (format_ != ReceiveFormat::kSplit) {
    pieces(head_, end, [&](uint32_t from, uint32_t units) { return pass(from, units); });
    head_ = end;
    return;
  }
  while (head_ != end) {
    const uint32_t second = behind(head_);
    vector_at(place_.guest, second) = vector_at(place_.real, second);
    *reinterpret_cast<Word*>(guest(head_)) = load(real(head_), 0);
    publish(guest(head_), desc::STATUS_ERROR.word, load(real(head_), desc::STATUS_ERROR.word));
    head_ = behind(second);
  }
}

// Frame by frame; without an inspector, what is finished of one as well.
bool ReceiveRing::complete_frames(Inspection& inspection, Counts& counts) {
  const uint32_t before = head_;
  const bool inspected = inspection.inspector != nullptr;
  const auto clear = [&] {
    inspection.builder.clear();
    inspection.copies.received().clear();
  };
  clear();
  for (uint32_t unit = head_; distance(copied_) >= distance(unit) + step() && finished(unit);) {
    const uint32_t last = unit;
    if (slots_.used()) settle_null(unit);
    if (inspected) add_pieces(unit, inspection);
    for (uint32_t i = 0; i != step(); ++i) unit = behind(unit);
    const bool whole = (status_error(last) & RX_STATUS_EOP) != 0;
    if (inspected && !whole) continue;
    if (inspected && inspection.decide(Direction::kReceive, queue_, counts) == Verdict::kDrop)
      condemn(last, inspection.builder);
    pass_frame(unit);
    clear();
  }
  return head_ != before;
}

}  // namespace gatehouse::interceptor
