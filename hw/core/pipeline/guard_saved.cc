// SPDX-License-Identifier: GPL-2.0-or-later
// Connections that leave the table and come into one: as saved state, or with a vnic that moves to
// another card.
#include <algorithm>

#include "hw/core/base/archive.hh"
#include "hw/core/pipeline/guard.hh"

namespace gatehouse::pipeline {

using firewall::Connection;
using firewall::TcpEnd;

namespace {

void archive_key(Archive& archive, FlowKey& key) {
  bool v6 = key.v6, remote_asks = key.remote_asks;
  archive(v6);
  archive(remote_asks);
  key.v6 = v6;
  key.remote_asks = remote_asks;
  archive(key.protocol);
  archive(key.local_port);
  archive(key.remote_port);
  archive.octets(key.local.data(), v6 ? 16 : 4);
  archive.octets(key.remote.data(), v6 ? 16 : 4);
}

void archive_end(Archive& archive, TcpEnd& end) {
  archive(end.start);
  archive(end.end);
  archive(end.limit);
  archive(end.max_window);
  archive(end.acked);
  archive(end.fin_end);
  archive(end.scale);
  archive(end.flags);
  archive(end.again_scale);
}

// Who is told of connections knows of a FIN or of a SYN that came later, not of both.
void as_moved(TcpEnd& end) {
  constexpr uint8_t kBoth = TcpEnd::kFin | TcpEnd::kCallsAgain;
  if ((end.flags & kBoth) != kBoth) return;
  end.flags &= static_cast<uint8_t>(~TcpEnd::kCallsAgain);
  end.fin_end = end.end;
}

void archive_connection(Archive& archive, Connection& connection) {
  archive(connection.state);
  archive(connection.began);
  archive(connection.icmp_type);
  if (connection.state > firewall::State::reset) return;  // not TCP
  for (TcpEnd& end : connection.ends) archive_end(archive, end);
}

}  // namespace

void Guard::archive(Archive& archive) {
  archive.section("connections", 1);
  archive(now_);
  clock_loaded_ |= archive.loading();
  archive.loading() ? load(archive) : save(archive);
}

void Guard::save(Archive& archive) const {
  const auto alive = [&](uint32_t number) {
    return static_cast<int32_t>(table_->deadline(number) - now_) > 0;
  };
  uint32_t count = 0;
  if (table_) table_->each([&](uint32_t number) { count += alive(number); });
  count = std::min(count, kMostSaved);
  archive(count);
  if (count == 0) return;
  // Whoever loads fewer, or makes room later, takes them in this order.
  table_->each_in_order([&](uint32_t number) {
    if (count == 0 || !alive(number)) return;
    --count;
    FlowKey key = table_->key(number);
    Connection copy = connection(number);
    flow::Tick left = table_->deadline(number) - now_;
    archive(key.owner);
    archive_key(archive, key);
    archive(left);
    archive_connection(archive, copy);
  });
}

// The octets are hostile: the count is believed only as long as there are octets.
void Guard::load(Archive& archive) {
  if (table_) {
    for (flow::Table* table : {table_.get(), fragments_.get()}) {
      table->clear();
      table->age(now_, 0);
    }
  }
  uint32_t count = 0;
  archive(count);
  for (; count != 0 && archive.ok(); --count) {
    FlowKey key;
    Connection from = {};
    flow::Tick left = 0;
    archive(key.owner);
    archive_key(archive, key);
    archive(left);
    archive_connection(archive, from);
    if (!archive.ok()) return;
    if (!firewall::sane(from, key)) {
      return archive.fail("saved state: a connection that cannot be");
    }
    if (key.owner < kMaxVnics && guards(key.owner)) take_in(key, from, left);
  }
}

size_t Guard::export_connections(unsigned vnic, int64_t now_ns, uint32_t& cursor,
                                 std::span<MovedConnection> to) const {
  const flow::Tick now = clock_loaded_ ? now_ : flow::tick_of(now_ns) + ahead_;
  size_t count = 0;
  uint32_t number = table_ ? table_->next(cursor) : flow::Table::kNone;
  for (; number != flow::Table::kNone && count < to.size(); number = table_->next(number + 1)) {
    const flow::Tick left = table_->deadline(number) - now;
    if (table_->key(number).owner != vnic || static_cast<int32_t>(left) <= 0) continue;
    to[count] = {table_->key(number), connection(number), flow::milliseconds_of(left)};
    for (TcpEnd& end : to[count++].connection.ends) as_moved(end);
  }
  static_assert(Pipeline::kNoMore == flow::Table::kNone);
  cursor = number;
  return count;
}

Pipeline::Imported Guard::import_connections(unsigned vnic, int64_t now_ns,
                                             std::span<const MovedConnection> from) {
  forget_expired(now_ns);  // what has ended needs no room
  Pipeline::Imported imported;
  for (const MovedConnection& one : from) {
    FlowKey key = one.key;
    key.owner = static_cast<uint16_t>(vnic);
    Connection connection = one.connection;
    firewall::sane(connection, key);
    switch (take_in(key, connection, flow::ticks_of_milliseconds(one.left_ms))) {
      case Taken::kTaken:
        ++imported.taken;
        break;
      case Taken::kPresent:
        ++imported.present;
        break;
      case Taken::kNoRoom:
        ++imported.no_room;
        break;
    }
  }
  return imported;
}

Guard::Taken Guard::take_in(const FlowKey& key, const Connection& from, flow::Tick left) {
  const Watch& watch = *watches_[key.owner];
  const bool answered = firewall::was_answered(from);
  if (table_->find(key, now_) != flow::Table::kNone) return Taken::kPresent;
  if (table_->size(key.owner) >= watch.connections) return Taken::kNoRoom;
  if (!answered && table_->waiting(key.owner, from.began) >= watch.half_open) {
    return Taken::kNoRoom;
  }
  const flow::Tick longest = flow::ticks_of_seconds(firewall::seconds_of(from));
  const uint32_t number = table_->insert(key, table_->hash(key), from.began,
                                         now_ + std::clamp<flow::Tick>(left, 1, longest));
  if (number == flow::Table::kNone) return Taken::kNoRoom;
  connection(number) = from;
  connection(number).epoch = kAlwaysAsk;
  if (answered) settle(number, true);
  return Taken::kTaken;
}

}  // namespace gatehouse::pipeline
