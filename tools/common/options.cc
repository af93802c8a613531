// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/options.hh"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

namespace gatehouse::common {
namespace {

template <class T>
Result<T> read_number(std::string_view name, std::string_view text, T low, T high,
                      const std::string& range) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= low && value <= high)
    return value;
  return Status::error(std::string(name) + " " + std::string(text) + ": write a number from " +
                       range);
}

Status check_value(const OptionRow& row, const std::string& value) {
  const std::string wanted = row.value;
  if (const size_t dots = wanted.find(".."); dots != std::string::npos) {
    const uint64_t low = std::stoull(wanted), high = std::stoull(wanted.substr(dots + 2));
    return read_number<uint64_t>(row.name, value, low, high, wanted).status();
  }
  const bool listed = value.find('|') == std::string::npos &&
                      ("|" + wanted + "|").find("|" + value + "|") != std::string::npos;
  if (wanted.find('|') != std::string::npos && !listed)
    return Status::error(std::string(row.name) + " " + value + ": write one of " + wanted);
  return {};
}

std::string trimmed(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

Result<Options> Options::parse(std::span<const OptionRow> rows,
                               const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const size_t equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const OptionRow& r) { return name == r.name; });
    if (row == rows.end())
      return Status::error("unknown option '" + name + "'; --help lists the known ones");
    if (arguments[i] == "--") {
      options.values_[name].assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                   arguments.end());
      break;
    }
    std::string value;
    if (equals != std::string::npos) {
      if (!row->value) return Status::error(name + " takes no value");
      value = arguments[i].substr(equals + 1);
    } else if (row->value) {
      if (++i == arguments.size()) return Status::error(name + " needs a value: " + row->value);
      value = arguments[i];
    }
    if (row->value) {
      const Status status = check_value(*row, value);
      if (!status.ok()) return status;
    }
    std::vector<std::string>& values = options.values_[name];
    if (!values.empty() && !row->repeatable)
      return Status::error(name + " stands twice; remove one");
    values.push_back(std::move(value));
  }
  for (const OptionRow& row : rows) {
    if (row.required && !options.has(row.name))
      return Status::error(std::string(row.name) + " is missing; add " + row.name + " " +
                           row.value);
  }
  return Result<Options>(std::move(options));
}

std::string Options::get(std::string_view name, std::string_view otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(otherwise) : found->second.back();
}

const std::vector<std::string>& Options::all(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

Result<uint64_t> Options::number(std::string_view name, uint64_t low, uint64_t high,
                                 uint64_t otherwise) const {
  if (!has(name)) return otherwise;
  return read_number<uint64_t>(name, get(name), low, high,
                               std::to_string(low) + " to " + std::to_string(high));
}

uint64_t Options::number(std::string_view name, uint64_t otherwise) const {
  return has(name) ? std::stoull(get(name)) : otherwise;
}

Result<double> Options::fraction(std::string_view name, double low, double high,
                                 double otherwise) const {
  if (!has(name)) return otherwise;
  return read_number<double>(name, get(name), low, high, trimmed(low) + " to " + trimmed(high));
}

std::string usage(std::string_view command, std::string_view text,
                  std::span<const OptionRow> rows) {
  constexpr size_t kColumn = 26;
  std::string words = "usage: gatehouse-tool " + std::string(command);
  for (const OptionRow& row : rows) {
    if (row.required) words += std::string(" ") + row.name + " " + row.value;
  }
  words += " [options]\n\n" + std::string(text) + "\n\n";
  for (const OptionRow& row : rows) {
    std::string left =
        std::string("  ") + row.name + (row.value ? std::string(" ") + row.value : "");
    left.resize(std::max(kColumn, left.size() + 2), ' ');
    words += left + row.text + (row.required ? " (required)" : "") +
             (row.repeatable ? " (may be repeated)" : "") + "\n";
  }
  return words;
}

}  // namespace gatehouse::common
