// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/options.hh"

#include <filesystem>
#include <sstream>
#include <system_error>

#include "tools/bench/rows.hh"
#include "tools/common/options.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::bench {
namespace {

constexpr common::OptionRow kOptions[] = {
#include "tools/bench/options.inc"
};

void require_folder(const char* option, const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder.empty() ? "." : folder, error))
    throw lab::Failure(std::string(option) + ": there is no folder " + folder.string() +
                       "; make it first");
}

}  // namespace

bool Options::wants(const std::string& row) const {
  if (rows.empty()) return true;
  for (const std::string& part : rows) {
    if (row.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string usage() {
  return common::usage("bench NAME", "Figures beside their peers', from one run. NAMEs come last.",
                       kOptions);
}

Options read_options(const std::vector<std::string>& arguments, unsigned pairs) {
  const Result<common::Options> given = common::Options::parse(kOptions, arguments);
  if (!given.ok()) throw lab::Failure(given.status().message());
  Options options;
  options.pairs = static_cast<unsigned>(given.value().number("--pairs", pairs));
  options.json = given.value().get("--json");
  options.directory = given.value().get("--directory");
  std::istringstream parts(given.value().get("--rows"));
  for (std::string part; std::getline(parts, part, ',');) options.rows.push_back(part);
  return options;
}

void require_folders(const Options& options) {
  if (!options.json.empty())
    require_folder("--json", std::filesystem::path(options.json).parent_path());
  if (!options.directory.empty()) require_folder("--directory", options.directory);
}

void require_rows(const Options& options, std::vector<std::string> (*row_names)()) {
  if (options.rows.empty()) return;
  const std::string none = not_in_any(options.rows, row_names());
  if (!none.empty()) throw lab::Failure("--rows: no row has '" + none + "' in its name");
}

}  // namespace gatehouse::bench
