// SPDX-License-Identifier: GPL-2.0-or-later
// The Linux kernel as a router in namespaces of its own: nftables with connection tracking, a rate
// limit and rules against spoofing, then VXLAN. Frames come by a packet socket through a veth; at
// the underlay's other end they are dropped at once. What sending costs by itself is measured into
// a veth that drops everything, just before, and taken off.
#include <algorithm>

#include "tools/bench/peers/cpu.hh"
#include "tools/bench/peers/generator.hh"
#include "tools/bench/peers/peer.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::bench {
namespace {

constexpr double kSeconds = 0.7;

const std::string kFirewall =
    "table inet bench {\n"
    "  chain forward {\n"
    "    type filter hook forward priority 0; policy drop;\n"
    "    iifname \"in\" ether saddr != " +
    std::string(kSenderMac) +
    " drop\n"
    "    iifname \"in\" ip saddr != " +
    kSenderIp +
    " drop\n"
    "    limit rate over 4000 mbytes/second drop\n"
    "    ct state established,related accept\n"
    "    ct state invalid drop\n"
    "    iifname \"in\" tcp dport 25 drop\n"
    "    iifname \"in\" ct state new accept\n"
    "  }\n"
    "}\n";

std::string dropping(const char* interface) {
  return std::string(
             "nft -f - <<'END'\ntable netdev bench {\n  chain first {\n    type filter hook "
             "ingress device \"") +
         interface + "\" priority 0; policy drop;\n  }\n}\nEND\n";
}

class Kernel final : public Peer {
 public:
  Kernel(const lab::WorkDir&, unsigned core) : core_(core) {
    if (std::string why; !lab::Netns::available(&why)) throw lab::Failure(why);
    if (!lab::kernel_has_link_type("vxlan"))
      throw lab::Failure("this kernel has no vxlan (CONFIG_VXLAN; modprobe vxlan)");
    // Sender, router, and the far end of the underlay; the sender's second veth ends nowhere.
    connect(sender_, "out", router_, "in");
    connect(router_, "under", far_, "under");
    connect(sender_, "calibrate", far_, "calibrate");
    far_.sh(dropping("under"));
    far_.sh(
        "nft add chain netdev bench second '{ type filter hook ingress device \"calibrate\" "
        "priority 0; policy drop; }'");
    router_.sh(
        std::string("ip link set in address ") + kReceiverMac +
        "; ip addr add 10.0.0.254/32 dev in; ip route add " + kSenderIp +
        "/32 dev in; ip addr add "
        "192.168.0.1/16 dev under; ip neigh add 192.168.0.2 lladdr 02:00:00:00:00:02 dev under; "
        "ip link add vx type vxlan id 5 remote 192.168.0.2 dstport 4789 dev under; "
        "ip link set vx mtu 1500 up; ip addr add 10.255.0.1/32 dev vx; "
        "ip route add 10.255.0.2/32 dev vx; ip route add 10.0.0.0/8 via 10.255.0.2 dev vx; "
        "ip neigh add 10.255.0.2 lladdr 52:54:00:00:00:03 dev vx; sysctl -qw "
        "net.ipv4.ip_forward=1");
    router_.sh("nft -f - <<'END'\n" + kFirewall + "END\n");
    const double most = std::stod(router_.sh("sysctl -n net.netfilter.nf_conntrack_max"));
    most_flows_ = static_cast<uint32_t>(most * 0.95);
  }

  uint32_t most_flows() const override { return most_flows_; }
  void give(const FrameSize& size, uint32_t flows) override {
    traffic_ = std::make_unique<Traffic>(size, flows);
  }

  std::pair<double, double> beside(const std::function<double()>& ours) override {
    const double first = ours();
    return {first, rate()};
  }

 private:
  double rate() {
    const Sending alone = send_frames(sender_.name(), "calibrate", core_, *traffic_, kSeconds);
    const double before = encapsulated();
    const Sending all = send_frames(sender_.name(), "out", core_, *traffic_, kSeconds);
    require_through(all, encapsulated() - before);
    return 1 / (all.seconds / all.frames - alone.seconds / alone.frames);
  }

  static void connect(const lab::Netns& a, const char* of_a, const lab::Netns& b,
                      const char* of_b) {
    a.sh(std::string("ip link add ") + of_a + " type veth peer name " + of_b + " netns " +
         b.name());
    for (const auto& [net, interface] : {std::pair(&a, of_a), std::pair(&b, of_b)})
      net->sh(std::string("sysctl -qw net.ipv6.conf.") + interface +
              ".disable_ipv6=1; ip link set " + interface + " mtu 1600 up");
  }
  double encapsulated() const {
    return std::stod(router_.sh("cat /sys/class/net/vx/statistics/tx_packets"));
  }

  unsigned core_;
  uint32_t most_flows_ = 0;
  lab::Netns sender_{"send"}, router_{"route"}, far_{"far"};
  std::unique_ptr<Traffic> traffic_;
};

}  // namespace

std::unique_ptr<Peer> start_kernel(const lab::WorkDir& work, unsigned core) {
  return std::make_unique<Kernel>(work, core);
}

}  // namespace gatehouse::bench
