// SPDX-License-Identifier: GPL-2.0-or-later
// Whether the description of a format holds together: fields lie inside the header and apart from
// each other, what is sent would be recognised, lengths can be expressed. What passes here can
// neither make the card read outside a frame nor write outside a header.
#ifndef GATEHOUSE_HW_CORE_POLICY_FORMAT_RULES_HH_
#define GATEHOUSE_HW_CORE_POLICY_FORMAT_RULES_HH_

#include <cstdint>
#include <optional>
#include <string>

#include "hw/core/policy/policy.hh"

namespace gatehouse::policy {

struct FormatFinding {
  const char* member;   // the policy file's name for it
  std::string problem;  // what is wrong, and what to write instead
};

// The first thing wrong. The name is not looked at.
std::optional<FormatFinding> check_format(const Format& format);

// What two formats of one outer protocol and port are to a receiver.
enum class Likeness : uint8_t {
  kOther,      // other protocol or port, or an id that tells them apart
  kSame,       // read alike: one reception serves both
  kConfusing,  // one frame could be either, and is read in two ways
};
Likeness likeness(const Format& one, const Format& other);

// The finding for kConfusing.
FormatFinding confusing(const Format& format, const Format& other);

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_FORMAT_RULES_HH_
