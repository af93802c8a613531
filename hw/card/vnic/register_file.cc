// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/register_file.hh"

#include <algorithm>
#include <iterator>

#include "hw/core/base/archive.hh"

namespace gatehouse::vnic {

using i82574::kRegisters;
using i82574::RegisterRow;

RegisterFile::RegisterFile() : words_(i82574::kMemoryBarOctets / 4) { reset(Keep::kNothing); }

void RegisterFile::reset(Keep keep) {
  const auto& kept = i82574::kKeptBySoftwareReset;
  for (const RegisterRow& row : kRegisters) {
    if (keep == Keep::kSoftwareReset &&
        std::find(std::begin(kept), std::end(kept), row.offset) != std::end(kept)) {
      continue;
    }
    for (uint32_t i = 0; i < row.count; ++i) words_[(row.offset + i * row.step) / 4] = row.reset;
  }
}

void RegisterFile::archive(Archive& archive) {
  archive.section("registers", 1);
  uint32_t rows = i82574::kRegisterRows;
  archive(rows);
  if (rows != i82574::kRegisterRows) {
    archive.fail("saved state: another set of registers");
    return;
  }
  for (const RegisterRow& row : kRegisters) {
    // The rings' registers become indices and addresses in the engines.
    const bool masked = archive.loading() && row.step == 0x100;
    for (uint32_t i = 0; i < row.count; ++i) {
      uint32_t& word = words_[(row.offset + i * row.step) / 4];
      archive(word);
      if (masked) word &= row.mask;
    }
  }
}

}  // namespace gatehouse::vnic
