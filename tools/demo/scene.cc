// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/demo/scene.hh"

#include <filesystem>

namespace gatehouse::demo {
namespace {

using std::chrono::seconds;

lab::Topology plan() {
  lab::Topology topology;
  topology.tenants = {{.name = "red", .vni = 100}, {.name = "blue", .vni = 200}};
  const auto vnic = [](const char* name, const char* tenant, const char* mac,
                       std::vector<std::string> addresses) {
    return lab::Endpoint{
        .vnic = name, .tenant = tenant, .mac = mac, .addresses = std::move(addresses)};
  };
  topology.hosts = {
      {.name = "red-1",
       .mac = "02:00:00:00:10:01",
       .underlay = {"10.99.0.1/24"},
       .endpoints = {vnic("vnic0", "red", "52:54:00:00:00:01", {kFirst})}},
      {.name = "red-2",
       .mac = "02:00:00:00:10:02",
       .underlay = {"10.99.0.2/24"},
       .endpoints = {vnic("vnic0", "red", "52:54:00:00:00:02", {kSecond})}},
      {.name = "blue",
       .mac = "02:00:00:00:10:03",
       .underlay = {"10.99.0.3/24"},
       .endpoints = {vnic("vnic0", "blue", "52:54:00:00:00:01", {kFirst}),
                     vnic("vnic1", "blue", "52:54:00:00:00:02", {kSecond, kBlueOnly})}}};
  return topology;
}

// A server that tells who it is, on port 7.
std::string name_server(const std::string& name, const std::string& prefix = "") {
  return "mkdir -p /srv/" + name + "; echo " + name + " > /srv/" + name + "/name; " + prefix +
         "httpd -p 7 -h /srv/" + name + " && " + prefix + "gh-wait tcp 7 10000 && ";
}

constexpr const char* kAwaitLink = "gh-wait carrier eth0 30000";

}  // namespace

Scene::Scene(const std::string& folder) : folder_(folder), topology_(plan()) {
  std::filesystem::create_directories(folder_);
  underlay_ = std::make_unique<lab::Process>(
      std::vector<std::string>{lab::Build::tool(), "switch", "--listen",
                               "unix:" + work_.path("net")},
      folder_ + "/switch.log");
  red1_ = start("red-1");
  red2_ = start("red-2");
  blue_ = start("blue");
  red1_->wait_ready();
  red2_->wait_ready();
  blue_->wait_ready();
  start_captures();
  configure();
}

std::unique_ptr<lab::Guest> Scene::start(const std::string& host) {
  const std::string policy = topology_.write_policy(host, folder_ + "/" + host + ".json");
  lab::GuestOptions options;
  options.name = host;
  options.memory_mib = 384;
  options.append = "gh.hostname=" + host + " gh.ip=" + (host == "red-2" ? kSecond : kFirst) + "/24";
  options.devices = {"-netdev", lab::stream_netdev("up0", work_.path("net")), "-device",
                     "gatehouse-card,id=card0,uplink0=up0,policy=" + policy};
  for (const lab::Endpoint& endpoint : topology_.host(host).endpoints) {
    options.devices.push_back("-device");
    options.devices.push_back("gatehouse-vnic,id=" + endpoint.vnic + ",card=card0,romfile=");
  }
  return std::make_unique<lab::Guest>(work_, options);
}

void Scene::configure() {
  const std::string second = "ip netns exec second ";
  red1_->agent().check(name_server("red-1") + kAwaitLink, seconds(40));
  red2_->agent().check(name_server("red-2") + kAwaitLink, seconds(40));
  blue_->agent().check(name_server("blue-1") + kAwaitLink, seconds(40));
  blue_->agent().check(
      "gh-wait carrier eth1 30000; ip netns add second; ip link set eth1 netns second; " + second +
          "ip link set lo up; " + second + "ip addr add " + kSecond + "/24 dev eth1; " + second +
          "ip addr add " + kBlueOnly + "/24 dev eth1; " + second + "ip link set eth1 up; " +
          name_server("blue-2", second) + second + "gh-wait carrier eth1 30000",
      seconds(60));
}

void Scene::start_captures() {
  for (lab::Guest* guest : {red1_.get(), red2_.get(), blue_.get()}) {
    guest->qmp().execute("gatehouse-tap-start", {{"card", "card0"},
                                                 {"points", {"guest", "outer", "drops"}},
                                                 {"file", capture(guest->name())}});
  }
}

void Scene::stop_captures() {
  for (lab::Guest* guest : {red1_.get(), red2_.get(), blue_.get()}) {
    guest->qmp().execute("gatehouse-tap-stop", {{"card", "card0"}});
  }
}

nlohmann::json Scene::card(lab::Guest& guest) {
  return guest.qmp().execute("query-gatehouse").at(0);
}

}  // namespace gatehouse::demo
