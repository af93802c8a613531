// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/tokens.hh"

#include <algorithm>

namespace gatehouse::policy {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBetweenTokens = " \t\r\n,:";

// Skips the rest of the value whose first token is at `offset` and already taken.
void skip_value(std::string_view text, Tokens& tokens, size_t offset) {
  if (text[offset] != '{' && text[offset] != '[') return;
  for (size_t depth = 1; depth > 0;) {
    offset = tokens.next();
    if (offset >= text.size()) return;
    if (text[offset] == '{' || text[offset] == '[') ++depth;
    if (text[offset] == '}' || text[offset] == ']') --depth;
  }
}

// From a container's opening token to the value that the step names; npos when it is not there.
size_t descend(std::string_view text, Tokens& tokens, const Step& step) {
  for (size_t index = 0;; ++index) {
    size_t offset = tokens.next();
    if (offset >= text.size() || text[offset] == '}' || text[offset] == ']')
      return std::string_view::npos;
    bool found = step.is_index && index == step.index;
    if (!step.is_index) {
      // A name with escapes is never looked for: the schema's names have none.
      const std::string_view key = tokens.text(offset);
      found =
          key.size() == step.member.size() + 2 && key.substr(1, step.member.size()) == step.member;
      offset = tokens.next();
    }
    if (found) return offset;
    skip_value(text, tokens, offset);
  }
}

}  // namespace

Place place_of(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  Place place;
  place.line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  const size_t newline = before.rfind('\n');
  std::string_view line = newline == std::string_view::npos ? before : before.substr(newline + 1);
  if (line.data() == text.data() && line.starts_with(kByteOrderMark))
    line.remove_prefix(kByteOrderMark.size());
  for (const char c : line) place.column += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return place;
}

std::string to_string(const Path& path) {
  std::string words;
  for (const Step& step : path) {
    if (step.is_index) {
      words += "[" + std::to_string(step.index) + "]";
    } else {
      words += (words.empty() ? "" : ".") + step.member;
    }
  }
  return words.empty() ? "policy" : words;
}

Tokens::Tokens(std::string_view text) : text_(text) {
  if (text.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
}

size_t Tokens::next() {
  const size_t start = text_.find_first_not_of(kBetweenTokens, position_);
  if (start == std::string_view::npos) return position_ = text_.size();
  size_t end = start + 1;
  const char first = text_[start];
  if (first == '"') {
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    ++end;
  } else if (first != '{' && first != '}' && first != '[' && first != ']') {
    end = text_.find_first_of(" \t\r\n,:]}", end);
  }
  position_ = std::min(end, text_.size());
  return start;
}

size_t offset_of_token(std::string_view text, uint64_t index) {
  Tokens tokens(text);
  size_t offset = tokens.next();
  while (index-- > 0) offset = tokens.next();
  return offset;
}

size_t offset_of_path(std::string_view text, const Path& path) {
  Tokens tokens(text);
  size_t offset = tokens.next();
  for (const Step& step : path) {
    const size_t next = descend(text, tokens, step);
    if (next == std::string_view::npos) break;
    offset = next;
  }
  return offset;
}

}  // namespace gatehouse::policy
