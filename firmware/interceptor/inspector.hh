// SPDX-License-Identifier: GPL-2.0-or-later
// The inspection hook: what an inspector sees of a frame, and what it may decide. Frames lie where
// they are, in the guest's buffers, unless they are sealed (seals.hh) or copied (copies.hh): then
// it sees a copy. Without an inspector nobody touches them.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTOR_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTOR_HH_

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>

namespace gatehouse::interceptor {

enum class Direction : uint8_t { kTransmit = 0, kReceive = 1 };  // as the guest sees it

struct Piece {
  uint8_t* data;  // may be written: a frame may be changed, not lengthened
  uint32_t octets;
  uint32_t unit = 0;  // its descriptor's position in the ring
};

// More pieces than any driver makes of a frame of 64 KiB in pages; a frame with more is dropped.
inline constexpr uint32_t kMaxPieces = 128;
// The longest frame of which a copy is inspected.
inline constexpr uint32_t kCopyOctets = 0x4'0000;

struct Frame {
  Direction direction;
  uint8_t queue;
  uint32_t
      octets;  // of all pieces. A segmentation is one frame, headers in front, of up to 256 KiB
  std::span<const Piece> pieces;  // none is empty
};

// Copies up to `octets` from `offset` on; returns how many there are.
inline uint32_t copy_out(const Frame& frame, uint32_t offset, uint8_t* to, uint32_t octets) {
  uint32_t copied = 0;
  for (const Piece& piece : frame.pieces) {
    if (offset >= piece.octets) {
      offset -= piece.octets;
      continue;
    }
    for (; offset != piece.octets && copied != octets; ++offset) to[copied++] = piece.data[offset];
    if (copied == octets) break;
    offset = 0;
  }
  return copied;
}

// All octets, to one place and back. From gather() on the compiler reads the copy, and never the
// guest's memory again instead.
inline void gather(const Frame& frame, uint8_t* to) {
  for (const Piece& piece : frame.pieces) {
    std::memcpy(to, piece.data, piece.octets);
    to += piece.octets;
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
inline void scatter(const Frame& frame, const uint8_t* from) {
  for (const Piece& piece : frame.pieces) {
    std::memcpy(piece.data, from, piece.octets);
    from += piece.octets;
  }
}

enum class Verdict : uint8_t {
  kPass,    // as it came
  kDrop,    // not at all
  kChange,  // as the inspector has changed it
};

class Inspector {
 public:
  virtual Verdict inspect(const Frame& frame) = 0;

 protected:
  ~Inspector() = default;
};

// The pieces of one frame while they are found.
class FrameBuilder {
 public:
  void clear() { count_ = octets_ = 0, whole_ = true; }
  // Null: the piece can't be looked at.
  void add(uint8_t* data, uint32_t octets, uint32_t unit) {
    if (octets == 0) return;
    if (data == nullptr || count_ == kMaxPieces) return spoil();
    pieces_[count_++] = {data, octets, unit};
    octets_ += octets;
  }
  // What leaves may be another frame than what is there.
  void spoil() { whole_ = false; }
  // All of the frame is there.
  bool whole() const { return whole_; }
  Frame frame(Direction direction, unsigned queue) const {
    return {direction, static_cast<uint8_t>(queue), octets_, {pieces_.data(), count_}};
  }

 private:
  uint32_t count_ = 0, octets_ = 0;
  bool whole_ = true;
  std::array<Piece, kMaxPieces> pieces_;
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTOR_HH_
