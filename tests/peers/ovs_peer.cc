// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/ovs_peer.hh"

#include <chrono>
#include <filesystem>

#include "tools/lab/deadline.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::peers {
namespace {

using std::chrono::seconds;

constexpr const char* kWireMac = "52:54:00:00:99:02";
constexpr const char* kDaemons = "PATH=$PATH:/usr/sbin:/sbin ";

void wait_for_file(const std::string& path, lab::Process& process, const std::string& what) {
  const lab::Deadline deadline(seconds(30));
  while (!std::filesystem::exists(path)) {
    process.require_running(what);
    if (deadline.expired()) throw lab::Failure(what + " makes no " + path);
    lab::run_command({"sleep", "0.05"});
  }
}

}  // namespace

std::string OvsPeer::missing() {
  std::string why;
  if (!lab::Netns::available(&why)) return why;
  for (const char* program : {"ovs-vswitchd", "ovsdb-server", "ovs-ofctl", "busybox"}) {
    if (lab::run_command({"sh", "-c", kDaemons + std::string("command -v ") + program})
            .exit_status != 0) {
      return std::string("needs ") + program;
    }
  }
  return {};
}

OvsPeer::OvsPeer(const OvsOptions& options) : options_(options) {
  tap_ = net_.open_tap("tap0", 1700, /*vnet_hdr=*/true);
  start_switch();
  refusal_ = make_bridges();
  if (refusal_.empty()) start_guest();
}

void OvsPeer::start_switch() {
  const std::string run = work_.path("run");
  std::filesystem::create_directory(run);
  const std::string database = run + "/conf.db", socket = run + "/db.sock";
  lab::check_command(
      {"ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema"});
  const auto start = [&](const std::string& program) {
    return net_.start({"sh", "-c",
                       kDaemons + ("OVS_RUNDIR=" + run + " OVS_LOGDIR=" + run + " exec " + program +
                                   " --pidfile -vconsole:warn -vsyslog:off")},
                      work_.path("switch.log"));
  };
  database_ = start("ovsdb-server " + database + " --remote=punix:" + socket);
  wait_for_file(socket, *database_, "ovsdb-server");
  ovs("ovs-vsctl --no-wait init");
  switch_ = start("ovs-vswitchd unix:" + socket);
  ovs("ovs-vsctl --timeout=30 set Open_vSwitch . other_config:hw-offload=false");
}

std::string OvsPeer::ovs(const std::string& command) {
  const std::string run = work_.path("run");
  return net_.sh("export OVS_RUNDIR=" + run + "; " + command);
}

void OvsPeer::make_station(lab::Netns& net, const std::string& bridge, const std::string& port) {
  ovs("ovs-vsctl --timeout=30 add-port " + bridge + " " + port + " -- set interface " + port +
      " type=internal");
  net_.sh("ip link set " + port + " netns " + net.name());
  net.sh("ip link set " + port + " address " + kPeerMac + " mtu 1500 up; ip addr add " + kPeer4 +
         "/24 dev " + port + "; ip addr add " + kPeer6 + "/64 dev " + port + " nodad; ethtool -K " +
         port + " tx off >/dev/null");
}

// The underlay's bridge has the address that tunnels begin at. Answers why there is no tunnel.
std::string OvsPeer::make_bridges() {
  for (const std::string bridge : {"phy", "red", "blue"}) {
    ovs("ovs-vsctl --timeout=30 add-br " + bridge + " -- set bridge " + bridge +
        " datapath_type=netdev" +
        (bridge == "phy" ? std::string(" other_config:hwaddr=") + kWireMac : ""));
  }
  ovs("ovs-vsctl --timeout=30 add-port phy tap0");
  // The bridge speaks for the address, not the tap's own kernel as well.
  net_.sh(
      "sysctl -qw net.ipv4.conf.tap0.arp_ignore=8 net.ipv6.conf.tap0.disable_ipv6=1; "
      "ip link set phy mtu 1700 up; ip addr add 10.99.0.2/24 dev phy; ip addr add fd99::2/64 "
      "dev phy nodad");
  std::string options;
  for (const std::string& option : options_.port_options) options += " options:" + option;
  for (const auto& [bridge, vni] : {std::pair{"red", kVni}, std::pair{"blue", kOtherVni}}) {
    const std::string port = std::string("tun-") + bridge;
    // Its complaint is in the database too.
    const std::string said =
        ovs("ovs-vsctl --timeout=30 add-port " + std::string(bridge) + " " + port +
            " -- set interface " + port + " type=" + options_.type +
            " options:remote_ip=" + (options_.outer_v6 ? "fd99::1" : "10.99.0.1") +
            " options:key=" + std::to_string(vni) + options + " || true");
    if (!said.empty()) return said;
    std::string error = ovs("ovs-vsctl get interface " + port + " error ofport");
    if (!error.starts_with("[]\n") || error.find("-1") != std::string::npos) return error;
  }
  make_station(peer_, "red", "st-red");
  make_station(other_, "blue", "st-blue");
  return {};
}

void OvsPeer::start_guest() {
  lab::Topology topology = two_ends(options_.format);
  topology.ipv6_underlay = options_.outer_v6;
  topology.underlay_mtu = 1700;
  topology.formats = nlohmann::json::parse(options_.formats);
  lab::GuestOptions guest;
  guest.kernel = options_.kernel;
  guest.devices = lab::card_with_vnic("tap,id=up0,vhost=off,fd=" + std::to_string(tap_),
                                      topology.write_policy("guest", work_.path("policy.json")));
  guest.append = std::string("gh.ip=") + kGuest4 + "/24," + kGuest6 + "/64";
  guest_ = std::make_unique<lab::Guest>(work_, guest);
  guest_->wait_ready();
  guest_->agent().check("gh-wait carrier eth0 60000", seconds(70));
}

void OvsPeer::meet() {
  guest_->agent().wait_for("ping -c 1 -W 1 " + std::string(kPeer4), seconds(30));
}

uint64_t OvsPeer::taken_by_flow(unsigned cookie) {
  ovs("ovs-appctl revalidator/wait");  // else what its data path has counted is not told yet
  const std::string flows =
      ovs("ovs-ofctl dump-flows red cookie=" + std::to_string(cookie) + "/-1");
  const size_t at = flows.find("n_packets=");
  if (at == std::string::npos) throw lab::Failure("no such flow: " + flows);
  return std::stoull(flows.substr(at + 10));
}

}  // namespace gatehouse::peers
