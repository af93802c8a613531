// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/frames.hh"

#include <cstring>

namespace gatehouse::card {

Packet* copy_frame(PacketPool& pool, const OutFrame& frame) {
  Packet* packet = pool.take(frame.length());
  if (!packet) return nullptr;
  if (frame.head.length) std::memcpy(packet->data, frame.head.data, frame.head.length);
  if (frame.body.length)
    std::memcpy(packet->data + frame.head.length, frame.body.data, frame.body.length);
  packet->length = frame.length();
  return packet;
}

void archive_frame(Archive& archive, PacketPool& pool, Packet*& packet) {
  uint32_t length = archive.loading() ? 0 : packet->length;
  archive(length);
  if (archive.loading()) {
    packet = archive.ok() && length <= kMaxSuperFrame ? pool.take(length) : nullptr;
    if (!packet) {
      archive.fail("saved state: a queued frame does not fit the packet buffer");
      return;
    }
    packet->length = length;
  }
  archive(packet->port);
  archive.octets(packet->data, length);
}

}  // namespace gatehouse::card
