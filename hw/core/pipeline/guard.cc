// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/pipeline/guard.hh"

#include <algorithm>
#include <cstring>

#include "hw/core/base/archive.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::pipeline {

using firewall::Connection;
using firewall::Kind;
using spec::DropReason;
using spec::VnicCounter;

namespace {

constexpr auto kNone = flow::Table::kNone;
// Steps of ageing before a connection goes, or is refused, for want of room: after a silence the
// slots in between are empty.
constexpr unsigned kSearch = flow::Table::kSlots + 512;

void count(Guard::Counters& counters, VnicCounter counter) {
  ++counters[static_cast<size_t>(counter)];
}

struct Addresses {
  const uint8_t* local;
  const uint8_t* remote;
};
// As they stand in the frame, or in a quotation.
Addresses addresses_of(const FlowEnds& ends, FlowDirection direction) {
  const bool out = direction == FlowDirection::kOut;
  return {out ? ends.source : ends.destination, out ? ends.destination : ends.source};
}
Addresses addresses_of(const Packet& packet, FlowDirection direction) {
  return addresses_of(flow_ends(packet.data, packet.layers), direction);
}

// UDP that says it has no checksum. Over IPv6, too, a tunnel end may take it (RFC 6935), and
// whoever is in between lets it pass (RFC 6936 section 5).
bool is_unsummed(const Packet& packet) {
  return packet.layers.l4 == L4::kUdp && packet.layers.payload_offset != 0 &&
         UdpHeader<const uint8_t>(packet.data + packet.layers.l4_offset).checksum() == 0;
}

}  // namespace

bool Guard::reserve(uint32_t connections, uint32_t vnics) {
  const uint32_t fragments = 2 * vnics * kFragments;
  std::unique_ptr<flow::Table> table, parts;  // new ones
  if (!table_ || table_->capacity() != connections)
    table = std::make_unique<flow::Table>(connections, kMaxVnics, seed_);
  if (!fragments_ || fragments_->capacity() < fragments)
    parts = std::make_unique<flow::Table>(fragments, kMaxVnics, seed_);
  if ((table && !table->has_memory()) || (parts && !parts->has_memory())) return false;
  const auto replace = [&](std::unique_ptr<flow::Table>& by, std::unique_ptr<flow::Table>& from) {
    if (!by) return;
    by->age(now_, 0);
    if (from) by->take_all(*from, now_);
    from = std::move(by);
  };
  replace(table, table_);
  replace(parts, fragments_);
  return true;
}

void Guard::set(unsigned vnic, const Watch* watch) {
  if (watches_[vnic] != nullptr) --active_;
  watches_[vnic] = watch;
  if (watch != nullptr) ++active_;
}

void Guard::forget(const Vnics& vnics) {
  if (!table_) return;
  table_->remove_owners(vnics);
  fragments_->remove_owners(vnics);
}

void Guard::rules_changed() {
  ++epoch_;
  if (!fragments_) return;
  fragments_->clear();
  fragments_->age(now_, 0);
}

// How late it was in a saved state is not believed: a clock that is behind goes on from there, or
// what was loaded would live until it has caught up.
void Guard::set_clock(int64_t now_ns) {
  const flow::Tick now = flow::tick_of(now_ns);
  if (clock_loaded_) {
    ahead_ = static_cast<int32_t>(now_ - now) > 0 ? now_ - now : 0;
    clock_loaded_ = false;
  }
  now_ = now + ahead_;
}

void Guard::begin_batch(int64_t now_ns) { age(now_ns, kAgeing); }

void Guard::age(int64_t now_ns, unsigned steps) {
  if (!active()) return;
  set_clock(now_ns);
  table_->age(now_, steps);
  fragments_->age(now_, steps);
}

void Guard::look_up(unsigned vnic, const Packet& packet, FlowDirection direction, Ticket& ticket,
                    const Ticket* before) const {
  const Layers& layers = packet.layers;
  const auto owner = static_cast<uint16_t>(vnic);
  const bool later = layers.fragment && !layers.first_fragment;
  const Kind kind = later ? Kind::kExempt : firewall::kind_of(packet.data, layers);
  if (kind == Kind::kExempt) [[unlikely]] {
    ticket = {};
    ticket.key.owner = owner;
    return;
  }
  const FlowEnds ends = flow_ends(packet.data, layers);
  if (kind == Kind::kTcp || kind == Kind::kUdp) [[likely]] {
    const FlowKeyWords words = flow_key_words(ends, direction, owner);
    words.write(ticket.key);
    // Frames of one flow come in bursts.
    ticket.repeats = before != nullptr && words == FlowKeyWords::of(before->key);
    ticket.hash = ticket.repeats ? before->hash : table_->announce(words);
  } else {
    ticket.key = flow_key(ends, direction, owner);
    ticket.repeats = false;
    ticket.hash = table_->announce(ticket.key);
  }
  ticket.guess = kNone;
  ticket.kind = kind;
}

void Guard::approach(std::span<Ticket> tickets) const {
  uint32_t guess = kNone;
  for (Ticket& ticket : tickets) {
    if (ticket.kind == Kind::kExempt) continue;
    if (!ticket.repeats) guess = table_->approach(ticket.hash);
    ticket.guess = guess;
  }
}

DropReason Guard::check(unsigned vnic, const Packet& packet, FlowDirection direction,
                        Counters& counters) {
  Ticket ticket;
  look_up(vnic, packet, direction, ticket);
  return check(vnic, packet, direction, ticket, counters);
}

DropReason Guard::check(unsigned vnic, const Packet& packet, FlowDirection direction,
                        Ticket& ticket, Counters& counters) {
  const Layers& layers = packet.layers;
  const bool plain = (ticket.kind == Kind::kTcp || ticket.kind == Kind::kUdp) && !layers.fragment &&
                     (packet.l4_checksum_good || !packet.l4_checksum_checked);
  if (plain) [[likely]]
    return check_whole(packet, direction, ticket, counters);
  return check_special(vnic, packet, direction, ticket, counters);
}

DropReason Guard::check_special(unsigned vnic, const Packet& packet, FlowDirection direction,
                                Ticket& ticket, Counters& counters) {
  const Layers& layers = packet.layers;
  if (layers.fragment && !layers.first_fragment) return check_later(vnic, packet, direction);
  if (ticket.kind == Kind::kExempt) return DropReason::none;
  // Its receiver will not believe it, so it must not change what is believed here.
  if (packet.l4_checksum_checked && !packet.l4_checksum_good && !is_unsummed(packet)) {
    return DropReason::firewall_bad_checksum;
  }
  DropReason reason = DropReason::none;
  switch (ticket.kind) {
    case Kind::kError:
      reason = check_error(vnic, packet, direction, counters);
      break;
    case Kind::kOtherIcmp:
      reason = check_alone(packet, direction, ticket, counters);
      break;
    default:
      reason = check_whole(packet, direction, ticket, counters);
      break;
  }
  if (layers.fragment && reason == DropReason::none) {
    remember_fragments(vnic, packet, direction);
  }
  return reason;
}

inline DropReason Guard::check_whole(const Packet& packet, FlowDirection direction, Ticket& ticket,
                                     Counters& counters) {
  const uint32_t number = table_->find(ticket.key, ticket.hash, ticket.guess, now_);
  ticket.guess = number;  // of the next one of a burst
  if (number != kNone) [[likely]] {
    bool restart = false;
    const DropReason reason = check_known(number, packet, direction, ticket, counters, restart);
    if (!restart) return reason;
    table_->remove(number);
  }
  return check_first(packet, direction, ticket, counters);
}

inline DropReason Guard::check_known(uint32_t number, const Packet& packet, FlowDirection direction,
                                     const Ticket& ticket, Counters& counters, bool& restart) {
  Connection& known = connection(number);
  if (known.epoch != epoch_) [[unlikely]] {
    // A DHCP client that asks begins, whoever wrote to it before.
    restart =
        direction != known.began && direction == FlowDirection::kOut && is_dhcp_client(ticket.key);
    if (restart) return DropReason::none;
    const Addresses addresses = addresses_of(packet, direction);
    if (!still_allowed(number, direction, addresses.local, addresses.remote, counters)) {
      return DropReason::firewall_denied;
    }
  }
  const firewall::State before = known.state;
  const firewall::TcpStep step =
      firewall::go_on(known, ticket.kind, packet.data, packet.layers, direction);
  restart = step.restart;
  if (step.reason != DropReason::none || step.restart || !step.lives) return step.reason;
  table_->set_deadline(number, deadline(firewall::seconds_of(known)));
  if (known.state != before) {
    settle(number, firewall::is_answered(known.state));
    if (firewall::is_over(known.state) && !firewall::is_over(before)) {
      count(counters, VnicCounter::firewall_closed);
    }
  }
  return DropReason::none;
}

DropReason Guard::check_first(const Packet& packet, FlowDirection direction, const Ticket& ticket,
                              Counters& counters) {
  Connection fresh = {};
  DropReason reason = firewall::begin(fresh, ticket.kind, packet.data, packet.layers, direction);
  if (reason != DropReason::none) return reason;
  const Addresses addresses = addresses_of(packet, direction);
  const firewall::Verdict verdict =
      judge(ticket.key, direction, fresh.icmp_type, addresses.local, addresses.remote);
  reason = verdict.allow ? admit(ticket, direction, fresh, counters) : DropReason::firewall_denied;
  if (verdict.log) [[unlikely]] {
    log(verdict, ticket.key, direction, fresh.icmp_type, addresses.local, addresses.remote, reason,
        counters);
  }
  return reason;
}

DropReason Guard::admit(const Ticket& ticket, FlowDirection direction, const Connection& fresh,
                        Counters& counters) {
  const DropReason reason = make_room(ticket.key.owner, direction, counters);
  if (reason != DropReason::none) return reason;
  const uint32_t number = table_->insert(ticket.key, ticket.hash, direction,
                                         deadline(firewall::seconds_of(fresh.state)));
  if (number == kNone) return DropReason::flow_table_full;
  connection(number) = fresh;
  connection(number).epoch = epoch_of(ticket.key);
  count(counters, VnicCounter::firewall_opened);
  return DropReason::none;
}

// A message that belongs to nothing: the rules decide each time.
DropReason Guard::check_alone(const Packet& packet, FlowDirection direction, const Ticket& ticket,
                              Counters& counters) {
  const Addresses addresses = addresses_of(packet, direction);
  const uint8_t type = packet.data[packet.layers.l4_offset];
  const firewall::Verdict verdict =
      judge(ticket.key, direction, type, addresses.local, addresses.remote);
  const DropReason reason = verdict.allow ? DropReason::none : DropReason::firewall_denied;
  if (verdict.log) [[unlikely]] {
    log(verdict, ticket.key, direction, type, addresses.local, addresses.remote, reason, counters);
  }
  return reason;
}

DropReason Guard::check_error(unsigned vnic, const Packet& packet, FlowDirection direction,
                              Counters& counters) {
  firewall::Quotation quotation;
  if (!firewall::quotation_of(packet.data, packet.layers, quotation)) {
    return DropReason::firewall_no_connection;
  }
  // What is quoted went the other way.
  const FlowDirection quoted = opposite(direction);
  const FlowKey key = flow_key(quotation.ends, quoted, static_cast<uint16_t>(vnic));
  const uint32_t number = table_->find(key, now_);
  if (number == kNone) return DropReason::firewall_no_connection;
  const Connection& known = connection(number);
  const Addresses addresses = addresses_of(quotation.ends, quoted);
  if (known.epoch != epoch_ &&
      !still_allowed(number, quoted, addresses.local, addresses.remote, counters)) {
    return DropReason::firewall_denied;
  }
  if (quotation.tcp && !firewall::tcp_under_way(known, quoted != known.began, quotation.sequence)) {
    return DropReason::firewall_bad_window;
  }
  count(counters, VnicCounter::firewall_related);
  return DropReason::none;
}

// --- fragments ---

void Guard::remember_fragments(unsigned vnic, const Packet& packet, FlowDirection direction) {
  const auto owner = static_cast<uint16_t>(vnic);
  const firewall::Fragment fragment = firewall::fragment_of(packet.data, packet.layers);
  const FlowKey key =
      firewall::fragment_key(packet.data, packet.layers, fragment, direction, owner);
  // An identification comes again: the newest of all, and not less was judged.
  uint32_t judged_before = 0;
  if (const uint32_t known = fragments_->find(key, now_); known != kNone) {
    judged_before = fragments_->state<FragmentState>(known).headers;
    fragments_->remove(known);
  }
  if (fragments_->waiting(owner, direction) >= kFragments) {
    fragments_->remove(fragments_->oldest_waiting(owner, direction));
  }
  const uint32_t hash = fragments_->hash(key);
  const uint32_t number = fragments_->insert(key, hash, direction, deadline(kFragmentSeconds));
  if (number == kNone) return;  // its later fragments end here
  // Of an ICMP error all that was judged: the quotation. A first one that comes again does not make
  // less of it.
  const Layers& layers = packet.layers;
  const bool error = firewall::kind_of(packet.data, layers) == Kind::kError;
  const uint32_t judged =
      error ? fragment.headers + layers.l3_end - layers.payload_offset : fragment.headers;
  fragments_->state<FragmentState>(number).headers = std::max(judged_before, judged);
}

DropReason Guard::check_later(unsigned vnic, const Packet& packet, FlowDirection direction) {
  const firewall::Fragment fragment = firewall::fragment_of(packet.data, packet.layers);
  const FlowKey key = firewall::fragment_key(packet.data, packet.layers, fragment, direction,
                                             static_cast<uint16_t>(vnic));
  const uint32_t number = fragments_->find(key, now_);
  const bool follows =
      number != kNone && fragment.offset >= fragments_->state<FragmentState>(number).headers;
  return follows ? DropReason::none : DropReason::firewall_fragment;
}

// --- rules and room ---

firewall::Verdict Guard::judge(const FlowKey& key, FlowDirection began, uint8_t icmp_type,
                               const uint8_t* local, const uint8_t* remote) const {
  const bool out = began == FlowDirection::kOut;
  firewall::Question question;
  question.direction = began;
  question.local = local;
  question.remote = remote;
  question.v6 = key.v6;
  question.protocol = key.protocol;
  question.icmp_type = icmp_type;
  if (has_ports(key)) {
    question.asked_port = out ? key.remote_port : key.local_port;
    question.asking_port = out ? key.local_port : key.remote_port;
  }
  return watches_[key.owner]->rules.judge(question);
}

// `local`, `remote`: DHCP's key has none.
void Guard::log(const firewall::Verdict& verdict, const FlowKey& key, FlowDirection began,
                uint8_t icmp_type, const uint8_t* local, const uint8_t* remote, DropReason reason,
                Counters& counters) const {
  count(counters, VnicCounter::firewall_logged);
  if (listener_ == nullptr) return;
  const firewall::RuleSet& rules = watches_[key.owner]->rules;
  FirewallLog log{.vnic = key.owner,
                  .firewall = rules.name().c_str(),
                  .rule = verdict.rule,
                  .rule_name = rules.name_of(verdict.rule).c_str(),
                  .direction = began,
                  .reason = reason,
                  .key = key};
  std::memcpy(log.key.local.data(), local, key.v6 ? 16 : 4);
  std::memcpy(log.key.remote.data(), remote, key.v6 ? 16 : 4);
  const auto protocol = static_cast<IpProtocol>(key.protocol);
  if (protocol == IpProtocol::kIcmp || protocol == IpProtocol::kIcmpv6) log.icmp_type = icmp_type;
  listener_->logged(log);
}

// Under rules that came after it began, or that are asked about each frame, because DHCP's key has
// no addresses. False: it is gone, but DHCP's.
bool Guard::still_allowed(uint32_t number, FlowDirection direction, const uint8_t* local,
                          const uint8_t* remote, Counters& counters) {
  Connection& known = connection(number);
  const FlowKey& key = table_->key(number);
  firewall::Verdict verdict = judge(key, known.began, known.icmp_type, local, remote);
  // A server whom a rule lets in comes in, though the client has asked.
  if (!verdict.allow && direction != known.began && is_dhcp_client(key)) {
    const firewall::Verdict alone = judge(key, direction, known.icmp_type, local, remote);
    if (alone.allow) verdict = alone;
  }
  if (verdict.allow) {
    known.epoch = epoch_of(key);
    return true;
  }
  if (verdict.log) {
    log(verdict, key, known.began, known.icmp_type, local, remote, DropReason::firewall_denied,
        counters);
  }
  if (is_dhcp_client(key)) return false;
  table_->remove(number);
  count(counters, VnicCounter::firewall_revoked);
  return false;
}

// Where it stands in the table follows from its state.
void Guard::settle(uint32_t number, bool answered) {
  const Connection& known = connection(number);
  if (firewall::stays(known.state)) {
    table_->settle(number);
  } else if (answered || !table_->waits(number)) {
    table_->yield(number, known.began);
  }
}

// The first of the vnic's longest list, of those that wait and of those that yield, and came the
// same way or the other one. A flood makes its own list the longest, and pushes out itself. kNone:
// all stay.
uint32_t Guard::one_to_spare(uint16_t vnic, FlowDirection direction) {
  const FlowDirection other = opposite(direction);
  const uint32_t waiting = table_->waiting(vnic, direction), asked = table_->waiting(vnic, other);
  const uint32_t same = table_->yielding(vnic, direction), back = table_->yielding(vnic, other);
  const uint32_t longest = std::max({waiting, asked, same, back});
  if (longest == waiting) return table_->oldest_waiting(vnic, direction);
  if (longest == same) return table_->oldest_yielding(vnic, direction);
  if (longest == back) return table_->oldest_yielding(vnic, other);
  return table_->oldest_waiting(vnic, other);
}

// Who holds most of the card's room gives first. kNone: all connections stay.
uint32_t Guard::one_of_the_richest(uint16_t vnic, FlowDirection direction) {
  const uint32_t richest = table_->richest();
  if (richest == kNone) return kNone;
  const auto owner = static_cast<uint16_t>(richest);
  const bool own = table_->size(owner) <= table_->size(vnic);
  return one_to_spare(own ? vnic : owner, direction);
}

DropReason Guard::make_room(uint16_t vnic, FlowDirection direction, Counters& counters) {
  const Watch& watch = *watches_[vnic];
  const auto at_limit = [&] { return table_->size(vnic) >= watch.connections; };
  const auto full = [&] { return table_->size() == table_->capacity(); };
  if (at_limit() || full()) table_->age(now_, kSearch);
  // Of more than the limit, which has been lowered, one that goes makes no room.
  if (table_->size(vnic) > watch.connections) return DropReason::firewall_limit;
  // Of more than may wait, because the limit has been lowered, one goes besides: it is reached
  // while new ones come.
  if (table_->waiting(vnic, direction) > watch.half_open) {
    table_->remove(table_->oldest_waiting(vnic, direction));
    count(counters, VnicCounter::firewall_evicted);
  }
  uint32_t gives = kNone;
  if (table_->waiting(vnic, direction) >= watch.half_open) {
    gives = table_->oldest_waiting(vnic, direction);
  } else if (at_limit()) {
    gives = one_to_spare(vnic, direction);
  } else if (full()) {
    gives = one_of_the_richest(vnic, direction);
  } else {
    return DropReason::none;
  }
  if (gives == kNone) return at_limit() ? DropReason::firewall_limit : DropReason::flow_table_full;
  table_->remove(gives);
  count(counters, VnicCounter::firewall_evicted);
  return DropReason::none;
}

}  // namespace gatehouse::pipeline
