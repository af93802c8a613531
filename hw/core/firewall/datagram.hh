// SPDX-License-Identifier: GPL-2.0-or-later
// What the firewall wants to know of a datagram beyond what parse found: which fragment it is, and
// what an ICMP error quotes.
#ifndef GATEHOUSE_HW_CORE_FIREWALL_DATAGRAM_HH_
#define GATEHOUSE_HW_CORE_FIREWALL_DATAGRAM_HH_

#include <cstdint>

#include "hw/core/base/flow_key.hh"
#include "hw/core/base/layers.hh"

namespace gatehouse::firewall {

enum class Kind : uint8_t {
  kTcp,
  kUdp,
  kEcho,       // ICMP, ICMPv6: question or answer
  kError,      // ICMP, ICMPv6: about another datagram
  kOtherIcmp,  // each frame by itself
  kOther,      // another protocol: by its addresses
  kExempt,     // no IP, or Neighbor Discovery: resolve's business
};
Kind kind_of_others(const uint8_t* frame, const Layers& layers);  // neither TCP nor UDP
// Not for fragments but the first.
inline Kind kind_of(const uint8_t* frame, const Layers& layers) {
  if (layers.l4 == L4::kUdp) return Kind::kUdp;
  return layers.l4 == L4::kTcp ? Kind::kTcp : kind_of_others(frame, layers);
}
// Of a kEcho.
bool is_echo_answer(const uint8_t* frame, const Layers& layers);

// Octets are counted from where the datagram's fragments begin.
struct Fragment {
  uint32_t identification = 0;
  uint32_t offset = 0;
  uint32_t headers = 0;  // the first one: so far do its headers go
};
// layers.fragment is set.
Fragment fragment_of(const uint8_t* frame, const Layers& layers);
// The name of its datagram, by addresses, protocol and identification.
FlowKey fragment_key(const uint8_t* frame, const Layers& layers, const Fragment& fragment,
                     FlowDirection direction, uint16_t owner);

struct Quotation {
  FlowEnds ends;
  bool tcp = false;
  uint32_t sequence = 0;  // of TCP
};
// A kError. False: it quotes nothing that tells the connection, or something that the error's
// receiver did not send.
bool quotation_of(const uint8_t* frame, const Layers& layers, Quotation& quotation);

}  // namespace gatehouse::firewall

#endif  // GATEHOUSE_HW_CORE_FIREWALL_DATAGRAM_HH_
