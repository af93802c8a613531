// SPDX-License-Identifier: GPL-2.0-or-later
// Copy mode, for a NIC that checks no seals: what it sends, and what it has received until somebody
// has looked at it, lies in private memory, where the guest can't change it. Sending, a frame is
// copied, the copy inspected, and the NIC sends the copy. Receiving, the NIC writes to private
// buffers; what it wrote is inspected and only then copied to the guest's.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_COPIES_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_COPIES_HH_

#include <array>
#include <cstdint>
#include <utility>

#include "firmware/interceptor/descriptors.hh"
#include "firmware/interceptor/inspector.hh"
#include "firmware/interceptor/redirection.hh"
#include "hw/spec/i82574_registers.hh"

namespace gatehouse::interceptor {

inline constexpr unsigned kTransmitRings = kRings - kReceiveRings;
// Of what each transmit ring has under way: a power of two.
inline constexpr uint32_t kSendOctets = 0x10'0000;
static_assert((kSendOctets & (kSendOctets - 1)) == 0);
// Where it is empty there is room for any frame, wherever it goes on.
static_assert(kSendOctets >= 2 * kCopyOctets);
// The least memory for receive buffers that is worth starting with: 256 of 2 KiB, and as much again
// while a driver changes to larger ones.
inline constexpr uint64_t kLeastReceiveOctets = 0x10'0000;

// Memory for it.
struct CopyPlace {
  // What the NIC reaches, right behind the real rings. What it writes to comes last: the guest can
  // make its buffers longer than they are here, by registers that it has, and what they lie in
  // front of is other receive buffers, and then nothing that the NIC reaches.
  uint8_t* send = nullptr;  // kTransmitRings of kSendOctets; null: nothing is copied
  uint8_t* receive = nullptr;
  uint64_t receive_octets = 0;  // a multiple of a page
  // Out of its reach.
  uint8_t* frame = nullptr;   // kCopyOctets
  uint32_t* marks = nullptr;  // kTransmitRings of Place::units each

  uint64_t reached() const {
    return send == nullptr ? 0 : uint64_t{kTransmitRings} * kSendOctets + receive_octets;
  }
};

// The NIC, as far as copies need it.
class SenderPort {
 public:
  virtual uint32_t transmit_head(unsigned queue) = 0;
  // The guest's tail is to be followed once more.
  virtual void follow_again(unsigned queue) = 0;

 protected:
  ~SenderPort() = default;
};

// Frames that one transmit ring has under way, oldest first, each in one piece. Positions count
// octets modulo 2^32.
class SendBuffer {
 public:
  void use(uint8_t* memory, uint32_t* marks) { memory_ = memory, marks_ = marks; }
  void clear() {
    begin_ = end_ = 0;
    waits_ = false;
  }

  // octets <= kCopyOctets. False: not yet.
  bool has_room(uint32_t octets) const { return needed(octets) <= kSendOctets - (end_ - begin_); }
  // has_room(octets).
  uint8_t* take(uint32_t octets) {
    end_ += needed(octets);
    waits_ = false;
    return memory_ + ((end_ - rounded(octets)) & kMask);
  }
  uint32_t end() const { return end_; }
  // What was taken since then is not needed.
  void cut(uint32_t end) { end_ = end; }
  // The descriptor `unit` has what lies from `position` on.
  void mark(uint32_t unit, uint32_t position) { marks_[unit] = position; }
  // The NIC has finished what was in front of the descriptor `unit`, or everything. Whoever says so
  // may know less than was known before.
  void finish_before(uint32_t unit) {
    if (marks_[unit] - begin_ <= end_ - begin_) begin_ = marks_[unit];
  }
  void finish_all() { begin_ = end_; }
  // True: it did not wait before.
  bool wait() { return !std::exchange(waits_, true); }

 private:
  static constexpr uint32_t kMask = kSendOctets - 1;
  static constexpr uint32_t kLine = 64;  // of a cache
  static uint32_t rounded(uint32_t octets) { return (octets + kLine - 1) & ~(kLine - 1); }
  // With what is left out in front of the memory's end.
  uint32_t needed(uint32_t octets) const {
    const uint32_t left = kSendOctets - (end_ & kMask), whole = rounded(octets);
    return whole > left ? left + whole : whole;
  }

  uint8_t* memory_ = nullptr;
  uint32_t* marks_ = nullptr;
  uint32_t begin_ = 0, end_ = 0;
  bool waits_ = false;
};

using i82574::ReceiveBuffers;

// The private buffers of a receive ring, those of one descriptor side by side.
class Slots {
 public:
  Slots() = default;
  Slots(uint8_t* memory, uint64_t address, const ReceiveBuffers& sizes);

  bool used() const { return memory_ != nullptr; }
  // What the NIC gets for an address of the guest's, which has been refused already if it must be.
  // `null`: what says that there is no buffer.
  uint64_t address(uint64_t given, uint64_t null, uint32_t slot, unsigned buffer) const {
    return given == null || given == kAbortAddress ? given : address_ + offset(slot, buffer);
  }
  uint8_t* at(uint32_t slot, unsigned buffer) const { return memory_ + offset(slot, buffer); }
  uint32_t octets() const { return step_; }  // of a descriptor's
  bool holds(unsigned buffer, uint64_t octets) const { return octets <= sizes_[buffer]; }

 private:
  uint64_t offset(uint32_t slot, unsigned buffer) const {
    return uint64_t{slot} * step_ + offsets_[buffer];
  }
  uint8_t* memory_ = nullptr;
  uint64_t address_ = 0;
  uint32_t step_ = 0;
  ReceiveBuffers sizes_{}, offsets_{};
};

class Copies {
 public:
  // bias: address in private RAM less pointer.
  void use(const CopyPlace& place, uint32_t units, uint64_t bias, SenderPort& port);
  bool used() const { return place_.send != nullptr; }
  uint64_t address_of(const uint8_t* pointer) const {
    return reinterpret_cast<uintptr_t>(pointer) + bias_;
  }

  SenderPort& port() const { return *port_; }
  SendBuffer& send_buffer(unsigned queue) { return send_[queue]; }

  // Buffers for so many descriptors, in place of those that the queue had. Not used(): there is not
  // as much memory.
  Slots make_slots(unsigned queue, uint32_t descriptors, const ReceiveBuffers& sizes);
  void free_slots(unsigned queue) { taken_[queue] = 0; }
  // In receive buffers: nothing stays of what the NIC has written there.
  static void wipe(uint8_t* from, uint64_t octets);
  // While a received frame is found: where the NIC wrote it, piece by piece as where the guest
  // wants it.
  FrameBuilder& received() { return received_; }
  // Room for one, out of the NIC's reach: its registers, which the guest has, can't change it
  // between inspection and copy.
  uint8_t* frame() const { return place_.frame; }

 private:
  uint8_t* begin_of(unsigned queue) const {
    return place_.receive + (queue == 0 ? 0 : place_.receive_octets - taken_[queue]);
  }

  CopyPlace place_;
  uint64_t bias_ = 0;
  SenderPort* port_ = nullptr;
  std::array<SendBuffer, kTransmitRings> send_;
  std::array<uint64_t, kReceiveRings> taken_{};  // queue 0 from the begin, queue 1 from the end
  FrameBuilder received_;
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_COPIES_HH_
