// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/kernel_peer.hh"

#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "hw/card/uplink/virtio_header.hh"

namespace gatehouse::peers {
KernelPeer::KernelPeer(const PeerOptions& options) : options_(options) {
  const int tap = peer_.open_tap("tap0", options_.underlay_mtu, /*vnet_hdr=*/true);
  tap_cuts_ = ioctl(tap, TUNSETOFFLOAD, uplink::kTunnelOffloads) == 0;
  ioctl(tap, TUNSETOFFLOAD, 0);  // as a new tap has it
  lab::GuestOptions guest;
  guest.kernel = options_.kernel;
  guest.devices = lab::card_with_vnic("tap,id=up0,vhost=off,fd=" + std::to_string(tap),
                                      plan().write_policy("guest", work_.path("policy.json")));
  if (options_.offload) guest.devices[3] += ",offload=on";
  guest.append = std::string("gh.ip=") + kGuest4 + "/24," + kGuest6 + "/64";
  guest_ = std::make_unique<lab::Guest>(work_, guest);
  peer_.sh("ip addr add 10.99.0.2/24 dev tap0; ip addr add fd99::2/64 dev tap0 nodad; " +
           tunnel_device());
  guest_->wait_ready();
  guest_->agent().check(
      "gh-wait carrier eth0 60000; ip link set eth0 mtu " + std::to_string(options_.overlay_mtu),
      std::chrono::seconds(70));
  guest_->agent().wait_for("ping -c 1 -W 1 " + std::string(kPeer4), std::chrono::seconds(60));
}

lab::Topology KernelPeer::plan() const {
  const bool mended = judged_by_rewritten_vxlan() && options_.ipv6_underlay;
  const std::string format = mended ? "geneve-zero" : options_.format;
  lab::Topology topology = two_ends(format);
  topology.ipv6_underlay = options_.ipv6_underlay;
  topology.underlay_mtu = options_.underlay_mtu;
  topology.formats = options_.formats;
  if (mended) {
    // nftables does not mend the UDP checksum, which IPv6 otherwise demands (RFC 6935 permits zero
    // for tunnels).
    topology.formats.push_back(
        {{"name", format}, {"kind", "geneve"}, {"zero_checksum_ipv6", true}});
  }
  return topology;
}

bool KernelPeer::judged_by_rewritten_vxlan() const {
  return options_.format == "geneve" && !lab::kernel_has_link_type("geneve");
}

std::string KernelPeer::tunnel_device() const {
  const std::string remote = options_.ipv6_underlay ? "fd99::1" : "10.99.0.1";
  const std::string id = std::to_string(kVni);
  std::string made;
  if (options_.format == "geneve" && !judged_by_rewritten_vxlan()) {
    made = "ip link add tun0 type geneve id " + id + " remote " + remote + "; ";
  } else {
    const bool geneve = options_.format == "geneve";
    made = "ip link add tun0 type vxlan id " + id + " remote " + remote + " dstport " +
           (geneve ? "6081" : "4789") +
           (geneve && options_.ipv6_underlay ? " udp6zerocsumtx udp6zerocsumrx; " : "; ");
    if (geneve) {
      // RFC 8926 against RFC 7348: one word differs.
      made +=
          "nft add table netdev g; nft 'add chain netdev g i { type filter hook ingress device "
          "tap0 priority 0; }'; "
          "nft 'add rule netdev g i udp dport 6081 @th,64,32 set 0x08000000'; "
          "nft 'add chain netdev g e { type filter hook egress device tap0 priority 0; }'; "
          "nft 'add rule netdev g e udp dport 6081 @th,64,32 set 0x00006558'; ethtool -K tun0 tx "
          "off; ";
    }
  }
  made += std::string("ip link set tun0 address ") + kPeerMac + " mtu " +
          std::to_string(options_.overlay_mtu) + " up; ip addr add " + kPeer4 +
          "/24 dev tun0; ip addr add " + kPeer6 + "/64 dev tun0 nodad; ";
  if (options_.static_neighbours) {
    made += std::string("ip neigh replace ") + kGuest4 + " lladdr " + kGuestMac + " dev tun0; ";
  }
  return made;
}

}  // namespace gatehouse::peers
