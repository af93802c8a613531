// SPDX-License-Identifier: GPL-2.0-or-later
// How a policy file writes places in a tunnel header, in short:
//   "4:24"         24 bits that begin at octet 4
//   "0.2:6"        6 bits that begin at bit 2 of octet 0
//   "0.2:6*4+8"    a length: what stands there, times 4, plus 8
//   "0:0800/ff00"  at octet 0, as far as the mask has bits, stands 0800; no mask: all bits
#ifndef GATEHOUSE_HW_CORE_POLICY_PLACES_HH_
#define GATEHOUSE_HW_CORE_POLICY_PLACES_HH_

#include <optional>
#include <string_view>

#include "hw/core/policy/policy.hh"

namespace gatehouse::policy {

// Nothing: the text is not of the form. Whether the place is a sensible one: format_rules.hh.
std::optional<Field> parse_field(std::string_view text);
std::optional<LengthRule> parse_length_rule(std::string_view text);
std::optional<Match> parse_match(std::string_view text);

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_PLACES_HH_
