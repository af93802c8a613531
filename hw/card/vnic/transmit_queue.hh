// SPDX-License-Identifier: GPL-2.0-or-later
// One transmit queue: fetches descriptors, keeps the offload contexts, finds where frames begin and
// end, writes descriptors back (data sheet 7.2). Knows nothing of what is in a frame. Invariant:
// TDH stands at the first descriptor of the frame that is not complete, so nothing of a frame
// outlives a call.
#ifndef GATEHOUSE_HW_CARD_VNIC_TRANSMIT_QUEUE_HH_
#define GATEHOUSE_HW_CARD_VNIC_TRANSMIT_QUEUE_HH_

#include <array>
#include <cstdint>

#include "hw/card/vnic/descriptor_cache.hh"
#include "hw/card/vnic/descriptor_ring.hh"
#include "hw/card/vnic/ports.hh"
#include "hw/card/vnic/register_file.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

// What a context descriptor says (7.2.10).
struct TransmitContext {
  uint8_t command = 0;  // TX_TUCMD_*
  uint8_t ipcss = 0, ipcso = 0, tucss = 0, tucso = 0;
  uint16_t ipcse = 0, tucse = 0;
  uint8_t header_length = 0;
  uint16_t mss = 0;
  uint32_t payload_length = 0;
};

// A chain of descriptors up to EOP.
struct TransmitFrame {
  // More buffers than this are no frame: the silicon's FIFO would be full of their remainders.
  static constexpr uint32_t kMaxBuffers = 512;
  struct Buffer {
    uint64_t address = 0;
    uint32_t octets = 0;
    uint32_t unit = 0;  // position of its descriptor in the ring
  };

  std::array<Buffer, kMaxBuffers> buffers;
  uint32_t count = 0;
  uint32_t octets = 0;
  uint32_t descriptors = 0;
  bool extended = false;        // data descriptors, else legacy
  uint8_t first_command = 0;    // TX_CMD_* of the first descriptor
  uint8_t last_command = 0;     // of the one with EOP
  uint8_t options = 0;          // TX_POPTS_*, first descriptor
  uint8_t checksum_start = 0;   // legacy CSS, first descriptor
  uint8_t checksum_offset = 0;  // legacy CSO, last descriptor
  uint16_t vlan_tci = 0;        // first descriptor when segmented, else last (7.2.11.1)
  bool time_stamp = false;
  spec::DropReason refused = spec::DropReason::none;  // why it can't be sent

  bool segmented() const;
};

class TransmitQueue {
 public:
  enum class Next : uint8_t {
    kEmpty,      // nothing, or no whole frame yet
    kFrame,      // `frame` is filled; its descriptors are done
    kProgress,   // contexts or parts of a frame too long were taken; call again
    kRingError,  // descriptors could not be read; TDH stays
  };

  TransmitQueue(RegisterFile& registers, DmaPort& dma, unsigned queue)
      : registers_(registers), dma_(dma), queue_(queue) {}

  Next next(TransmitFrame& frame);
  // Writes back what next() left: DD in descriptors with RS.
  void flush();
  // Since the last call: descriptors with RS were done, with IDE only, or some without.
  enum class Report : uint8_t { kNone, kDelayed, kNow };
  Report take_report();
  // Descriptors that were done since the last call.
  uint32_t take_work();
  // The ring's registers or descriptors changed under us.
  void forget() { cache_.forget(); }
  // The tail was written: what it took back is not ours any more.
  void tail_moved() { cache_.trim(available()); }
  void reset();

  const TransmitContext& context(bool segmentation) const {
    return segmentation ? segmentation_context_ : checksum_context_;
  }
  uint32_t available() const { return ring().available(); }
  // Descriptors of the ring.
  uint32_t units() const { return ring().length; }
  // Fewer than this left is TXD_LOW.
  uint32_t low_threshold() const;

  void archive(Archive& archive);

 private:
  // The longest frame, and some of what follows it.
  static constexpr uint32_t kCacheUnits = TransmitFrame::kMaxBuffers + 64;
  static constexpr uint32_t kBackUnits = 64;

  DescriptorRing ring() const;
  bool fetch(uint32_t units) { return cache_.fetch(ring(), dma_, units); }
  void add(TransmitFrame& frame, const uint8_t* descriptor, uint32_t unit);
  void load_context(const uint8_t* descriptor);
  void done(uint32_t units);
  void report(const uint8_t* descriptor, uint64_t address);

  RegisterFile& registers_;
  DmaPort& dma_;
  unsigned queue_;

  TransmitContext checksum_context_, segmentation_context_;
  bool skipping_ = false;  // the rest of a frame with too many buffers, up to EOP
  Report report_ = Report::kNone;
  uint32_t work_ = 0;

  DescriptorCache<kCacheUnits> cache_;

  // The first descriptor with RS, and those that follow it in memory.
  bool back_ = false;
  uint64_t back_address_ = 0;
  uint8_t back_status_ = 0;
  std::array<uint8_t, kBackUnits * i82574::kRingUnit> following_;
  uint32_t following_units_ = 0;
  uint32_t following_reported_ = 0;  // units up to the last one with RS
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_TRANSMIT_QUEUE_HH_
