// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/docs/register_reference.hh"

#include <algorithm>
#include <bit>
#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <vector>

#include "hw/spec/i82574_nvm.hh"
#include "hw/spec/i82574_phy.hh"
#include "hw/spec/i82574_registers.hh"

namespace gatehouse::docs {
namespace {

using namespace i82574;  // NOLINT: rows and their types

[[gnu::format(printf, 2, 3)]] void print(std::string& to, const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  to += line;
}

struct ModeText {
  const char* name;
  const char* text;
};

ModeText mode_text(Access mode) {
  switch (mode) {
    case Access::kRw:
      return {"RW", "reads as written"};
    case Access::kRo:
      return {"RO", "writes change nothing"};
    case Access::kWo:
      return {"WO", "reads as zero"};
    case Access::kRc:
      return {"RC", "a read clears it"};
    case Access::kRcLow:
      return {"RC low", "lower half of 64 bits: a read of the upper half clears it"};
    case Access::kRcHigh:
      return {"RC high", "upper half of 64 bits: a read clears both"};
    case Access::kW1c:
      return {"W1C", "written ones clear"};
    case Access::kW0c:
      return {"W0C", "written zeros clear"};
  }
  return {"?", ""};
}

const char* mode_text(phy::Mode mode) {
  switch (mode) {
    case phy::Mode::kRw:
      return "RW";
    case phy::Mode::kRo:
      return "RO";
    case phy::Mode::kRc:
      return "RC";
  }
  return "?";
}

// "31:16" or "3".
std::string bits(uint32_t mask) {
  const int low = std::countr_zero(mask);
  const int high = 31 - std::countl_zero(mask);
  std::string text = std::to_string(high);
  if (low != high) text += ":" + std::to_string(low);
  return text;
}

std::string offsets(const RegisterRow& row) {
  std::string text;
  print(text, "%05Xh", row.offset);
  if (row.count > 1) print(text, " + %Xh * n, n < %u", row.step, row.count);
  return text;
}

void modes(std::string& to) {
  to += "| mode | meaning |\n|---|---|\n";
  for (const Access mode : {Access::kRw, Access::kRo, Access::kWo, Access::kRc, Access::kRcLow,
                            Access::kRcHigh, Access::kW1c, Access::kW0c}) {
    print(to, "| %s | %s |\n", mode_text(mode).name, mode_text(mode).text);
  }
}

std::vector<RegisterRow> by_offset() {
  std::vector<RegisterRow> rows(kRegisters, kRegisters + kRegisterRows);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const RegisterRow& a, const RegisterRow& b) { return a.offset < b.offset; });
  return rows;
}

void registers(std::string& to, const std::vector<RegisterRow>& rows) {
  to += "| offset | name | mode | mask | reset | section | |\n|---|---|---|---|---|---|---|\n";
  for (const RegisterRow& row : rows) {
    print(to, "| %s | %s | %s | %08X | %08X | %s | %s |\n", offsets(row).c_str(), row.name,
          mode_text(row.mode).name, row.mask, row.reset, row.section, row.text);
  }
}

void fields(std::string& to, const std::vector<RegisterRow>& rows) {
  for (const RegisterRow& row : rows) {
    bool heading = false;
    for (const FieldRow& field : kFields) {
      if (std::string_view(field.register_name) != row.name) continue;
      if (!heading) print(to, "\n### %s\n\n| bits | field | |\n|---|---|---|\n", row.name);
      heading = true;
      print(to, "| %s | %s | %s |\n", bits(field.mask).c_str(), field.name, field.text);
    }
  }
}

const char* name_at(uint32_t offset) {
  for (const RegisterRow& row : kRegisters) {
    if (row.offset == offset) return row.name;
  }
  return "?";
}

void aliases(std::string& to) {
  to += "| offset | same as |\n|---|---|\n";
  for (const AliasRow& alias : kAliases) {
    print(to, "| %05Xh", alias.offset);
    if (alias.count > 1) print(to, " + %Xh * n, n < %u", alias.step, alias.count);
    print(to, " | %s |\n", name_at(alias.target.offset));
  }
}

void phy_registers(std::string& to) {
  to += "| page | register | name | mode | mask | reset | |\n|---|---|---|---|---|---|---|\n";
  for (const phy::RegisterRow& row : phy::kRegisters) {
    const std::string page = row.page == phy::kAny ? "any" : std::to_string(row.page);
    print(to, "| %s | %u | %s | %s | %04X | %04X | %s |\n", page.c_str(), row.address, row.name,
          mode_text(row.mode), row.mask, row.reset, row.text);
  }
}

void nvm_words(std::string& to) {
  to += "| word | value | |\n|---|---|---|\n";
  for (const NvmWordRow& row : kNvmWordRows) {
    print(to, "| %02Xh | %04X | %s |\n", row.word, row.value, row.text);
  }
}

}  // namespace

std::string register_reference() {
  const std::vector<RegisterRow> rows = by_offset();
  std::string text =
      "# Registers of the vnic\n\n"
      "Made by `gatehouse-tool docs registers` from hw/spec: do not edit.\n"
      "Sections are those of the Intel 82574 GbE Controller Family Datasheet. Offsets are octets "
      "in\n"
      "BAR 0, registers are 32 bits; what no row names reads as zero and takes nothing.\n\n";
  modes(text);
  text += "\n## Memory BAR\n\n";
  registers(text, rows);
  text += "\n## Second addresses\n\n";
  aliases(text);
  text += "\n## Fields\n";
  fields(text, rows);
  text += "\n## PHY, by MDIC at address 1\n\n";
  phy_registers(text);
  text +=
      "\n## NVM words of a new card\n\nAll others are FFFFh; address and checksum are "
      "computed.\n\n";
  nvm_words(text);
  return text;
}

}  // namespace gatehouse::docs
