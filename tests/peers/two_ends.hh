// SPDX-License-Identifier: GPL-2.0-or-later
// Who the two ends of a tunnel are: a vnic behind the card, and its peer, in one tenant.
#ifndef GATEHOUSE_TESTS_PEERS_TWO_ENDS_HH_
#define GATEHOUSE_TESTS_PEERS_TWO_ENDS_HH_

#include <string>

#include "tools/lab/guest.hh"
#include "tools/lab/topology.hh"

namespace gatehouse::peers {

inline constexpr const char* kGuestMac = "52:54:00:00:00:01";
inline constexpr const char* kGuest4 = "192.168.0.1";
inline constexpr const char* kGuest6 = "fd00::1";
inline constexpr const char* kPeerMac = "52:54:00:00:00:02";
inline constexpr const char* kPeer4 = "192.168.0.2";
inline constexpr const char* kPeer6 = "fd00::2";
inline constexpr unsigned kVni = 0xABCDE;
inline constexpr unsigned kOtherVni = 0xABCDF;  // of a tenant that the card does not know

// Hosts "guest" (10.99.0.1, fd99::1) with vnic0, and "peer" (10.99.0.2, fd99::2), both in tenant
// "red", which has this format.
lab::Topology two_ends(const std::string& format, unsigned vni = kVni);

// What the guest's card has dropped for this reason.
uint64_t drops_of(lab::Guest& guest, const std::string& reason);

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_TWO_ENDS_HH_
