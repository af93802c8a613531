// SPDX-License-Identifier: GPL-2.0-or-later
// Frames on a stream socket as QEMU's `-netdev stream` frames them: four octets of length,
// big-endian, then the frame without FCS.
#ifndef GATEHOUSE_TOOLS_COMMON_STREAM_HH_
#define GATEHOUSE_TOOLS_COMMON_STREAM_HH_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hw/core/base/packet.hh"

namespace gatehouse::common {

inline constexpr size_t kLengthOctets = 4;
// What QEMU's net/ can hold (NET_BUFSIZE); a larger claim means that the stream is out of step or
// hostile.
inline constexpr size_t kMaxStreamFrame = 4096 + 65536;

// A frame with its length in front, in somebody else's memory.
struct FramedFrame {
  std::span<const uint8_t> framed;
  std::span<const uint8_t> frame() const { return framed.subspan(kLengthOctets); }
};

// Cuts what comes from a socket into frames.
class FrameReader {
 public:
  enum class State : uint8_t { kOpen, kClosed, kBroken };  // kBroken: impossible length

  explicit FrameReader(size_t buffer_octets = 512 * 1024);
  // Reads once, as much as there is room for. Frames taken earlier become invalid.
  State fill(int socket);
  // For tests and other sources; takes what there is room for and returns how much.
  size_t put(std::span<const uint8_t> octets);
  // False: no whole frame there. state() tells whether there will ever be one.
  bool next(FramedFrame& frame);
  State state() const { return state_; }

 private:
  void compact();

  std::unique_ptr<uint8_t[]> buffer_;
  size_t capacity_;
  size_t begin_ = 0, end_ = 0;
  State state_ = State::kOpen;
};

// Sends frames in batches; keeps a bounded backlog when the socket is full, and drops whole frames
// behind that.
class FrameWriter {
 public:
  explicit FrameWriter(size_t backlog_octets = 8 << 20) : limit_(backlog_octets) {}

  // Not copied: the memory must stay until flush(). Frames that lie behind one another in memory
  // leave as one piece.
  void add(const FramedFrame& frame);
  // Copied.
  void add_copy(const OutFrame& frame);
  // Sends what the socket takes. False when the socket is gone.
  bool flush(int socket);
  // There is a backlog: wait until the socket can be written, then flush().
  bool wants_write() const { return backlog_.size() > sent_; }
  size_t backlog() const { return backlog_.size() - sent_; }  // octets
  uint64_t dropped() const { return dropped_; }

 private:
  bool send_pieces(int socket);
  bool send_backlog(int socket);
  void keep(const uint8_t* data, size_t octets, bool cut);

  std::vector<iovec> pieces_;
  std::vector<uint8_t> backlog_;
  size_t sent_ = 0;  // octets at the backlog's front that are gone
  size_t limit_;
  uint64_t dropped_ = 0;
};

}  // namespace gatehouse::common

#endif  // GATEHOUSE_TOOLS_COMMON_STREAM_HH_
