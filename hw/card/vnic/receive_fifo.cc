// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/receive_fifo.hh"

#include <cstring>
#include <vector>

#include "hw/core/base/archive.hh"
#include "hw/core/parse/parse.hh"

namespace gatehouse::vnic {
namespace {

// Packet::cookie of a frame in the FIFO.
constexpr uint64_t kInexact = 1, kTimeStamped = 2;

}  // namespace

bool ReceiveFifo::push(const ReceiveFrame& frame, bool saved) {
  const uint32_t length = static_cast<uint32_t>(frame.bytes.size());
  Packet* packet = has_room(length) ? card_.take_to_keep(length, saved) : nullptr;
  if (packet == nullptr) return false;
  std::memcpy(packet->data, frame.bytes.data(), length);
  packet->length = length;
  packet->layers = frame.layers;
  packet->l4_checksum_checked = frame.l4_checksum_checked;
  packet->l4_checksum_good = frame.l4_checksum_good;
  packet->cookie = (frame.inexact ? kInexact : 0) | (frame.time_stamped ? kTimeStamped : 0);
  packets_[(first_ + count_) % kFrames] = packet;
  ++count_;
  octets_ += length;
  return true;
}

ReceiveFrame ReceiveFifo::front() const {
  const Packet* packet = packets_[first_];
  return {.bytes = packet->bytes(),
          .layers = packet->layers,
          .l4_checksum_checked = packet->l4_checksum_checked,
          .l4_checksum_good = packet->l4_checksum_good,
          .inexact = (packet->cookie & kInexact) != 0,
          .time_stamped = (packet->cookie & kTimeStamped) != 0};
}

void ReceiveFifo::pop() {
  Packet* packet = packets_[first_];
  octets_ -= packet->length;
  first_ = (first_ + 1) % kFrames;
  --count_;
  card_.give_kept(packet);
}

void ReceiveFifo::clear() {
  while (!empty()) pop();
}

void ReceiveFifo::archive(Archive& archive) {
  archive.section("receive-fifo", 1);
  uint32_t frames = count_;
  archive(frames);
  if (archive.loading()) clear();
  if (frames > kFrames) archive.fail("saved state: too many frames in the receive FIFO");
  std::vector<uint8_t> bytes;
  for (uint32_t i = 0; i < frames && archive.ok(); ++i) {
    bool checked = false, good = false;
    uint64_t cookie = 0;
    if (!archive.loading()) {
      const Packet* packet = packets_[(first_ + i) % kFrames];
      bytes.assign(packet->data, packet->data + packet->length);
      checked = packet->l4_checksum_checked;
      good = packet->l4_checksum_good;
      cookie = packet->cookie;
    }
    archive(bytes, kLongestJumbo);
    archive(checked);
    archive(good);
    archive(cookie);
    if (!archive.loading() || !archive.ok()) continue;
    ReceiveFrame frame{.bytes = bytes,
                       .layers = {},
                       .l4_checksum_checked = checked,
                       .l4_checksum_good = good,
                       .inexact = (cookie & kInexact) != 0,
                       .time_stamped = (cookie & kTimeStamped) != 0};
    // What parse refuses has no headers that we could describe.
    if (parse::parse(bytes, {.ipv4_checksum = false}, frame.layers) != spec::DropReason::none) {
      frame.layers = {};
    }
    if (bytes.size() >= 14) static_cast<void>(push(frame, /*saved=*/true));
  }
}

}  // namespace gatehouse::vnic
