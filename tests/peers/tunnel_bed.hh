// SPDX-License-Identifier: GPL-2.0-or-later
// One guest that is both ends: a station behind the card's vnic, in a network namespace of its own,
// and the peer, whose network card is wired to the card's uplink. So the peer is the guest's
// kernel, which has every tunnel device that Debian's kernels have, whatever the host's kernel is.
// Needs no root.
#ifndef GATEHOUSE_TESTS_PEERS_TUNNEL_BED_HH_
#define GATEHOUSE_TESTS_PEERS_TUNNEL_BED_HH_

#include <memory>
#include <string>

#include "tests/peers/two_ends.hh"

namespace gatehouse::peers {

struct TunnelOptions {
  std::string format;     // a name among the shipped ones or of `formats`
  std::string formats{};  // JSON: more members of the policy's "formats"
  bool outer_v6 = false;
  unsigned vni = kVni;   // of the station's tenant
  std::string before{};  // what the peer does before it makes its devices
  // Behind `ip link add tun0 type`, with @L and @R for the underlay's addresses and @V for the VNI.
  // Where that stands in it there is a second device, tun1, for kOtherVni.
  std::string link{};
  unsigned underlay_mtu = 1700;
  unsigned overlay_mtu = 1500;  // 0: what the peer's kernel chooses for its device
  std::string kernel = "6.1";
  bool mirrored = false;  // the station's frames, in a session that ends at a third device, mir0
};

inline constexpr unsigned kMirrorVni = 0x2329;

class TunnelBed {
 public:
  // Throws lab::Failure, with what the guest said, when it has no such device.
  explicit TunnelBed(const TunnelOptions& options);

  // A shell script at either end. station() and peer() throw when it ends with anything but 0.
  std::string station(const std::string& script);
  std::string peer(const std::string& script);
  lab::CommandResult try_station(const std::string& script);
  lab::CommandResult try_peer(const std::string& script);
  // Behind tun1, the tunnel of another tenant with the peer's own overlay addresses.
  lab::CommandResult try_other(const std::string& script);

  // Some MB over TCP, compared octet for octet where they arrive.
  void stream_to_peer(const std::string& address);
  void stream_to_station(const std::string& address);

  // Of the card.
  uint64_t drops(const std::string& reason) { return drops_of(*guest_, reason); }
  nlohmann::json card();
  lab::WorkDir& work() { return work_; }
  lab::Guest& guest() { return *guest_; }

 private:
  void stream(const std::string& from, const std::string& to, const std::string& address);

  lab::WorkDir work_{"tunnel"};
  std::unique_ptr<lab::Guest> guest_;
};

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_TUNNEL_BED_HH_
