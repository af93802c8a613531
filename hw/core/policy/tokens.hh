// SPDX-License-Identifier: GPL-2.0-or-later
// Where things stand in a JSON text. The JSON library tells values but not their places, so that a
// place is found by a second look at the text, and only when there is something to complain about.
#ifndef GATEHOUSE_HW_CORE_POLICY_TOKENS_HH_
#define GATEHOUSE_HW_CORE_POLICY_TOKENS_HH_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::policy {

// Line and column as editors count them: from 1, in characters (UTF-8).
struct Place {
  size_t line = 1;
  size_t column = 1;
};
Place place_of(std::string_view text, size_t offset);

// One step from the root to a value: a member's name, or an index into a list.
struct Step {
  std::string member;
  size_t index = 0;
  bool is_index = false;
  static Step to(std::string_view name) { return {std::string(name), 0, false}; }
  static Step at(size_t index) { return {std::string(), index, true}; }
};
using Path = std::vector<Step>;
std::string to_string(const Path& path);  // "vnics[1].mac"; "policy" for the root

// The JSON library's events and these tokens are the same, one for one: { } [ ] keys strings
// numbers true false null. Commas and colons are none. The text before the place that is looked for
// must have been accepted by the library.
class Tokens {
 public:
  explicit Tokens(std::string_view text);
  // Offset of the next token, which is then skipped; the text's length at its end.
  size_t next();
  std::string_view text(size_t offset) const { return text_.substr(offset, position_ - offset); }

 private:
  std::string_view text_;
  size_t position_ = 0;
};

size_t offset_of_token(std::string_view text, uint64_t index);
// Offset of the value at the path. When its last step is not there: of the value before it.
size_t offset_of_path(std::string_view text, const Path& path);

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_TOKENS_HH_
