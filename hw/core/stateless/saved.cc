// SPDX-License-Identifier: GPL-2.0-or-later
// What is held is saved as segments. Loading adds them again: they are as hostile as those of the
// wire, and so no other code has to check them.
#include <algorithm>
#include <vector>

#include "hw/core/base/archive.hh"
#include "hw/core/stateless/reassembler.hh"

namespace gatehouse::stateless {
namespace {

constexpr uint32_t kMaxSavedSegments = Limits::kMostFrames * kMaxSegments;

void archive_address(Archive& archive, IpAddress& ip) {
  archive(ip.octets);
  archive(ip.family);
}

void archive_arrival(Archive& archive, Arrival& arrival, int64_t& began) {
  archive_address(archive, arrival.key.source);
  archive_address(archive, arrival.key.destination);
  archive(arrival.key.source_port);
  archive(arrival.key.destination_port);
  archive(arrival.key.uplink);
  archive(arrival.key.id);
  archive(arrival.place.total);
  archive(arrival.place.offset);
  archive(arrival.redundant);
  archive(arrival.ecn);
  archive(began);
  arrival.place.id = arrival.key.id;
}

}  // namespace

void Reassembler::archive(Archive& archive) {
  archive.section("stateless", 1);
  if (!archive.loading()) return save(archive);
  forget();
  if (!archive.ok()) return;
  loading_ = true;
  load(archive);
  loading_ = false;
  if (!archive.ok()) forget();
}

void Reassembler::save(Archive& archive) {
  uint32_t count = 0;
  const auto each = [&](auto&& visit) {
    for (uint16_t number = oldest_; number != kNone; number = frames_[number].newer) {
      const Frame& frame = frames_[number];
      for (const Range& range : frame.ranges.all()) {
        const uint32_t step = frame.shape.redundant ? frame.shape.segment() : range.length();
        for (uint32_t at = range.begin; at < range.end; at += step) {
          visit(frame, Range{at, std::min(at + step, range.end)});
        }
      }
    }
  };
  each([&](const Frame&, const Range&) { ++count; });
  archive(count);
  each([&](const Frame& frame, const Range& range) { save_segment(archive, frame, range); });
}

void Reassembler::save_segment(Archive& archive, const Frame& frame, const Range& range) {
  const Shape& shape = frame.shape;
  Arrival arrival{.key = frame.key,
                  .place = {shape.total, static_cast<uint16_t>(range.begin), frame.key.id},
                  .redundant = shape.redundant,
                  .ecn = frame.ecn};
  int64_t heard = frame.deadline - limits_.time_ns;  // that a new one came last
  archive_arrival(archive, arrival, heard);
  std::vector<uint8_t> octets(range.length());
  if (!shape.redundant) {
    std::copy_n(frame.packet->data + range.begin, range.length(), octets.data());
  } else {
    const auto number = static_cast<uint8_t>(range.begin / shape.segment());
    octets[0] = kPieceMark;
    octets[1] = number;
    octets[2] = shape.segments;
    octets[3] = shape.information;
    if (frame.informed) {
      encode(frame.information.octets(), number, &octets[kPieceHeader]);
    } else {
      std::copy_n(frame.piece.data(), piece_octets(shape.information), &octets[kPieceHeader]);
    }
    std::copy_n(frame.packet->data + shape.headers() + number * shape.mss,
                range.length() - shape.head(), octets.data() + shape.head());
  }
  archive(octets, kMaxTotal);
}

void Reassembler::load(Archive& archive) {
  uint32_t count = 0;
  archive(count);
  if (count > kMaxSavedSegments) archive.fail("saved state: too many segments");
  std::vector<uint8_t> octets;
  for (uint32_t i = 0; i < count && archive.ok(); ++i) {
    Arrival arrival;
    int64_t began = 0;
    archive_arrival(archive, arrival, began);
    archive(octets, kMaxTotal);
    if (!archive.ok()) return;
    arrival.octets = {octets.data(), static_cast<uint32_t>(octets.size())};
    uint16_t number = kNone;
    if (!is_time(began) || arrival.ecn > 3 || arrival.key.uplink >= limits_.uplinks ||
        take(arrival, began, number) != spec::DropReason::none || complete(frames_[number])) {
      return archive.fail("saved state: a segment is malformed, or has no room");
    }
  }
}

}  // namespace gatehouse::stateless
