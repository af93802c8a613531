// SPDX-License-Identifier: GPL-2.0-or-later
// Whose a frame of the underlay is, told by the policy's text alone and not by the card's tables.
#ifndef GATEHOUSE_TESTS_FUZZ_OWNERS_HH_
#define GATEHOUSE_TESTS_FUZZ_OWNERS_HH_

#include <span>

#include "hw/core/policy/policy.hh"

namespace gatehouse::fuzz {

struct Owners {
  // Bit i: the frame is in the tunnel of vnic i's tenant. A segment of a TCP-shaped tunnel has its
  // tenant in another segment maybe: it counts as everybody's whose tunnel is such a one.
  uint32_t vnics = 0;
  bool neighbour = false;  // the underlay's own ARP or ND
  bool copy = false;       // of the mirror session
};

// Checks nothing: also of a frame that no card takes.
Owners owners_of(const policy::Policy& policy, std::span<const uint8_t> frame);

// The vnics of one tenant, `vnic` among them.
uint32_t tenants_vnics(const policy::Policy& policy, unsigned vnic);

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_OWNERS_HH_
