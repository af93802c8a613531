// SPDX-License-Identifier: GPL-2.0-or-later
// gatehouse-connections-export and -import of gatehouse.json: connections between the core's form
// and QAPI's. What a client says is checked here as far as the form goes; what cannot be, and what
// there is room for, is the pipeline's business.
#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/card_host.hh"
#include "hw/qemu/qmp_cards.hh"

#include "hw/qemu/qemu-begin.hh"
#include "qapi/error.h"
#include "qapi/qapi-commands-gatehouse.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {
namespace {

using firewall::Connection;
using firewall::State;
using firewall::TcpEnd;
using pipeline::MovedConnection;

constexpr uint32_t kMostAtOnce = 4096;  // connections of one command
constexpr uint8_t kTcp = static_cast<uint8_t>(IpProtocol::kTcp);

static_assert(GATEHOUSE_DIRECTION_OUT == int(FlowDirection::kOut) &&
              GATEHOUSE_DIRECTION_IN == int(FlowDirection::kIn));

bool is_echo(const Connection& connection) {
  return connection.state == State::echo_asked || connection.state == State::echo_answered;
}

bool is_icmp(uint8_t protocol) {
  return protocol == static_cast<uint8_t>(IpProtocol::kIcmp) ||
         protocol == static_cast<uint8_t>(IpProtocol::kIcmpv6);
}

// --- out ---

GatehouseTcpEnd* describe(const TcpEnd& end) {
  auto* row = g_new0(GatehouseTcpEnd, 1);
  const auto has = [&](uint8_t flag) { return (end.flags & flag) != 0; };
  row->syn = has(TcpEnd::kSyn);
  row->syn_acked = has(TcpEnd::kSynAcked);
  row->start = end.start;
  row->end = end.end;
  row->has_end_at_most = row->end_at_most = has(TcpEnd::kGuessed);
  row->limit = end.limit;
  row->max_window = end.max_window;
  row->scale = end.scale;
  row->scales = has(TcpEnd::kScales);
  row->has_acked = has(TcpEnd::kAcks);
  row->acked = end.acked;
  row->has_fin_end = has(TcpEnd::kFin);
  row->fin_end = end.fin_end;
  row->fin_acked = has(TcpEnd::kFinAcked);
  row->has_again_start = has(TcpEnd::kCallsAgain);
  row->again_start = end.fin_end;
  row->has_again_scale = row->has_again_start && end.again_scale != TcpEnd::kNoScale;
  row->again_scale = end.again_scale;
  return row;
}

GatehouseConnection* describe(const MovedConnection& moved) {
  const FlowKey& key = moved.key;
  const Connection& connection = moved.connection;
  auto* row = g_new0(GatehouseConnection, 1);
  row->state = g_strdup(firewall::kStates[static_cast<size_t>(connection.state)].name);
  row->began = static_cast<GatehouseDirection>(connection.began);
  row->protocol = key.protocol;
  row->local = g_strdup(to_string(local_of(key)).c_str());
  row->remote = g_strdup(to_string(remote_of(key)).c_str());
  row->has_local_port = row->has_remote_port = has_ports(key);
  row->local_port = key.local_port;
  row->remote_port = key.remote_port;
  row->has_identifier = is_echo(connection);
  row->identifier = key.remote_asks ? key.remote_port : key.local_port;
  row->has_icmp_type = is_icmp(key.protocol);
  row->icmp_type = connection.icmp_type;
  row->left = moved.left_ms;
  if (key.protocol != kTcp) return row;
  for (unsigned i = 2; i-- > 0;) {
    auto* link = g_new0(GatehouseTcpEndList, 1);
    link->value = describe(connection.ends[i]);
    link->next = row->ends;
    row->ends = link;
  }
  row->has_ends = true;
  return row;
}

// --- in ---

Status read(const GatehouseTcpEnd& row, TcpEnd& end) {
  if (row.has_fin_end && row.has_again_start) {
    return Status::error("fin-end and again-start exclude each other");
  }
  if (row.scale > TcpEnd::kMaxScale ||
      (row.has_again_scale && row.again_scale > TcpEnd::kMaxScale)) {
    return Status::error("a window scale is at most " + std::to_string(TcpEnd::kMaxScale));
  }
  end.start = row.start;
  end.end = row.end;
  end.limit = row.limit;
  end.max_window = row.max_window;
  end.acked = row.acked;
  end.fin_end = row.has_fin_end ? row.fin_end : row.again_start;
  end.scale = row.scale;
  end.again_scale = row.has_again_scale ? row.again_scale : TcpEnd::kNoScale;
  const auto flag = [&](bool set, uint8_t bit) {
    if (set) end.flags |= bit;
  };
  flag(row.syn, TcpEnd::kSyn);
  flag(row.syn_acked, TcpEnd::kSynAcked);
  flag(row.scales, TcpEnd::kScales);
  flag(row.has_acked, TcpEnd::kAcks);
  flag(row.has_end_at_most && row.end_at_most, TcpEnd::kGuessed);
  flag(row.has_fin_end, TcpEnd::kFin);
  flag(row.fin_acked, TcpEnd::kFinAcked);
  flag(row.has_again_start, TcpEnd::kCallsAgain);
  return {};
}

Status read_state(const char* name, State& state) {
  for (size_t i = 0; i < std::size(firewall::kStates); ++i) {
    if (std::string_view(name) != firewall::kStates[i].name) continue;
    state = static_cast<State>(i);
    return {};
  }
  return Status::error("state: '" + std::string(name) + "' is none");
}

Status read_key(const GatehouseConnection& row, MovedConnection& moved) {
  const std::optional<IpAddress> local = parse_ip(row.local), remote = parse_ip(row.remote);
  if (!local || !remote || local->family != remote->family) {
    return Status::error("local and remote are two IP addresses of one family");
  }
  FlowKey& key = moved.key;
  key.v6 = local->is_v6();
  key.local = local->octets;
  key.remote = remote->octets;
  key.protocol = row.protocol;
  if (row.has_local_port != has_ports(key) || row.has_remote_port != has_ports(key)) {
    return Status::error("TCP and UDP have local-port and remote-port, and nothing else has");
  }
  key.local_port = row.local_port;
  key.remote_port = row.remote_port;
  if (row.has_identifier != is_echo(moved.connection)) {
    return Status::error("an ICMP echo has an identifier, and nothing else has");
  }
  if (!row.has_identifier) return {};
  key.remote_asks = moved.connection.began == FlowDirection::kIn;
  (key.remote_asks ? key.remote_port : key.local_port) = row.identifier;
  return {};
}

Status read(const GatehouseConnection& row, MovedConnection& moved) {
  Connection& connection = moved.connection;
  if (Status status = read_state(row.state, connection.state); !status.ok()) return status;
  connection.began = static_cast<FlowDirection>(row.began);
  connection.icmp_type = row.icmp_type;
  moved.left_ms = row.left;
  if (Status status = read_key(row, moved); !status.ok()) return status;
  const GatehouseTcpEndList* at = row.ends;
  for (TcpEnd& end : connection.ends) {
    if (row.protocol != kTcp) break;
    if (at == nullptr) return Status::error("TCP has two ends");
    if (Status status = read(*at->value, end); !status.ok()) return status;
    at = at->next;
  }
  return at == nullptr ? Status() : Status::error("TCP has two ends, and nothing else has any");
}

}  // namespace
}  // namespace gatehouse::qemu

using gatehouse::Result;
using gatehouse::Status;
using gatehouse::pipeline::MovedConnection;
using gatehouse::pipeline::Pipeline;
using gatehouse::qemu::CardHost;

extern "C" {

GatehouseConnections* qmp_gatehouse_connections_export(const char* card, const char* vnic,
                                                       bool has_from, uint32_t from, bool has_limit,
                                                       uint32_t limit, Error** errp) {
  using gatehouse::qemu::kMostAtOnce;
  CardHost* host = gatehouse::qemu::find_card(card, errp);
  if (!host) return nullptr;
  const uint32_t most = has_limit ? limit : kMostAtOnce;
  if (most == 0 || most > kMostAtOnce) {
    error_setg(errp, "limit is 1 to %u", kMostAtOnce);
    return nullptr;
  }
  std::vector<MovedConnection> page(most);
  uint32_t cursor = has_from ? from : 0;
  const Result<size_t> count = host->card().export_connections(vnic, cursor, page);
  if (!count.ok()) {
    error_setg(errp, "%s", count.status().message().c_str());
    return nullptr;
  }
  auto* result = g_new0(GatehouseConnections, 1);
  for (size_t i = count.value(); i-- > 0;) {
    auto* link = g_new0(GatehouseConnectionList, 1);
    link->value = gatehouse::qemu::describe(page[i]);
    link->next = result->connections;
    result->connections = link;
  }
  result->has_next = cursor != Pipeline::kNoMore;
  result->next = cursor;
  return result;
}

GatehouseImported* qmp_gatehouse_connections_import(const char* card, const char* vnic,
                                                    GatehouseConnectionList* connections,
                                                    Error** errp) {
  using gatehouse::qemu::kMostAtOnce;
  CardHost* host = gatehouse::qemu::find_card(card, errp);
  if (!host) return nullptr;
  std::vector<MovedConnection> moved;
  for (; connections; connections = connections->next) {
    if (moved.size() == kMostAtOnce) {
      error_setg(errp, "at most %u connections at once", kMostAtOnce);
      return nullptr;
    }
    const Status status = gatehouse::qemu::read(*connections->value, moved.emplace_back());
    if (status.ok()) continue;
    error_setg(errp, "connections[%zu]: %s", moved.size() - 1, status.message().c_str());
    return nullptr;
  }
  const Result<Pipeline::Imported> imported = host->card().import_connections(vnic, moved);
  if (!imported.ok()) {
    error_setg(errp, "%s", imported.status().message().c_str());
    return nullptr;
  }
  auto* result = g_new0(GatehouseImported, 1);
  result->taken = imported.value().taken;
  result->present = imported.value().present;
  result->no_room = imported.value().no_room;
  return result;
}

}  // extern "C"
