// SPDX-License-Identifier: GPL-2.0-or-later
// A guest on a card, a tap, and Open vSwitch at the other end: its userspace data path, run from a
// directory of its own inside a namespace, so that it neither needs nor touches what the machine
// runs. Two stations are behind its tunnel ports: one of the guest's tenant, one of another.
#ifndef GATEHOUSE_TESTS_PEERS_OVS_PEER_HH_
#define GATEHOUSE_TESTS_PEERS_OVS_PEER_HH_

#include <memory>
#include <string>
#include <vector>

#include "tests/peers/streams.hh"
#include "tests/peers/two_ends.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::peers {

struct OvsOptions {
  std::string format;
  std::string formats = "[]";  // JSON: more members of the policy's "formats"
  bool outer_v6 = false;
  std::string type;  // of the tunnel ports
  std::vector<std::string> port_options{};
  std::string kernel = "6.1";
};

class OvsPeer {
 public:
  // What this machine lacks for it; empty: nothing.
  static std::string missing();

  explicit OvsPeer(const OvsOptions& options);

  // Why the tunnel port does not work, as Open vSwitch says; empty: it does. Until then there is no
  // guest.
  const std::string& refusal() const { return refusal_; }

  // Waits until the guest reaches its peer.
  void meet();

  lab::Guest& guest() { return *guest_; }
  // Each station has a namespace; "peer" is the guest's tenant's, "other" is not.
  lab::Netns& peer() { return peer_; }
  lab::Netns& other() { return other_; }
  // ovs-vsctl, ovs-ofctl or ovs-appctl and its words, by a shell.
  std::string ovs(const std::string& command);
  // Frames that the flow with this cookie of bridge red has taken.
  uint64_t taken_by_flow(unsigned cookie);

  void stream_to_peer(const std::string& address) {
    peers::stream_to_peer(*guest_, peer_, work_, address);
  }
  void stream_to_guest(const std::string& address) {
    peers::stream_to_guest(*guest_, peer_, work_, address);
  }
  uint64_t drops(const std::string& reason) { return drops_of(*guest_, reason); }

 private:
  void start_switch();
  std::string make_bridges();
  void make_station(lab::Netns& net, const std::string& bridge, const std::string& port);
  void start_guest();

  OvsOptions options_;
  lab::WorkDir work_{"ovs"};
  lab::Netns net_{"ovs"}, peer_{"ovs-peer"}, other_{"ovs-other"};
  int tap_ = -1;
  std::string refusal_;
  std::unique_ptr<lab::Process> database_, switch_;
  std::unique_ptr<lab::Guest> guest_;
};

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_OVS_PEER_HH_
