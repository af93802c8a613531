// SPDX-License-Identifier: GPL-2.0-or-later
// ARP and Neighbor Discovery of the overlay: what a frame asks for, and the answer in its place.
// Who has which address is not known here: the caller asks the mapping between the two calls.
#ifndef GATEHOUSE_HW_CORE_RESOLVE_RESOLVE_HH_
#define GATEHOUSE_HW_CORE_RESOLVE_RESOLVE_HH_

#include <cstdint>

#include "hw/core/base/address.hh"
#include "hw/core/base/packet.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::resolve {

enum class Kind : uint8_t {
  kNone,          // no ARP, no ND: goes on
  kArpRequest,    // who has `target`?
  kArpProbe,      // the same from 0.0.0.0: is `target` taken? (RFC 5227)
  kSolicitation,  // Neighbor Solicitation for `target`
  kDadProbe,      // the same from ::  (RFC 4862)
  kRouterSolicitation,
  kRouterAdvertisement,
  kClaim,  // ARP reply, gratuitous ARP, advertisement, redirect: tells, asks nothing
};

struct Question {
  Kind kind = Kind::kNone;
  IpAddress target;
};

// `packet`: parsed, with reason none.
Question classify(const Packet& packet);

// Who has the address that is asked for. ARP knows no routers.
struct Owner {
  MacAddress mac;
  bool router = false;
};

// Turns the question in `packet` into its answer: `owner` has `target`. Fills packet.layers'
// lengths anew; checksums are complete. The frame may grow by 8 octets (a target link-layer address
// option). False: the packet has no room, or is no question.
[[nodiscard]] bool answer(Packet& packet, const Question& question, const Owner& owner);

}  // namespace gatehouse::resolve

#endif  // GATEHOUSE_HW_CORE_RESOLVE_RESOLVE_HH_
