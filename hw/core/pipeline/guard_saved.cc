// SPDX-License-Identifier: GPL-2.0-or-later
// Connections as saved state: of a snapshot, or of a vnic that moves to another card.
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
  archive.loading() ? load(archive, kAll) : save(archive, kAll);
}

void Guard::archive_vnic(Archive& archive, unsigned vnic, int64_t now_ns) {
  archive.section("vnic-connections", 1);
  if (active()) now_ = flow::tick_of(now_ns);
  archive.loading() ? load(archive, vnic) : save(archive, vnic);
}

void Guard::save(Archive& archive, unsigned vnic) const {
  const auto wanted = [&](uint32_t number) {
    const bool alive = static_cast<int32_t>(table_->deadline(number) - now_) > 0;
    return alive && (vnic == kAll || table_->key(number).owner == vnic);
  };
  uint32_t count = 0;
  if (table_) table_->each([&](uint32_t number) { count += wanted(number); });
  count = std::min(count, kMostSaved);
  archive(count);
  if (count == 0) return;
  table_->each([&](uint32_t number) {
    if (count == 0 || !wanted(number)) return;
    --count;
    FlowKey key = table_->key(number);
    Connection copy = connection(number);
    flow::Tick left = table_->deadline(number) - now_;
    if (vnic == kAll) archive(key.owner);
    archive_key(archive, key);
    archive(left);
    archive_connection(archive, copy);
  });
}

// The octets are hostile: the count is believed only as long as there are octets.
void Guard::load(Archive& archive, unsigned vnic) {
  if (vnic == kAll && table_) {
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
    key.owner = static_cast<uint16_t>(vnic);
    if (vnic == kAll) archive(key.owner);
    archive_key(archive, key);
    archive(left);
    archive_connection(archive, from);
    if (!archive.ok()) return;
    if (!firewall::sane(from, key.protocol)) {
      return archive.fail("saved state: a connection that cannot be");
    }
    if (key.owner < kMaxVnics && guards(key.owner)) take_loaded(key, from, left);
  }
}

void Guard::take_loaded(const FlowKey& key, const Connection& from, flow::Tick left) {
  const Watch& watch = *watches_[key.owner];
  const bool answered = firewall::is_answered(from.state);
  if (table_->size(key.owner) >= watch.connections) return;
  if (!answered && table_->waiting(key.owner, from.began) >= watch.half_open) return;
  if (table_->find(key, now_) != flow::Table::kNone) return;
  const flow::Tick longest = flow::ticks_of_seconds(firewall::seconds_of(from.state));
  const uint32_t number = table_->insert(key, table_->hash(key), from.began,
                                         now_ + std::clamp<flow::Tick>(left, 1, longest));
  if (number == flow::Table::kNone) return;
  connection(number) = from;
  connection(number).epoch = 0;  // the rules are asked at its next frame
  if (answered) table_->settle(number);
}

}  // namespace gatehouse::pipeline
