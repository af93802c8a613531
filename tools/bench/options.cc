// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/options.hh"

#include <charconv>
#include <sstream>

#include "tools/lab/failure.hh"

namespace gatehouse::bench {

bool Options::wants(const std::string& row) const {
  if (rows.empty()) return true;
  for (const std::string& part : rows) {
    if (row.find(part) != std::string::npos) return true;
  }
  return false;
}

Options read_options(const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const std::string& option = arguments[i];
    const std::string value = i + 1 < arguments.size() ? arguments[i + 1] : "";
    if (option == "--json" && !value.empty()) {
      options.json = value;
    } else if (option == "--rows" && !value.empty()) {
      std::istringstream parts(value);
      for (std::string part; std::getline(parts, part, ',');) options.rows.push_back(part);
    } else if (option == "--pairs") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), options.pairs);
      if (error != std::errc() || *end != 0 || options.pairs < 1 || options.pairs > 100) {
        throw lab::Failure("--pairs takes a number from 1 to 100, not '" + value + "'");
      }
    } else {
      throw lab::Failure(
          "'" + option +
          "' is not understood; options are --pairs N, --rows NAME,..., --json FILE");
    }
  }
  return options;
}

}  // namespace gatehouse::bench
