// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/stateless/cutter.hh"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace gatehouse::stateless {

bool Cutter::begin_stream(const Slice& head, const Slice& body, uint32_t largest, uint32_t id) {
  assert(largest != 0);
  next_ = segments_ = 0;
  const uint64_t total = uint64_t{head.length} + body.length;
  if (total == 0 || total > kMaxTotal) return false;
  redundant_ = false;
  head_ = head;
  body_ = body;
  step_ = largest;
  total_ = static_cast<uint32_t>(total);
  id_ = id;
  segments_ = (total_ + step_ - 1) / step_;
  return true;
}

bool Cutter::begin_redundant(const Information& information, const Slice& body, uint32_t mss,
                             uint32_t id) {
  assert(mss != 0);
  next_ = segments_ = 0;
  const uint64_t segments = (uint64_t{body.length} + mss - 1) / mss;
  const auto octets = static_cast<uint32_t>(information.octets().size());
  const uint64_t total = segments * (kPieceHeader + piece_octets(octets)) + body.length;
  if (segments < 2 || segments > kMaxSegments || total > kMaxTotal) return false;
  redundant_ = true;
  information_ = information;
  body_ = body;
  step_ = mss;
  total_ = static_cast<uint32_t>(total);
  id_ = id;
  segments_ = static_cast<uint32_t>(segments);
  return true;
}

uint32_t Cutter::most_head() const {
  if (!redundant_) return std::min(step_, head_.length);
  return kPieceHeader + piece_octets(static_cast<uint32_t>(information_.octets().size()));
}

uint32_t Cutter::length(uint32_t number) const {
  const uint32_t head = redundant_ ? most_head() : 0;
  const uint32_t octets = total_ - segments_ * head;
  return head + std::min(step_, octets - number * step_);
}

Segment Cutter::next(uint8_t* head) {
  assert(!done());
  return redundant_ ? next_redundant(head) : next_of_stream(head);
}

Segment Cutter::next_of_stream(uint8_t* head) {
  const uint32_t from = next_++ * step_;
  const uint32_t to = std::min(from + step_, total_);
  Segment segment{{static_cast<uint16_t>(total_), static_cast<uint16_t>(from), id_}, 0, {}};
  if (from < head_.length) {
    segment.head_length = std::min(to, head_.length) - from;
    std::memcpy(head, head_.data + from, segment.head_length);
  }
  const uint32_t body_from = std::max(from, head_.length) - head_.length;
  if (to > head_.length) segment.body = {body_.data + body_from, to - head_.length - body_from};
  return segment;
}

Segment Cutter::next_redundant(uint8_t* head) {
  const uint32_t number = next_++;
  const std::span<const uint8_t> octets = information_.octets();
  const uint32_t head_length = most_head();
  head[0] = kPieceMark;
  head[1] = static_cast<uint8_t>(number);
  head[2] = static_cast<uint8_t>(segments_);
  head[3] = static_cast<uint8_t>(octets.size());
  encode(octets, static_cast<uint8_t>(number), head + kPieceHeader);
  const uint32_t from = number * step_;
  const auto offset = static_cast<uint16_t>(number * (head_length + step_));
  return {{static_cast<uint16_t>(total_), offset, id_},
          head_length,
          {body_.data + from, std::min(step_, body_.length - from)}};
}

}  // namespace gatehouse::stateless
