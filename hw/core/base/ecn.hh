// SPDX-License-Identifier: GPL-2.0-or-later
// The ECN field of IP headers (RFC 3168 section 5): two bits of TOS or traffic class.
#ifndef GATEHOUSE_HW_CORE_BASE_ECN_HH_
#define GATEHOUSE_HW_CORE_BASE_ECN_HH_

#include <cstdint>

namespace gatehouse {

enum Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_ECN_HH_
