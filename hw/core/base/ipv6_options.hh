// SPDX-License-Identifier: GPL-2.0-or-later
// Options of IPv6's hop-by-hop and destination headers (RFC 8200 section 4.2).
#ifndef GATEHOUSE_HW_CORE_BASE_IPV6_OPTIONS_HH_
#define GATEHOUSE_HW_CORE_BASE_IPV6_OPTIONS_HH_

#include <cstdint>

namespace gatehouse {

// `options`: what stands behind next header and length, `length` octets of it. The address that
// Mobile IPv6's Home Address option (RFC 6275 section 6.3) puts in place of the header's source;
// null: there is none.
inline const uint8_t* home_address(const uint8_t* options, uint32_t length) {
  constexpr uint8_t kPad1 = 0, kHomeAddress = 0xc9;
  for (uint32_t at = 0; at < length;) {
    if (options[at] == kPad1) {
      ++at;
      continue;
    }
    if (at + 2 > length || at + 2 + options[at + 1] > length) return nullptr;
    if (options[at] == kHomeAddress && options[at + 1] == 16) return options + at + 2;
    at += 2u + options[at + 1];
  }
  return nullptr;
}

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_IPV6_OPTIONS_HH_
