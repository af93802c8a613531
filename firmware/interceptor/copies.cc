// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/copies.hh"

namespace gatehouse::interceptor {

using namespace i82574;  // NOLINT: register fields

namespace {

constexpr uint32_t kKib = 1024;
constexpr uint32_t kHeaderUnit = 128;  // PSRCTL.BSIZE0

// FLXBUF wins over BSIZE (data sheet 10.2.5). BSEX with BSIZE 0 is reserved: models differ, the
// largest holds for all.
uint32_t one_buffer(uint32_t rctl) {
  if (const uint32_t flexible = field_get(rctl, RCTL_FLXBUF); flexible != 0) return flexible * kKib;
  const uint32_t size = field_get(rctl, RCTL_BSIZE);
  if ((rctl & RCTL_BSEX) != 0) return size <= 1 ? 16 * kKib : 32 * kKib >> size;
  return 2 * kKib >> size;
}

}  // namespace

BufferSizes buffer_sizes(ReceiveFormat format, uint32_t rctl, uint32_t psrctl) {
  if (format != ReceiveFormat::kSplit) return {one_buffer(rctl), 0, 0, 0};
  return {field_get(psrctl, PSRCTL_BSIZE0) * kHeaderUnit, field_get(psrctl, PSRCTL_BSIZE1) * kKib,
          field_get(psrctl, PSRCTL_BSIZE2) * kKib, field_get(psrctl, PSRCTL_BSIZE3) * kKib};
}

Slots::Slots(uint8_t* memory, uint64_t address, const BufferSizes& sizes)
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

Slots Copies::make_slots(unsigned queue, uint32_t descriptors, const BufferSizes& sizes) {
  uint64_t needed = 0;
  for (const uint32_t octets : sizes) needed += uint64_t{octets} * descriptors;
  taken_[queue] = 0;
  if (needed > place_.receive_octets - taken_[1 - queue]) return {};
  taken_[queue] = needed;
  uint8_t* at = place_.receive + (queue == 0 ? 0 : place_.receive_octets - needed);
  return {at, address_of(at), sizes};
}

}  // namespace gatehouse::interceptor
