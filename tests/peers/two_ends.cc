// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/two_ends.hh"

namespace gatehouse::peers {

lab::Topology two_ends(const std::string& format, unsigned vni) {
  lab::Topology topology;
  topology.tenants = {{.name = "red", .vni = vni, .format = format}};
  topology.hosts = {
      {.name = "guest",
       .mac = "02:00:00:00:00:01",
       .underlay = {"10.99.0.1/24", "fd99::1/64"},
       .endpoints =
           {{.vnic = "vnic0", .tenant = "red", .mac = kGuestMac, .addresses = {kGuest4, kGuest6}}}},
      {.name = "peer",
       .underlay = {"10.99.0.2/24", "fd99::2/64"},
       .endpoints = {
           {.vnic = "peer", .tenant = "red", .mac = kPeerMac, .addresses = {kPeer4, kPeer6}}}}};
  return topology;
}

uint64_t drops_of(lab::Guest& guest, const std::string& reason) {
  const nlohmann::json card = guest.qmp().execute("query-gatehouse").at(0);
  for (const nlohmann::json& row : card.at("drops")) {
    if (row.at("reason") == reason) return row.at("count");
  }
  return 0;
}

}  // namespace gatehouse::peers
