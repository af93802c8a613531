// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/places.hh"

#include <charconv>
#include <limits>

#include "hw/core/policy/values.hh"

namespace gatehouse::policy {
namespace {

// The number at the front of `text`, which is taken off.
template <class Number>
bool take_number(std::string_view& text, Number& number) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > std::numeric_limits<Number>::max()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  number = static_cast<Number>(value);
  return true;
}

bool take(std::string_view& text, char mark) {
  if (text.empty() || text[0] != mark) return false;
  text.remove_prefix(1);
  return true;
}

bool take_field(std::string_view& text, Field& field) {
  if (!take_number(text, field.octet)) return false;
  if (take(text, '.') && (!take_number(text, field.bit) || field.bit > 7)) return false;
  return take(text, ':') && take_number(text, field.bits) && field.bits != 0;
}

}  // namespace

std::optional<Field> parse_field(std::string_view text) {
  Field field;
  if (!take_field(text, field) || !text.empty()) return {};
  return field;
}

std::optional<LengthRule> parse_length_rule(std::string_view text) {
  LengthRule rule;
  if (!take_field(text, rule.field)) return {};
  if (take(text, '*') && (!take_number(text, rule.unit) || rule.unit == 0)) return {};
  if (take(text, '+') && !take_number(text, rule.addend)) return {};
  if (!text.empty()) return {};
  return rule;
}

std::optional<Match> parse_match(std::string_view text) {
  Match match;
  if (!take_number(text, match.octet) || !take(text, ':')) return {};
  const size_t slash = text.find('/');
  const auto value = parse_hex(text.substr(0, slash));
  if (!value || value->empty()) return {};
  match.value = *value;
  match.mask.assign(value->size(), 0xff);
  if (slash == std::string_view::npos) return match;
  const auto mask = parse_hex(text.substr(slash + 1));
  if (!mask || mask->size() != value->size()) return {};
  match.mask = *mask;
  return match;
}

}  // namespace gatehouse::policy
