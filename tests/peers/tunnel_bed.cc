// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/tunnel_bed.hh"

#include <chrono>
#include <utility>

namespace gatehouse::peers {
namespace {

using std::chrono::seconds;

constexpr const char* kWireMac = "52:54:00:00:99:02";
constexpr const char* kInStation = "ip netns exec station sh -ec ";
constexpr const char* kInOther = "ip netns exec other sh -ec ";

std::string quoted(std::string script) {
  for (size_t at = 0; (at = script.find('\'', at)) != std::string::npos; at += 4) {
    script.replace(at, 1, "'\\''");
  }
  return "'" + script + "'";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

lab::Topology topology_of(const TunnelOptions& options) {
  lab::Topology topology = two_ends(options.format, options.vni);
  topology.ipv6_underlay = options.outer_v6;
  topology.underlay_mtu = options.underlay_mtu;
  if (!options.formats.empty()) topology.formats = nlohmann::json::parse(options.formats);
  return topology;
}

std::string write_policy(const TunnelOptions& options, const std::string& path) {
  nlohmann::json policy = topology_of(options).policy_of("guest");
  if (options.mirrored) {
    policy["mirrors"] = {{{"name", "watch"},
                          {"tenant", "red"},
                          {"peer", options.outer_v6 ? "fd99::2" : "10.99.0.2"},
                          {"vni", kMirrorVni}}};
    policy["vnics"][0]["mirror"] = "watch";
  }
  lab::write_file(path, policy.dump(2) + "\n");
  return path;
}

std::string device(const TunnelOptions& options, const std::string& name, unsigned vni) {
  std::string link = replaced(options.link, "@L", options.outer_v6 ? "fd99::2" : "10.99.0.2");
  link = replaced(link, "@R", options.outer_v6 ? "fd99::1" : "10.99.0.1");
  link = replaced(link, "@V", std::to_string(vni));
  return "ip link add " + name + " type " + link + "\n";
}

std::string addresses(const std::string& interface, const std::string& ipv4,
                      const std::string& ipv6) {
  return "ip addr add " + ipv4 + "/24 dev " + interface + "\nip addr add " + ipv6 + "/64 dev " +
         interface + " nodad\n";
}

// tun1 is told where the station is: else its question would be all that it sends.
std::string plan_of(const TunnelOptions& options) {
  const std::string mtu =
      options.overlay_mtu == 0 ? "" : " mtu " + std::to_string(options.overlay_mtu);
  std::string script =
      "interface() { grep -l $1 /sys/class/net/*/address | cut -d/ -f5; }\n"
      "for name in station other; do\n"
      "  ip netns add $name\n  ip netns exec $name ip link set lo up\ndone\n"
      "vnic=$(interface " +
      std::string(kGuestMac) + ")\nip link set $vnic netns station name eth0\n" + kInStation +
      quoted(addresses("eth0", kGuest4, kGuest6) +
             "ip link set eth0 up\ngh-wait carrier eth0 60000") +
      "\nwire=$(interface " + kWireMac + ")\nip link set $wire name wire mtu " +
      std::to_string(options.underlay_mtu) + " up\n" + addresses("wire", "10.99.0.2", "fd99::2") +
      options.before + "\n" + device(options, "tun0", options.vni);
  const bool has_tenants = options.link.find("@V") != std::string::npos;
  const std::string up = "[ $(cat /sys/class/net/@N/type) != 1 ] || ip link set @N address " +
                         std::string(kPeerMac) + "\nip link set @N" + mtu + " up\n" +
                         addresses("@N", kPeer4, kPeer6);
  script += replaced(up, "@N", "tun0");
  if (has_tenants) {
    script += device(options, "tun1", kOtherVni) + "ip link set tun1 netns other\n" + kInOther +
              quoted(replaced(up, "@N", "tun1") +
                     "[ $(cat /sys/class/net/tun1/type) != 1 ] || ip neigh replace " + kGuest4 +
                     " lladdr " + kGuestMac + " dev tun1");
  }
  if (options.mirrored)
    script += "\n" + device(options, "mir0", kMirrorVni) + "ip link set mir0 up\n";
  return script;
}

}  // namespace

TunnelBed::TunnelBed(const TunnelOptions& options) {
  lab::GuestOptions guest;
  guest.kernel = options.kernel;
  guest.devices = lab::card_with_vnic("hubport,id=up0,hubid=0",
                                      write_policy(options, work_.path("policy.json")));
  guest.devices.insert(guest.devices.end(),
                       {"-netdev", "hubport,id=wire,hubid=0", "-device",
                        std::string("virtio-net-pci,netdev=wire,mac=") + kWireMac + ",romfile="});
  guest.append = "gh.modules=e1000e,virtio_pci,virtio_net gh.up=0";
  guest_ = std::make_unique<lab::Guest>(work_, guest);
  guest_->wait_ready();
  // The drivers are loaded behind the agent's back.
  guest_->agent().wait_for("grep -q " + std::string(kWireMac) +
                               " /sys/class/net/*/address && grep -q " + kGuestMac +
                               " /sys/class/net/*/address",
                           seconds(60));
  peer(plan_of(options));
}

std::string TunnelBed::station(const std::string& script) {
  return guest_->agent().check(kInStation + quoted(script));
}
std::string TunnelBed::peer(const std::string& script) {
  return guest_->agent().check("sh -ec " + quoted(script));
}
lab::CommandResult TunnelBed::try_station(const std::string& script) {
  return guest_->agent().run(kInStation + quoted(script));
}
lab::CommandResult TunnelBed::try_peer(const std::string& script) {
  return guest_->agent().run(script);
}
lab::CommandResult TunnelBed::try_other(const std::string& script) {
  return guest_->agent().run(kInOther + quoted(script));
}

void TunnelBed::stream_to_peer(const std::string& address) {
  stream("ip netns exec station ", "", address);
}
void TunnelBed::stream_to_station(const std::string& address) {
  stream("", "ip netns exec station ", address);
}

void TunnelBed::stream(const std::string& from, const std::string& to, const std::string& address) {
  // The listener's own input never ends: at its end it would hang up.
  peer(
      "[ -e /tmp/data ] || dd if=/dev/urandom of=/tmp/data bs=64k count=64 2>/dev/null\n"
      "[ -e /tmp/never ] || mkfifo /tmp/never\n"
      "exec 3<>/tmp/never\n" +
      to + "busybox nc -l -p 7001 <&3 >/tmp/got &\n" + to + "gh-wait tcp 7001 10000\n" + from +
      "busybox nc -w 10 " + address + " 7001 </tmp/data\nwait $!\nbusybox cmp /tmp/data /tmp/got");
}

nlohmann::json TunnelBed::card() { return guest_->qmp().execute("query-gatehouse").at(0); }

}  // namespace gatehouse::peers
