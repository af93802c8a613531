// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/underlay/neighbours.hh"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "hw/core/base/archive.hh"
#include "hw/core/underlay/frames.hh"

namespace gatehouse::underlay {
namespace {

bool same_link(const Interface& one, const Interface& other) {
  return one.present && one.vlan == other.vlan && one.mac == other.mac;
}

}  // namespace

Neighbours::Neighbours(std::span<const Interface> interfaces)
    : interfaces_(interfaces.begin(), interfaces.end()), index_(16, kFree) {
  for (uint16_t i = 0; i < kWaitInAll; ++i) {
    slots_[i].next = i + 1u < kWaitInAll ? static_cast<uint16_t>(i + 1) : kEnd;
  }
  free_ = 0;
}

size_t Neighbours::slot(unsigned uplink, const IpAddress& ip) const {
  uint64_t hash = load_be<uint64_t>(ip.octets.data()) + uplink;
  hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15 + load_be<uint64_t>(ip.octets.data() + 8);
  hash *= 0xc4ceb9fe1a85ec53;
  // Ends: at most half of the slots are taken.
  for (size_t at = hash >> 32;; ++at) {
    const uint32_t index = index_[at & (index_.size() - 1)];
    if (index == kFree || (entries_[index].uplink == uplink && entries_[index].ip == ip)) {
      return at & (index_.size() - 1);
    }
  }
}

void Neighbours::grow_index() {
  index_.assign(index_.size() * 2, kFree);
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    index_[slot(entries_[i].uplink, entries_[i].ip)] = i;
  }
}

uint32_t Neighbours::add(unsigned uplink, const IpAddress& ip) {
  const uint32_t known = find(uplink, ip);
  if (known != kFree) return known;
  if ((entries_.size() + 1) * 2 > index_.size()) grow_index();
  const auto index = static_cast<uint32_t>(entries_.size());
  index_[slot(uplink, ip)] = index;
  Entry entry;
  entry.ip = ip;
  entry.uplink = static_cast<uint8_t>(uplink);
  entries_.push_back(entry);
  fast_.emplace_back();
  return index;
}

void Neighbours::add_static(unsigned uplink, const IpAddress& ip, const MacAddress& mac) {
  const uint32_t index = add(uplink, ip);
  entries_[index].state = State::kStatic;
  fast_[index] = {INT64_MAX, mac};
}

void Neighbours::adopt(Neighbours& old, Outbox& outbox) {
  for (uint32_t from = 0; from < old.entries_.size(); ++from) {
    if (!old.entries_[from].asked()) adopt(old, from);
  }
  for (uint32_t from = old.earliest_; from != kFree; from = old.entries_[from].later)
    adopt(old, from);
  old.forget(outbox);
}

void Neighbours::adopt(Neighbours& old, uint32_t from) {
  const Entry& source = old.entries_[from];
  // Another network may have the same addresses.
  if (!same_link(interfaces_[source.uplink], old.interfaces_[source.uplink])) return;
  const uint32_t to = find(source.uplink, source.ip);
  if (to == kFree || entries_[to].state == State::kStatic || source.state == State::kStatic) return;
  Entry& entry = entries_[to];
  entry.state = source.state;
  entry.tries = source.tries;
  entry.to_all = source.to_all;
  entry.doubted = source.doubted;
  entry.deadline_ns = source.deadline_ns;
  fast_[to] = old.fast_[from];
  if (!source.asked()) return;
  put_in(to);
  Packet* packets[kWaitPerNeighbour];
  const size_t count = old.take_waiting(from, packets);
  for (size_t i = 0; i < count; ++i) wait(to, packets[i]);
}

// All wait equally long: it is the last one, unless the clock has gone back (a machine may go on
// after a state was refused).
void Neighbours::put_in(uint32_t index) {
  Entry& entry = entries_[index];
  uint32_t before = latest_, behind = kFree;
  while (before != kFree && entries_[before].deadline_ns > entry.deadline_ns) {
    behind = before;
    before = entries_[before].earlier;
  }
  entry.earlier = before;
  entry.later = behind;
  (before == kFree ? earliest_ : entries_[before].later) = index;
  (behind == kFree ? latest_ : entries_[behind].earlier) = index;
}

void Neighbours::take_out(uint32_t index) {
  const Entry& entry = entries_[index];
  (entry.earlier == kFree ? earliest_ : entries_[entry.earlier].later) = entry.later;
  (entry.later == kFree ? latest_ : entries_[entry.later].earlier) = entry.earlier;
}

void Neighbours::forget(Outbox& outbox) {
  for (uint32_t index = 0; index < entries_.size(); ++index) {
    if (entries_[index].state != State::kStatic) lost(index, outbox);
  }
}

void Neighbours::give_up(uint16_t port, Outbox& outbox) {
  // Frames wait for these only.
  for (uint32_t index = earliest_; index != kFree; index = entries_[index].later) {
    Packet* packets[kWaitPerNeighbour];
    const size_t count = take_waiting(index, packets);
    for (size_t i = 0; i < count; ++i) {
      if (packets[i]->port == port) {
        outbox.give_up(entries_[index].uplink, {&packets[i], 1});
      } else {
        wait(index, packets[i]);
      }
    }
  }
}

bool Neighbours::may_wait(uint32_t index, uint16_t port, uint32_t frames) const {
  return entries_[index].waiting + frames <= kWaitPerNeighbour &&
         waiting_of_port_[port] + frames <= kWaitPerPort && waiting_ + frames <= kWaitInAll;
}

void Neighbours::wait(uint32_t index, Packet* packet) {
  assert(may_wait(index, packet->port));
  Entry& entry = entries_[index];
  const uint16_t slot = free_;
  free_ = slots_[slot].next;
  slots_[slot] = {packet, kEnd};
  (entry.first == kEnd ? entry.first : slots_[entry.last].next) = slot;
  entry.last = slot;
  ++entry.waiting;
  ++waiting_;
  ++waiting_of_port_[packet->port];
}

size_t Neighbours::take_waiting(uint32_t index, std::span<Packet*, kWaitPerNeighbour> packets) {
  Entry& entry = entries_[index];
  size_t count = 0;
  for (uint16_t slot = entry.first; slot != kEnd;) {
    packets[count++] = slots_[slot].packet;
    --waiting_of_port_[slots_[slot].packet->port];
    const uint16_t next = slots_[slot].next;
    slots_[slot] = {nullptr, free_};
    free_ = slot;
    slot = next;
  }
  entry.first = entry.last = kEnd;
  entry.waiting = 0;
  waiting_ -= static_cast<unsigned>(count);
  return count;
}

void Neighbours::start(uint32_t index, State state, bool to_all, int64_t now_ns, Outbox& outbox) {
  Entry& entry = entries_[index];
  if (entry.asked()) take_out(index);
  entry.state = state;
  entry.to_all = to_all;
  entry.doubted = false;
  entry.tries = 1;
  entry.deadline_ns = now_ns + kRetry;
  put_in(index);
  // While it is verified, what is known stays in use.
  fast_[index].until_ns = state == State::kProbing ? INT64_MAX : INT64_MIN;
  ask(index, outbox);
}

void Neighbours::ask(uint32_t index, Outbox& outbox) {
  const Entry& entry = entries_[index];
  const Interface& interface = interfaces_[entry.uplink];
  const IpAddress* own = interface.source_for(entry.ip);
  if (own == nullptr) return;
  uint8_t frame[kMaxNeighbourFrame];
  const uint32_t length = write_question({interface.mac, interface.vlan, *own, entry.ip,
                                          entry.to_all ? MacAddress{} : fast_[index].mac},
                                         frame);
  outbox.send(entry.uplink, {frame, length}, /*question=*/true);
}

bool Neighbours::need(uint32_t index, int64_t now_ns, Outbox& outbox) {
  switch (entries_[index].state) {
    case State::kUnknown:
      start(index, State::kAsking, true, now_ns, outbox);
      return false;
    case State::kAsking:
      return false;
    case State::kReachable:
      start(index, State::kProbing, entries_[index].doubted, now_ns, outbox);
      return true;
    case State::kProbing:
    case State::kStatic:
      return true;
  }
  return false;
}

void Neighbours::resolved(uint32_t index, const MacAddress& mac, int64_t now_ns, Outbox& outbox) {
  if (entries_[index].asked()) take_out(index);
  entries_[index].state = State::kReachable;
  fast_[index] = {now_ns + kReachable, mac};
  Packet* packets[kWaitPerNeighbour];
  const size_t count = take_waiting(index, packets);
  for (size_t i = 0; i < count; ++i) std::memcpy(packets[i]->data, mac.octets.data(), 6);
  if (count != 0) outbox.release(entries_[index].uplink, {packets, count});
}

void Neighbours::lost(uint32_t index, Outbox& outbox) {
  if (entries_[index].asked()) take_out(index);
  entries_[index].state = State::kUnknown;
  entries_[index].deadline_ns = 0;  // of a clock that a saved state may have set back
  fast_[index] = {};
  Packet* packets[kWaitPerNeighbour];
  const size_t count = take_waiting(index, packets);
  if (count != 0) outbox.give_up(entries_[index].uplink, {packets, count});
}

int64_t Neighbours::next_tick() const {
  return earliest_ == kFree ? INT64_MAX : entries_[earliest_].deadline_ns;
}

void Neighbours::tick(int64_t now_ns, Outbox& outbox) {
  while (next_tick() <= now_ns) {
    const uint32_t index = earliest_;
    Entry& entry = entries_[index];
    if (entry.tries >= kTries) {
      lost(index, outbox);
      continue;
    }
    ++entry.tries;
    take_out(index);
    entry.deadline_ns = now_ns + kRetry;
    put_in(index);
    ask(index, outbox);
  }
}

Neighbours::Seen Neighbours::at(uint32_t index) const {
  const Entry& entry = entries_[index];
  return {entry.uplink, entry.ip, fast_[index].mac, entry.state};
}

void Neighbours::archive(Archive& archive) {
  const uint32_t version = archive.section("neighbours", 2);
  uint32_t count = 0;
  for (const Entry& entry : entries_) {
    count += entry.state == State::kReachable || entry.state == State::kProbing;
  }
  archive(count);
  for (uint32_t i = 0, at = 0; i < count && archive.ok(); ++i, ++at) {
    Entry entry;
    Fast fast;
    if (!archive.loading()) {
      while (entries_[at].state != State::kReachable && entries_[at].state != State::kProbing) ++at;
      entry = entries_[at];
      fast = fast_[at];
      // A probe that runs is started anew by the next frame.
      if (entry.state == State::kProbing) {
        fast.until_ns = INT64_MIN;
        entry.doubted = entry.to_all;
      }
    }
    archive(entry.uplink);
    archive(entry.ip.family);
    archive(entry.ip.octets);
    archive(fast.mac.octets);
    archive(fast.until_ns);
    if (version >= 2) archive(entry.doubted);
    if (!archive.loading() || !archive.ok()) continue;
    if (fast.mac.is_multicast() || fast.mac.is_zero()) {
      archive.fail("saved state: a neighbour's MAC address is not one station's");
      return;
    }
    const uint32_t index = find(entry.uplink, entry.ip);
    if (index == kFree || entries_[index].state != State::kUnknown) continue;
    entries_[index].state = State::kReachable;
    entries_[index].deadline_ns = 0;
    entries_[index].doubted = entry.doubted;
    fast_[index] = fast;
  }
}

}  // namespace gatehouse::underlay
