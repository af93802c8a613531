// SPDX-License-Identifier: GPL-2.0-or-later
// Any tunnel headers in front of what comes from a tap, in the kernel: a BPF program that its
// segmentation (GSO) believes to be a tunnel device. So it cuts super-frames of tunnels for which
// it has no device.
#ifndef GATEHOUSE_TESTS_PEERS_KERNEL_ENCAP_HH_
#define GATEHOUSE_TESTS_PEERS_KERNEL_ENCAP_HH_

#include <cstdint>
#include <string>
#include <vector>

#include "tools/lab/netns.hh"
#include "tools/lab/process.hh"

namespace gatehouse::peers {

enum class Carrier : uint8_t { kUdp, kGre, kIp };  // kIp: IP in IP

struct Encapsulation {
  std::vector<uint8_t> headers;  // from the outer Ethernet header to the inner one, if there is one
  bool outer_v6 = false;
  Carrier carrier = Carrier::kGre;
  bool ethernet_inside = true;
};

// Frames that come in at `from` leave at `to`, both interfaces of `net`. Throws Failure.
void encapsulate_in_kernel(lab::Netns& net, lab::WorkDir& work, const std::string& from,
                           const std::string& to, const Encapsulation& what);

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_KERNEL_ENCAP_HH_
