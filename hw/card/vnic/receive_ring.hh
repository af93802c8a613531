// SPDX-License-Identifier: GPL-2.0-or-later
// One receive queue: fetches descriptors ahead, puts frames into the guest's buffers, writes
// descriptors back (data sheet 7.1.3 - 7.1.8). Invariant: what is fetched ahead begins at RDH. All
// writes of a batch's data precede the write-back of its descriptors.
#ifndef GATEHOUSE_HW_CARD_VNIC_RECEIVE_RING_HH_
#define GATEHOUSE_HW_CARD_VNIC_RECEIVE_RING_HH_

#include <array>
#include <cstdint>
#include <span>

#include "hw/card/vnic/descriptor_cache.hh"
#include "hw/card/vnic/descriptor_ring.hh"
#include "hw/card/vnic/ports.hh"
#include "hw/card/vnic/receive_settings.hh"
#include "hw/card/vnic/receive_status.hh"
#include "hw/card/vnic/register_file.hh"

namespace gatehouse::vnic {

// What is stored in guest memory: the frame without a stripped tag, with its FCS when that is not
// stripped.
struct ReceiveImage {
  std::span<const uint8_t> octets;
  uint16_t checksum = 0;  // packet or fragment checksum
};

class ReceiveRing {
 public:
  enum class Put : uint8_t {
    kDone,
    kNoDescriptors,  // nothing happened
    kRingError,      // descriptors could not be read; nothing happened
    kBufferError,    // a buffer could not be written; the descriptors are used up and carry RXE
  };

  ReceiveRing(RegisterFile& registers, DmaPort& dma, unsigned queue)
      : registers_(registers), dma_(dma), queue_(queue) {}

  // seals: null, or told of what each descriptor got.
  Put put(const ReceiveSettings& settings, const ReceiveImage& image, const ReceiveStatus& status,
          SealPort* seals);
  // Writes back what put() left. Before any interrupt, and before anybody else looks at the rings.
  void flush();
  // The ring's registers or descriptors changed under us. Nothing may wait for a flush.
  void forget() { cache_.forget(); }
  // The tail was written: what it took back is not ours any more.
  void tail_moved() { cache_.trim(available()); }

  // Units that the hardware owns, as the registers have it.
  uint32_t available() const { return ring().available(); }
  // Units of the ring, whoever owns them.
  uint32_t units() const { return ring().length; }
  // available() at which RXDMT0 is due.
  uint32_t low_threshold() const;

 private:
  // More than a frame of kLongestJumbo needs in the smallest buffers (64), and room for null
  // descriptors.
  static constexpr uint32_t kCacheUnits = 128;

  struct Buffer {
    uint64_t address = 0;
    uint32_t octets = 0;
  };
  using Buffers = std::array<Buffer, kSplitBuffers>;

  DescriptorRing ring() const;
  bool fetch(uint32_t units) { return cache_.fetch(ring(), dma_, units); }
  void advance_head(uint32_t units);
  void drop_cached(uint32_t units);
  void skip_null_descriptors(const ReceiveSettings& settings);
  static Buffers share(const ReceiveSettings& settings, const uint8_t* descriptor, uint32_t left,
                       uint32_t split_at);
  bool store(const Buffers& buffers, const uint8_t* octets);
  void write_back(const ReceiveSettings& settings, const uint8_t* descriptor,
                  const Buffers& buffers, const ReceiveImage& image, const ReceiveStatus& status,
                  uint32_t status_error, bool split);
  uint8_t* append(const ReceiveSettings& settings);

  RegisterFile& registers_;
  DmaPort& dma_;
  unsigned queue_;

  DescriptorCache<kCacheUnits> cache_;

  // Write-backs that lie in one piece.
  std::array<uint8_t, kCacheUnits * i82574::kRingUnit> back_;
  uint32_t back_units_ = 0;
  uint64_t back_address_ = 0;
  uint32_t back_status_octet_ = 0;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_RECEIVE_RING_HH_
