// SPDX-License-Identifier: GPL-2.0-or-later
// A guest on a card, a tap, and the kernel's own tunnel device in a namespace at the other end.
#ifndef GATEHOUSE_TESTS_PEERS_KERNEL_PEER_HH_
#define GATEHOUSE_TESTS_PEERS_KERNEL_PEER_HH_

#include <memory>
#include <string>

#include "tests/peers/two_ends.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::peers {

struct PeerOptions {
  std::string format = "vxlan";  // or "geneve"
  bool ipv6_underlay = false;
  unsigned underlay_mtu = 1700;
  unsigned overlay_mtu = 1500;
  std::string kernel = "6.1";
  bool offload = false;            // the card's offload=on
  bool static_neighbours = false;  // the peer knows the guest's MAC; else it asks over the tunnel
  nlohmann::json formats = nlohmann::json::array();
};

class KernelPeer {
 public:
  explicit KernelPeer(const PeerOptions& options);

  lab::Guest& guest() { return *guest_; }
  lab::Netns& peer() { return peer_; }
  lab::WorkDir& work() { return work_; }
  // Whether the tap's kernel takes, and gives, tunnelled super-frames. The stand-in for geneve
  // gives none: its header is rewritten, so that it must leave nothing to the tap.
  bool tap_cuts() const { return tap_cuts_; }
  bool tap_gives_uncut() const { return tap_cuts_ && !judged_by_rewritten_vxlan(); }

 private:
  lab::Topology plan() const;
  std::string tunnel_device() const;
  // The kernel has no geneve, and its vxlan device stands in for it.
  bool judged_by_rewritten_vxlan() const;

  PeerOptions options_;
  lab::WorkDir work_{"peer"};
  lab::Netns peer_{"peer"};
  bool tap_cuts_ = false;
  std::unique_ptr<lab::Guest> guest_;
};

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_KERNEL_PEER_HH_
