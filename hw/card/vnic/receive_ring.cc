// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/receive_ring.hh"

#include <algorithm>
#include <cstring>

namespace gatehouse::vnic {

using namespace i82574;  // NOLINT: register and descriptor names

namespace {

// For ReceiveRing::share: a later descriptor of a split frame, whose buffer 0 stays empty
// (7.1.5.1).
constexpr uint32_t kNoHeader = ~uint32_t{0};

template <class Buffers>
uint32_t total(const Buffers& buffers) {
  uint32_t octets = 0;
  for (const auto& buffer : buffers) octets += buffer.octets;
  return octets;
}

}  // namespace

DescriptorRing ReceiveRing::ring() const {
  return {.base = registers_.pair(reg::RDBAL(queue_), reg::RDBAH(queue_)),
          .length = registers_[reg::RDLEN(queue_)] / kRingUnit,
          .head = registers_[reg::RDH(queue_)],
          .tail = registers_[reg::RDT(queue_)]};
}

uint32_t ReceiveRing::low_threshold() const {
  // RCTL.RDMTS: 1/2, 1/4, 1/8 of the ring; 3 is reserved.
  const uint32_t fraction = std::min(registers_.field(reg::RCTL, RCTL_RDMTS), 2u);
  return registers_[reg::RDLEN(queue_)] / kRingUnit >> (fraction + 1);
}

// How a descriptor's buffers share the next `left` octets. split_at != 0: buffer 0 takes so many,
// the others the rest.
ReceiveRing::Buffers ReceiveRing::share(const ReceiveSettings& settings, const uint8_t* descriptor,
                                        uint32_t left, uint32_t split_at) {
  Buffers buffers;
  if (settings.format != ReceiveFormat::kSplit) {
    buffers[0].address = get<desc::ADDRESS>(descriptor);
    // 7.1.7.2: a null descriptor takes nothing.
    if (buffers[0].address != 0) buffers[0].octets = std::min(left, settings.buffer_octets[0]);
    return buffers;
  }
  buffers[0].address = get<desc::SPLIT_ADDRESS0>(descriptor);
  buffers[1].address = get<desc::SPLIT_ADDRESS1>(descriptor);
  buffers[2].address = get<desc::SPLIT_ADDRESS2>(descriptor);
  buffers[3].address = get<desc::SPLIT_ADDRESS3>(descriptor);
  for (unsigned i = 0; i < kSplitBuffers; ++i) {
    uint32_t room = buffers[i].address == kSplitNoBuffer ? 0 : settings.buffer_octets[i];
    if (i == 0 && split_at == kNoHeader) room = 0;
    if (i == 0 && split_at != 0) room = std::min(room, split_at);
    buffers[i].octets = std::min(left, room);
    left -= buffers[i].octets;
  }
  return buffers;
}

bool ReceiveRing::store(const Buffers& buffers, const uint8_t* octets) {
  bool stored = true;
  for (const Buffer& buffer : buffers) {
    if (buffer.octets == 0) continue;
    stored &= dma_.write(buffer.address, octets, buffer.octets);
    octets += buffer.octets;
  }
  return stored;
}

void ReceiveRing::advance_head(uint32_t units) {
  const DescriptorRing now = ring();
  registers_[reg::RDH(queue_)] = now.advance(now.head, units);
}

void ReceiveRing::drop_cached(uint32_t units) { cache_.pop(units, registers_[reg::RDH(queue_)]); }

// 7.1.7.2: null descriptors in front of a frame come back with DD and nothing else changed. At most
// a cache full at a time.
void ReceiveRing::skip_null_descriptors(const ReceiveSettings& settings) {
  if (settings.format == ReceiveFormat::kSplit) return;
  while (cache_.units() != 0 && get<desc::ADDRESS>(cache_.at(0)) == 0) {
    uint8_t* back = append(settings);
    std::memcpy(back, cache_.at(0), kRxDescriptorSize);
    back[back_status_octet_] |= RX_STATUS_DD;
    advance_head(1);
    drop_cached(1);
  }
}

ReceiveRing::Put ReceiveRing::put(const ReceiveSettings& settings, const ReceiveImage& image,
                                  const ReceiveStatus& status, SealPort* seals) {
  const uint32_t length = static_cast<uint32_t>(image.octets.size());
  const uint32_t step = settings.descriptor_units();
  const bool split = settings.format == ReceiveFormat::kSplit && status.header_length != 0 &&
                     status.header_length <= settings.buffer_octets[0] &&
                     status.header_length <= length;
  const auto split_at = [&](uint32_t unit) {
    return !split ? 0 : unit == 0 ? status.header_length : kNoHeader;
  };
  if (!fetch(step)) return Put::kRingError;
  skip_null_descriptors(settings);
  // How many descriptors it takes, before anything is changed.
  uint32_t needed = 0;
  for (uint32_t left = length; left != 0; needed += step) {
    if (!fetch(needed + step)) return Put::kRingError;
    if (cache_.units() < needed + step) return Put::kNoDescriptors;
    left -= total(share(settings, cache_.at(needed), left, split_at(needed)));
  }
  bool stored = true;
  uint32_t done = 0;
  for (uint32_t unit = 0; unit < needed; unit += step) {
    const Buffers buffers = share(settings, cache_.at(unit), length - done, split_at(unit));
    const bool whole = store(buffers, image.octets.data() + done);
    if (seals != nullptr) {
      const auto octets = image.octets.subspan(done, total(buffers));
      seals->received(queue_, registers_[reg::RDH(queue_)],
                      whole ? octets : std::span<const uint8_t>());
    }
    stored &= whole;
    done += total(buffers);
    uint32_t status_error = RX_STATUS_DD;
    if (unit + step == needed) {
      status_error |= RX_STATUS_EOP | status.status_error | (stored ? 0 : RX_ERROR_RXE);
    }
    write_back(settings, cache_.at(unit), buffers, image, status, status_error, split && unit == 0);
    advance_head(step);
  }
  drop_cached(needed);
  return stored ? Put::kDone : Put::kBufferError;
}

// Room for RDH's write-back; what does not continue it in memory is flushed.
uint8_t* ReceiveRing::append(const ReceiveSettings& settings) {
  const DescriptorRing now = ring();
  const uint64_t address = now.address(now.head);
  const uint32_t step = settings.descriptor_units();
  if (back_units_ + step > kCacheUnits ||
      address != back_address_ + uint64_t{back_units_} * kRingUnit) {
    flush();
  }
  if (back_units_ == 0) back_address_ = address;
  back_status_octet_ =
      settings.format == ReceiveFormat::kLegacy ? kRxLegacyStatusOctet : kRxStatusOctet;
  uint8_t* back = &back_[back_units_ * kRingUnit];
  back_units_ += step;
  return back;
}

void ReceiveRing::write_back(const ReceiveSettings& settings, const uint8_t* descriptor,
                             const Buffers& buffers, const ReceiveImage& image,
                             const ReceiveStatus& status, uint32_t status_error, bool split) {
  uint8_t* back = append(settings);
  if (settings.format != ReceiveFormat::kSplit && buffers[0].octets == 0) {
    // A null descriptor in the middle of a frame.
    std::memcpy(back, descriptor, kRxDescriptorSize);
    back[back_status_octet_] |= RX_STATUS_DD;
    return;
  }
  if (settings.format == ReceiveFormat::kLegacy) {
    std::memcpy(back, descriptor, kRxDescriptorSize);
    i82574::put<desc::LEGACY_LENGTH>(back, buffers[0].octets);
    i82574::put<desc::LEGACY_CHECKSUM>(back, image.checksum);
    i82574::put<desc::LEGACY_STATUS>(back, status_error);
    i82574::put<desc::LEGACY_ERRORS>(back, status_error >> kRxLegacyErrorShift);
    i82574::put<desc::LEGACY_VLAN>(back, status.vlan_stripped ? status.vlan_tci : 0);
    return;
  }
  std::memset(back, 0, settings.descriptor_units() * kRingUnit);
  if (settings.hash_reported) {
    i82574::put<desc::RSS_TYPE>(back, static_cast<uint64_t>(status.rss_type));
    i82574::put<desc::RSS_QUEUE>(back, status.queue);
    i82574::put<desc::RSS_HASH>(back, status.rss_hash);
  } else {
    i82574::put<desc::IP_ID>(back, status.ip_id);
    i82574::put<desc::CHECKSUM>(back, image.checksum);
  }
  i82574::put<desc::STATUS_ERROR>(back, status_error);
  i82574::put<desc::LENGTH>(back, buffers[0].octets);
  i82574::put<desc::VLAN>(back, status.vlan_stripped ? status.vlan_tci : 0);
  if (settings.format != ReceiveFormat::kSplit) return;
  if (split) {
    i82574::put<desc::HEADER_LENGTH>(back, status.header_length);
    i82574::put<desc::HEADER_SPLIT>(back, 1);
  }
  i82574::put<desc::LENGTH1>(back, buffers[1].octets);
  i82574::put<desc::LENGTH2>(back, buffers[2].octets);
  i82574::put<desc::LENGTH3>(back, buffers[3].octets);
}

// Drivers look at descriptors in order. So the first DD of the run is written last and alone: until
// it is there, a driver on another CPU does not look at the others, in whatever order the octets of
// the large write become visible. Writes to PCI memory are posted: that one failed is not known to
// the hardware.
void ReceiveRing::flush() {
  if (back_units_ == 0) return;
  uint8_t& first = back_[back_status_octet_];
  const uint8_t status = first;
  first = static_cast<uint8_t>(status & ~RX_STATUS_DD);
  dma_.write(back_address_, back_.data(), back_units_ * kRingUnit);
  dma_.write(back_address_ + back_status_octet_, &status, sizeof status);
  back_units_ = 0;
}

}  // namespace gatehouse::vnic
