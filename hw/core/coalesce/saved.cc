// SPDX-License-Identifier: GPL-2.0-or-later
// What is held is saved as it came: saving must not write to guests' memory, which letting the
// frames go would do. What is loaded is a frame like any other: it is parsed, and added.
#include <cstring>

#include "hw/core/base/archive.hh"
#include "hw/core/coalesce/coalesce.hh"

namespace gatehouse::coalesce {
namespace {

constexpr uint32_t kMaxSavedFrames = 1u << 20;

void archive_origin(Archive& archive, Origin& origin) {
  archive(origin.owner);
  archive(origin.envelope);
  archive(origin.peer);
  archive(origin.flow);
  archive(origin.outer);
  archive(origin.largest);
  archive(origin.opaque);
}

}  // namespace

// Causes are appended: what an older state does not have is zero.
void Counters::archive(Archive& archive) {
  archive.section("coalesce-counters", 1);
  archive(frames);
  archive(super_frames);
  archive(unmerged);
  archive(no_buffer);
  uint32_t count = kCauseCount;
  archive(count);
  if (count > kCauseCount) return archive.fail("saved state: unknown causes of coalescing");
  if (archive.loading()) causes.fill(0);
  for (uint32_t i = 0; i < count; ++i) archive(causes[i]);
}

void Coalescer::archive(Archive& archive) {
  archive.section("coalesce", 1);
  if (!archive.loading()) return save(archive);
  forget();
  if (archive.ok()) load(archive);
  if (!archive.ok()) forget();
}

// In the order in which the flows began: loading then gives up the oldest first, where it must.
void Coalescer::save(Archive& archive) {
  uint32_t count = held_;
  archive(count);
  for (uint32_t number = flows_.oldest(); number != kNone; number = flows_.newer(number)) {
    const Flow& flow = flows_[number];
    Origin origin = flow.chain.origin();
    int64_t added = flow.deadline - limits_.hold_ns;
    for (uint32_t held = flow.first; held != kNone; held = store_[held].next) {
      Packet& packet = *store_[held].packet;
      archive_origin(archive, origin);
      archive(added);
      archive(packet.port);
      archive(packet.length);
      archive.octets(packet.data - origin.opaque, size_t{origin.opaque} + packet.length);
    }
  }
}

void Coalescer::load(Archive& archive) {
  uint32_t count = 0;
  archive(count);
  if (count > kMaxSavedFrames) archive.fail("saved state: too many frames to be coalesced");
  for (uint32_t i = 0; i < count && archive.ok(); ++i) {
    Origin origin;
    int64_t added = 0;
    uint16_t port = 0;
    uint32_t length = 0;
    archive_origin(archive, origin);
    archive(added);
    archive(port);
    archive(length);
    if (!archive.ok()) return;
    const bool fits = origin.opaque <= kMaxOpaque && length <= kMaxSuperFrame && is_time(added);
    Packet* packet = fits ? pool_.take(length) : nullptr;
    if (packet == nullptr)
      return archive.fail("saved state: a frame to be coalesced does not fit the packet buffer");
    packet->port = port;
    packet->length = length;
    archive.octets(packet->data - origin.opaque, size_t{origin.opaque} + length);
    if (!archive.ok() || !outlet_.restored(*packet, origin)) {
      pool_.give(packet);
      return archive.fail("saved state: a frame to be coalesced is malformed");
    }
    add(*packet, origin, added);
  }
}

}  // namespace gatehouse::coalesce
