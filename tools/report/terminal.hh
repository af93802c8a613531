// SPDX-License-Identifier: GPL-2.0-or-later
// Text for people: headings, tables, marks.
#ifndef GATEHOUSE_TOOLS_REPORT_TERMINAL_HH_
#define GATEHOUSE_TOOLS_REPORT_TERMINAL_HH_

#include <cstdio>
#include <string>
#include <vector>

namespace gatehouse::report {

enum class Style { kPlain, kBold, kDim, kGood, kBad, kAccent };

class Terminal {
 public:
  explicit Terminal(FILE* out);

  void title(const std::string& text, const std::string& subtitle);
  void heading(const std::string& text);
  void line(const std::string& text = "");
  // A tick or a cross, what was expected, and what was seen.
  void mark(bool good, const std::string& what, const std::string& seen);
  // Preformatted text, indented, dimmed.
  void block(const std::string& text);
  std::string styled(Style style, const std::string& text) const;

  // Columns as wide as their widest cell; the first is left-aligned, cells that look like numbers
  // are right-aligned.
  struct Table {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
  };
  void table(const Table& table);

 private:
  FILE* out_;
  bool colour_;
};

// Columns that `text` takes on a terminal: code points, not octets; escape sequences take none.
size_t columns_of(const std::string& text);

}  // namespace gatehouse::report

#endif  // GATEHOUSE_TOOLS_REPORT_TERMINAL_HH_
