// SPDX-License-Identifier: GPL-2.0-or-later
// The card as JSON, for `query-gatehouse`. Names of counters and drop reasons come from hw/spec;
// the shape is that of hw/qemu/gatehouse.json.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "hw/card/card.hh"

namespace gatehouse::card {

using nlohmann::json;

namespace {

template <size_t N>
json counters_state(const std::array<uint64_t, N>& values, const spec::CounterRow (&rows)[N]) {
  json counters = json::object();
  for (size_t i = 0; i < N; ++i) counters[rows[i].name] = values[i];
  return counters;
}

json drops_state(const pipeline::Pipeline::Drops& drops, bool all) {
  json list = json::array();
  for (const spec::DropReasonRow& row : spec::kDropReasons) {
    const uint64_t count = drops[static_cast<size_t>(row.reason)];
    if (count == 0 && !all) continue;
    list.push_back({{"reason", row.name},
                    {"stage", spec::stage_name(row.stage)},
                    {"text", row.text},
                    {"count", count}});
  }
  return list;
}

template <class Row>
const Row* find_row(const std::vector<Row>& rows, const std::string& name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

json prefixes_state(const std::vector<IpPrefix>& prefixes) {
  json list = json::array();
  for (const IpPrefix& prefix : prefixes) list.push_back(to_string(prefix));
  return list;
}

}  // namespace

json Card::neighbours_state(unsigned uplink) const {
  json list = json::array();
  const size_t count = pipeline_->sizes().neighbours;
  for (size_t i = 0; i < count; ++i) {
    const pipeline::Pipeline::Neighbour neighbour = pipeline_->neighbour(i);
    if (neighbour.uplink != uplink) continue;
    json row = {{"address", to_string(neighbour.ip)}, {"state", neighbour.state}};
    if (!neighbour.mac.is_zero()) row["mac"] = to_string(neighbour.mac);
    list.push_back(std::move(row));
  }
  return list;
}

json Card::coalesce_state() const {
  const coalesce::Counters counters = pipeline_->coalesce_counters();
  json causes = json::array();
  for (size_t i = 0; i < coalesce::kCauseCount; ++i) {
    if (counters.causes[i] == 0) continue;
    causes.push_back({{"cause", coalesce::kCauses[i].name},
                      {"text", coalesce::kCauses[i].text},
                      {"count", counters.causes[i]}});
  }
  return {{"held-frames", pipeline_->held_frames()}, {"frames", counters.frames},
          {"super-frames", counters.super_frames},   {"unmerged", counters.unmerged},
          {"no-buffer", counters.no_buffer},         {"causes", std::move(causes)}};
}

json Card::uplink_state(unsigned index) const {
  const uplink::Uplink& uplink = *uplinks_[index];
  json state = {
      {"name", port_name(false, index)},
      {"link", uplink.up()},
      {"rate", uplink.options().rate},
      {"latency", uplink.options().latency_ns},
      {"queued", uplink.queued()},
      {"busy", uplink.blocked()},
      {"neighbours", neighbours_state(index)},
      {"counters", counters_state(pipeline_->uplink_counters(index), spec::kUplinkCounters)}};
  if (const policy::Uplink* row = find_row(policy_.uplinks, port_name(false, index))) {
    state["mac"] = to_string(row->mac);
    state["addresses"] = prefixes_state(row->addresses);
    state["mtu"] = row->mtu;
    state["vlan"] = row->vlan;
  } else {
    state["addresses"] = json::array();
  }
  return state;
}

json Card::vnic_state(const VnicPort& port, bool all_drops) const {
  json state = {{"name", port.name_},
                {"index", port.index_},
                {"mac", to_string(port.mac_)},
                {"link", port.link_up_},
                {"addresses", json::array()},
                {"device", port.guest_.state()},
                {"counters", counters_state(pipeline_->counters(port.index_), spec::kVnicCounters)},
                {"drops", drops_state(pipeline_->drops(port.index_), all_drops)}};
  const policy::Vnic* row = find_row(policy_.vnics, port.name_);
  if (!row) return state;
  if (row->mac) state["mac"] = to_string(*row->mac);
  state["addresses"] = prefixes_state(row->addresses);
  state["anti-spoof"] = row->anti_spoof;
  state["tenant"] = row->tenant;
  if (!row->firewall.empty()) {
    state["firewall"] = row->firewall;
    state["connections"] = pipeline_->connections(port.index_);
  }
  state["overlay-mtu"] = pipeline_->overlay_mtu(port.index_);
  if (const policy::Tenant* tenant = find_row(policy_.tenants, row->tenant)) {
    state["vni"] = tenant->vni;
    state["format"] = tenant->format;
  }
  return state;
}

json Card::state(bool all_drops) const {
  pipeline_->forget_expired(ports_.clock.now_ns());
  json uplinks = json::array();
  for (unsigned i = 0; i < uplinks_.size(); ++i) {
    if (uplinks_[i]->present()) uplinks.push_back(uplink_state(i));
  }
  json vnics = json::array();
  for (const auto& port : vnics_) {
    if (port) vnics.push_back(vnic_state(*port, all_drops));
  }
  const pipeline::Pipeline::Sizes sizes = pipeline_->sizes();
  json state = {{"uplinks", std::move(uplinks)},
                {"vnics", std::move(vnics)},
                {"tables",
                 {{"formats", policy_.formats.size()},
                  {"tenants", policy_.tenants.size()},
                  {"vnics", policy_.vnics.size()},
                  {"mappings", sizes.host_mappings + sizes.prefix_mappings},
                  {"host-mappings", sizes.host_mappings},
                  {"prefix-mappings", sizes.prefix_mappings},
                  {"next-hops", sizes.next_hops},
                  {"waiting-frames", sizes.waiting_frames},
                  {"incomplete-frames", pipeline_->incomplete_frames()},
                  {"connections", sizes.connections},
                  {"connection-room", sizes.connection_room}}},
                {"coalesce", coalesce_state()},
                {"packets-in-use", pool_.in_use()},
                {"drops", drops_state(pipeline_->drops(), all_drops)}};
  if (tap_) {
    const capture::Counters& counters = tap_->counters();
    state["tap"] = {{"frames", counters.frames},
                    {"octets", counters.octets},
                    {"not-recorded", counters.not_recorded}};
  }
  return state;
}

}  // namespace gatehouse::card
