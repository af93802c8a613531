// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/test/skips.hh"

#include <algorithm>
#include <sstream>

namespace gatehouse::test {

std::vector<Skip> read_skips(std::string_view printed) {
  constexpr std::string_view kRun = "[ RUN      ] ", kSkipped = ": Skipped", kPrefix = "skipped: ";
  std::vector<Skip> skips;
  std::istringstream lines{std::string(printed)};
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kRun)) name = line.substr(kRun.size());
    if (!line.ends_with(kSkipped) || !std::getline(lines, line)) continue;
    if (line.starts_with(kPrefix)) line.erase(0, kPrefix.size());
    auto same = std::find_if(skips.begin(), skips.end(),
                             [&line](const Skip& skip) { return skip.reason == line; });
    if (same == skips.end()) same = skips.insert(same, {line, 0, name});
    ++same->tests;
  }
  return skips;
}

}  // namespace gatehouse::test
