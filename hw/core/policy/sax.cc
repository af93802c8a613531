// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/sax.hh"

#include <algorithm>
#include <utility>

namespace gatehouse::policy {
namespace {

std::string known_members(Object object) {
  std::string words;
  for (const Member& member : members(object))
    words += (words.empty() ? "" : ", ") + std::string(member.name);
  return words;
}

std::string unknown_member(Object object, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Member& member : members(object)) names.emplace_back(member.name);
  const std::string_view guess = nearest(name, names);
  std::string words = "unknown member " + in_quotes(name) + "; ";
  return words + (guess.empty() ? "known are " + known_members(object)
                                : "did you mean \"" + std::string(guess) + "\"?");
}

// A member of the object, other than this one, that says the same; null: none is there.
const Member* rival(std::span<const Member> rows, uint64_t seen, const Member& row) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool same = rows[i].name == std::string_view(row.instead_of) ||
                      row.name == std::string_view(rows[i].instead_of);
    if (same && (seen >> i & 1) != 0) return &rows[i];
  }
  return nullptr;
}

// The library repeats the whole token that it could not read, which may be megabytes of anything.
std::string shortened(std::string_view words) {
  constexpr std::string_view kMark = "last read: '";
  constexpr size_t kTokenOctets = 40;
  std::string text;
  const size_t mark = words.find(kMark);
  const size_t end = words.rfind('\'');
  if (mark == std::string_view::npos || end < mark + kMark.size()) return std::string(words);
  std::string_view token = words.substr(mark + kMark.size(), end - mark - kMark.size());
  text = words.substr(0, mark + kMark.size());
  if (token.size() > kTokenOctets) {
    text += "...";
    token.remove_prefix(token.size() - kTokenOctets);
  }
  // Ill-formed UTF-8 is one of the things complained about.
  for (const char c : token) text += c >= 0x20 && c < 0x7f ? c : '?';
  return text + std::string(words.substr(end));
}

}  // namespace

bool SchemaReader::complain(uint64_t token, std::string problem) {
  problem_ = std::move(problem);
  where_ = token;
  path_ = current_path();
  return false;
}

Path SchemaReader::current_path() const {
  Path path;
  for (const Frame& frame : frames_) {
    if (!frame.member) break;
    path.push_back(Step::to(frame.member->name));
    if (frame.in_list) path.push_back(Step::at(frame.index));
  }
  return path;
}

const Member* SchemaReader::expect(std::string_view given) {
  if (frames_.empty()) {
    complain(std::string(given) +
             " is not a policy; write an object like {\"tenants\": [], \"vnics\": []}");
    return nullptr;
  }
  const Frame& frame = frames_.back();
  const Member* member = frame.member;
  if (member->list && !frame.in_list) {
    const std::string example = member->type == Type::kObject ? "{...}" : member->example;
    complain(std::string(given) + " is not a list; write one like [" + example + "]");
    return nullptr;
  }
  return member;
}

void SchemaReader::value_done() {
  ++token_;
  if (frames_.empty()) return;
  Frame& frame = frames_.back();
  if (frame.in_list) {
    ++frame.index;
  } else {
    frame.member = nullptr;
  }
}

bool SchemaReader::scalar(const Scalar& scalar) {
  const Member* member = expect(as_written(scalar));
  if (!member) return false;
  Value value;
  std::string problem = read_value(*member, scalar, value);
  if (!problem.empty()) return complain(std::move(problem));
  member->store(policy_, std::move(value));
  value_done();
  return true;
}

bool SchemaReader::null() { return scalar({}); }

bool SchemaReader::boolean(bool value) {
  return scalar({.kind = Scalar::Kind::kBoolean, .boolean = value});
}

bool SchemaReader::number_integer(number_integer_t value) {
  const std::string text = std::to_string(value);
  return scalar({.kind = Scalar::Kind::kOtherNumber, .text = text});
}

bool SchemaReader::number_unsigned(number_unsigned_t value) {
  return scalar({.kind = Scalar::Kind::kInteger, .integer = value});
}

bool SchemaReader::number_float(number_float_t, const string_t& text) {
  return scalar({.kind = Scalar::Kind::kOtherNumber, .text = text});
}

bool SchemaReader::string(string_t& value) {
  return scalar({.kind = Scalar::Kind::kString, .text = value});
}

bool SchemaReader::start_object(std::size_t) {
  if (frames_.empty()) {
    frames_.push_back({.object = Object::kPolicy, .first_token = token_++});
    return true;
  }
  const Member* member = expect("an object");
  if (!member) return false;
  if (member->type != Type::kObject) return complain(wrong_value(*member, "an object"));
  member->store(policy_, {});
  frames_.push_back({.object = member->child, .first_token = token_++});
  return true;
}

bool SchemaReader::key(string_t& name) {
  Frame& frame = frames_.back();
  frame.member = nullptr;
  const std::span<const Member> rows = members(frame.object);
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const Member& r) { return name == r.name; });
  if (row == rows.end()) return complain(unknown_member(frame.object, name));
  const uint64_t bit = uint64_t{1} << (row - rows.begin());
  if ((frame.seen & bit) != 0)
    return complain(in_quotes(name) + " stands twice in this object; remove one");
  if (const Member* other = rival(rows, frame.seen, *row)) {
    return complain(in_quotes(name) + " says the same as \"" + other->name +
                    "\", which stands here too; remove one");
  }
  frame.seen |= bit;
  frame.member = &*row;
  frame.index = 0;
  ++token_;
  return true;
}

bool SchemaReader::end_object() {
  Frame& frame = frames_.back();
  frame.member = nullptr;
  const std::span<const Member> rows = members(frame.object);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].required || (frame.seen >> i & 1) != 0) continue;
    const std::string example =
        rows[i].list ? "[" + std::string(rows[i].example) + "]" : rows[i].example;
    return complain(frame.first_token, "\"" + std::string(rows[i].name) +
                                           "\" is missing; add one like \"" + rows[i].name +
                                           "\": " + example);
  }
  frames_.pop_back();
  value_done();
  return true;
}

bool SchemaReader::start_array(std::size_t) {
  const Member* member = frames_.empty() ? expect("a list") : frames_.back().member;
  if (!member) return false;
  Frame& frame = frames_.back();
  if (!member->list || frame.in_list) return complain(wrong_value(*member, "a list"));
  frame.in_list = true;
  ++token_;
  return true;
}

bool SchemaReader::end_array() {
  Frame& frame = frames_.back();
  frame.in_list = false;
  if (frame.member->some && frame.index == 0) {
    return complain(
        std::string("the list is empty, as if it were not there; remove it, or write one "
                    "like [") +
        frame.member->example + "]");
  }
  value_done();
  return true;
}

bool SchemaReader::parse_error(std::size_t position, const std::string& token,
                               const nlohmann::detail::exception& error) {
  // It is JSON, though no machine has such numbers, and the token may be megabytes of digits.
  constexpr int kNumberOverflow = 406;
  if (error.id == kNumberOverflow && !scalar({.kind = Scalar::Kind::kOtherNumber, .text = token}))
    return false;
  // The library's text begins with its own error number and position; the position is told by us,
  // as everywhere.
  std::string_view words = error.what();
  for (const std::string_view mark : {"] ", ": "}) {
    const size_t at = words.find(mark);
    if (at != std::string_view::npos) words.remove_prefix(at + mark.size());
  }
  problem_ = "not JSON: " + shortened(words);
  where_ = position == 0 ? 0 : position - 1;
  path_.clear();
  is_syntax_ = true;
  return false;
}

}  // namespace gatehouse::policy
