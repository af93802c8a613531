// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/uplink/uplink.hh"

#include <algorithm>
#include <limits>

#include "hw/card/frames.hh"

namespace gatehouse::uplink {

Uplink::Uplink(PacketPool& pool, card::UplinkPort& port, unsigned index, const Options& options)
    : pool_(pool),
      port_(port),
      index_(index),
      options_(options),
      out_(pool, {options.rate, options.latency_ns, options.queue}),
      in_(pool, {options.rate, 0, options.queue}) {}

Lost Uplink::set_link(bool up) {
  Lost lost;
  link_up_ = up;
  if (up) return lost;
  blocked_ = false;
  lost.in = in_.size();
  lost.out.down = out_.size();
  lost.out.octets = out_.octets();
  out_.clear();
  in_.clear();
  return lost;
}

Refused Uplink::send(std::span<const OutFrame> frames, int64_t now_ns) {
  Refused refused;
  if (!up()) {
    refused.down = static_cast<uint32_t>(frames.size());
    for (const OutFrame& frame : frames) refused.octets += frame.length();
    return refused;
  }
  if (out_.immediate() && out_.empty() && !blocked_) {
    const size_t taken = port_.send(index_, frames);
    if (taken == frames.size()) return refused;
    blocked_ = true;
    frames = frames.subspan(taken);
  }
  for (const OutFrame& frame : frames) {
    Packet* packet = out_.has_room(frame.length()) ? card::copy_frame(pool_, frame) : nullptr;
    if (packet) {
      out_.push(packet, now_ns);
      continue;
    }
    ++refused.full;
    refused.octets += frame.length();
  }
  return refused;
}

Refused Uplink::send_super(const OutFrame& frame, const SuperFrame& super) {
  Refused refused;
  if (up() && out_.immediate() && out_.empty() && !blocked_) {
    port_.send_super(index_, frame, super);
    return refused;
  }
  const uint32_t payload = frame.length() - super.header_length;
  const uint32_t segments = (payload + super.mss - 1) / super.mss;
  (up() ? refused.full : refused.down) = segments;
  refused.octets = payload + uint64_t{segments} * super.header_length;
  return refused;
}

void Uplink::run(int64_t now_ns) {
  while (!blocked_ && out_.peek(0, now_ns)) {
    OutFrame frames[kBurst];
    uint32_t count = 0;
    while (count < kBurst) {
      const Packet* packet = out_.peek(count, now_ns);
      if (!packet) break;
      frames[count++].body = {packet->data, packet->length};
    }
    const size_t taken = std::min<size_t>(port_.send(index_, {frames, count}), count);
    blocked_ = taken < count;
    for (size_t i = 0; i < taken && !out_.empty(); ++i) pool_.give(out_.pop());
  }
}

Packet* Uplink::receive(Packet* packet, int64_t now_ns) {
  if (in_.immediate()) return packet;
  in_.push(packet, now_ns);
  return nullptr;
}

Packet* Uplink::arrived(int64_t now_ns) { return in_.peek(0, now_ns) ? in_.pop() : nullptr; }

int64_t Uplink::next_ns() const {
  const int64_t out = blocked_ ? std::numeric_limits<int64_t>::max() : out_.next_ns();
  return std::min(out, in_.next_ns());
}

void Uplink::archive(Archive& archive, int64_t now_ns) {
  archive.section("uplink", 1);
  out_.archive(archive, now_ns);
  in_.archive(archive, now_ns);
  // Whether the wire is up or busy is the place's own: the destination finds out for itself.
  if (archive.loading()) blocked_ = false;
}

}  // namespace gatehouse::uplink
