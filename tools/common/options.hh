// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_COMMON_OPTIONS_HH_
#define GATEHOUSE_TOOLS_COMMON_OPTIONS_HH_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hw/core/base/status.hh"

namespace gatehouse::common {

struct OptionRow {
  const char* name;   // with its dashes: "--listen"
  const char* value;  // what stands behind it: "a|b" one of these, "1..8" a number in this range,
                      // else a word for the help; null: nothing
  const char* text;
  bool required = false;
  bool repeatable = false;
};

// A command line, checked against its rows. `--name value` and `--name=value` are the same. Where
// there is a row "--", all that follows it are its values.
class Options {
 public:
  static Result<Options> parse(std::span<const OptionRow> rows,
                               const std::vector<std::string>& arguments);

  bool has(std::string_view name) const { return values_.contains(name); }
  std::string get(std::string_view name, std::string_view otherwise = "") const;
  const std::vector<std::string>& all(std::string_view name) const;
  // Numbers are decimal; `otherwise` when the option is absent.
  Result<uint64_t> number(std::string_view name, uint64_t low, uint64_t high,
                          uint64_t otherwise) const;
  // Of a row with a range.
  uint64_t number(std::string_view name, uint64_t otherwise) const;
  Result<double> fraction(std::string_view name, double low, double high, double otherwise) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// "usage: gatehouse-tool switch --listen ADDRESS ..." and one line for each option.
std::string usage(std::string_view command, std::string_view text, std::span<const OptionRow> rows);

}  // namespace gatehouse::common

#endif  // GATEHOUSE_TOOLS_COMMON_OPTIONS_HH_
