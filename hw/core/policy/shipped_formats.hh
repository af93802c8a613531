// SPDX-License-Identifier: GPL-2.0-or-later
// The formats that come with the card, as descriptions: nothing here that a policy file could not
// say.
#ifndef GATEHOUSE_HW_CORE_POLICY_SHIPPED_FORMATS_HH_
#define GATEHOUSE_HW_CORE_POLICY_SHIPPED_FORMATS_HH_

#include <string_view>
#include <vector>

#include "hw/core/policy/policy.hh"

namespace gatehouse::policy {

// A policy file with nothing but formats.
std::string_view shipped_formats_text();

// In the text's order.
const std::vector<Format>& shipped_formats();

// Null: none has the name.
const Format* shipped_format(std::string_view name);

// The first of them are in every policy: `vxlan` and `geneve`.
inline constexpr size_t kBuiltinFormats = 2;

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_SHIPPED_FORMATS_HH_
