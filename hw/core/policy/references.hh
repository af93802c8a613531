// SPDX-License-Identifier: GPL-2.0-or-later
// What no single member can tell: names that must exist, names and addresses that must be there
// once, values that must fit together.
#ifndef GATEHOUSE_HW_CORE_POLICY_REFERENCES_HH_
#define GATEHOUSE_HW_CORE_POLICY_REFERENCES_HH_

#include <optional>
#include <string>
#include <string_view>

#include "hw/core/policy/policy.hh"
#include "hw/core/policy/tokens.hh"

namespace gatehouse::policy {

struct Finding {
  Path path;
  std::string problem;  // what is wrong, and what to write instead
};

// Whether a tenant names the shipped format, and no declared one is called so.
bool uses_shipped(const Policy& policy, std::string_view name);

// The first thing wrong, in the order formats, uplinks, groups, firewalls, meters, tenants,
// mirrors, vnics, mappings. `formats` does not hold shipped ones yet.
std::optional<Finding> check_references(const Policy& policy);

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_REFERENCES_HH_
