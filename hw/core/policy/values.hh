// SPDX-License-Identifier: GPL-2.0-or-later
// From a JSON scalar to a checked value, and the words for what is wrong with it.
#ifndef GATEHOUSE_HW_CORE_POLICY_VALUES_HH_
#define GATEHOUSE_HW_CORE_POLICY_VALUES_HH_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/core/policy/schema.hh"

namespace gatehouse::policy {

struct Scalar {
  enum class Kind : uint8_t { kNull, kBoolean, kInteger, kOtherNumber, kString } kind = Kind::kNull;
  bool boolean = false;
  uint64_t integer = 0;
  std::string_view text = {};  // the string's value; for other numbers, as the file has it
};

// Text from a file as it may stand in a message: quoted, without control characters, not longer
// than a line.
std::string in_quotes(std::string_view text);

// Two digits for each octet, blanks between octets allowed.
std::optional<std::vector<uint8_t>> parse_hex(std::string_view text);

std::string as_written(const Scalar& scalar);

// Empty: `value` is set. Else one clause that says what is wrong and what to write instead.
std::string read_value(const Member& member, const Scalar& scalar, Value& value);
// The same clause for a value that has not even the right JSON type; `given` is for example "a
// list".
std::string wrong_value(const Member& member, std::string_view given);
// "six octets like "52:54:00:00:00:01"": what may stand there.
std::string what_to_write(const Member& member);

// The known word that a mistyped one resembles most; empty when none does.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_VALUES_HH_
