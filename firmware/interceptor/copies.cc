// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/copies.hh"

namespace gatehouse::interceptor {

Slots::Slots(uint8_t* memory, uint64_t address, const ReceiveBuffers& sizes)
    : memory_(memory), address_(address), sizes_(sizes) {
  for (unsigned buffer = 0; buffer != sizes.size(); ++buffer) {
    offsets_[buffer] = step_;
    step_ += sizes[buffer];
  }
}

void Copies::use(const CopyPlace& place, uint32_t units, uint64_t bias, SenderPort& port) {
  place_ = place;
  bias_ = bias;
  port_ = &port;
  if (!used()) return;
  for (unsigned queue = 0; queue != kTransmitRings; ++queue)
    send_[queue].use(place.send + uint64_t{queue} * kSendOctets,
                     place.marks + uint64_t{queue} * units);
}

Slots Copies::make_slots(unsigned queue, uint32_t descriptors, const ReceiveBuffers& sizes) {
  uint64_t needed = 0;
  for (const uint32_t octets : sizes) needed += uint64_t{octets} * descriptors;
  taken_[queue] = 0;
  if (needed > place_.receive_octets - taken_[1 - queue]) return {};
  taken_[queue] = needed;
  uint8_t* at = begin_of(queue);
  wipe(at, needed);  // sizes that the guest changes under way end here: beyond a slot nothing stays
  return {at, address_of(at), sizes};
}

void Copies::wipe(uint8_t* from, uint64_t octets) {
  for (const uint8_t* const end = from + octets; from != end; ++from) *from = 0;
}

}  // namespace gatehouse::interceptor
