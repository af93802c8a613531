// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/report/terminal.hh"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

namespace gatehouse::report {
namespace {

constexpr size_t kWidth = 100;

const char* code_of(Style style) {
  switch (style) {
    case Style::kBold:
      return "\033[1m";
    case Style::kDim:
      return "\033[2m";
    case Style::kGood:
      return "\033[32m";
    case Style::kBad:
      return "\033[31m";
    case Style::kAccent:
      return "\033[1;36m";
    case Style::kPlain:
      break;
  }
  return "";
}

std::string repeated(const char* text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

bool looks_like_number(const std::string& text) {
  return !text.empty() &&
         (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-' || text[0] == '+') &&
         text.find(':') == std::string::npos && text.find_first_of("/") == std::string::npos;
}

std::string padded(const std::string& text, size_t width, bool right) {
  const std::string space(width - std::min(width, columns_of(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

size_t columns_of(const std::string& text) {
  size_t columns = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      while (i < text.size() && text[i] != 'm') ++i;
      continue;
    }
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) ++columns;
  }
  return columns;
}

Terminal::Terminal(FILE* out)
    : out_(out), colour_(isatty(fileno(out)) != 0 && getenv("NO_COLOR") == nullptr) {}

std::string Terminal::styled(Style style, const std::string& text) const {
  return colour_ && style != Style::kPlain ? code_of(style) + text + "\033[0m" : text;
}

void Terminal::title(const std::string& text, const std::string& subtitle) {
  const std::string bar = repeated("━", kWidth);
  std::fprintf(out_, "\n%s\n  %s  %s\n%s\n", styled(Style::kAccent, bar).c_str(),
               styled(Style::kBold, text).c_str(), styled(Style::kDim, subtitle).c_str(),
               styled(Style::kAccent, bar).c_str());
  std::fflush(out_);
}

void Terminal::heading(const std::string& text) {
  const size_t used = columns_of(text) + 4;
  std::fprintf(out_, "\n%s %s %s\n", styled(Style::kAccent, "──").c_str(),
               styled(Style::kBold, text).c_str(),
               styled(Style::kAccent, repeated("─", kWidth - std::min(kWidth, used))).c_str());
  std::fflush(out_);
}

void Terminal::line(const std::string& text) {
  std::fprintf(out_, "  %s\n", text.c_str());
  std::fflush(out_);
}

void Terminal::mark(bool good, const std::string& what, const std::string& seen) {
  std::fprintf(out_, "  %s %s  %s\n",
               styled(good ? Style::kGood : Style::kBad, good ? "✔" : "✘").c_str(),
               padded(what, 46, false).c_str(), seen.c_str());
  std::fflush(out_);
}

void Terminal::block(const std::string& text) {
  std::istringstream lines(text);
  for (std::string one; std::getline(lines, one);) {
    std::fprintf(out_, "    %s\n", styled(Style::kDim, one).c_str());
  }
  std::fflush(out_);
}

void Terminal::table(const Table& table) {
  std::vector<size_t> widths;
  const auto measure = [&](const std::vector<std::string>& row) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  };
  measure(table.header);
  for (const auto& row : table.rows) measure(row);
  // A heading stands over its column as the column's cells do.
  std::vector<bool> right(widths.size(), false);
  for (const auto& row : table.rows) {
    for (size_t i = 1; i < row.size(); ++i) right[i] = right[i] || looks_like_number(row[i]);
  }
  const auto print = [&](const std::vector<std::string>& row, Style style) {
    std::string text;
    for (size_t i = 0; i < row.size(); ++i)
      text += (i ? "  " : "") + padded(row[i], widths[i], right[i]);
    while (!text.empty() && text.back() == ' ') text.pop_back();
    std::fprintf(out_, "  %s\n", styled(style, text).c_str());
  };
  print(table.header, Style::kDim);
  for (const auto& row : table.rows) print(row, Style::kPlain);
  std::fflush(out_);
}

}  // namespace gatehouse::report
