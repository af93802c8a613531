// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/dispatch.hh"

#include <array>
#include <cassert>

#include "hw/card/vnic/hooks.hh"
#include "hw/card/vnic/register_file.hh"
#include "hw/card/vnic/vnic.hh"
#include "hw/spec/i82574_registers.hh"

namespace gatehouse::vnic {
namespace {

using i82574::Access;
using i82574::kRegisters;
using i82574::RegisterRow;

constexpr size_t kWords = i82574::kMemoryBarOctets / 4;
constexpr uint16_t kReserved = 0xffff;

// Word by word: the word that an access means (its own, or an alias' target), and the row of that.
struct Map {
  std::array<uint16_t, kWords> target;
  std::array<uint16_t, kWords> row;
  std::array<const Hook*, i82574::kRegisterRows> hook;
};

Map make_map() {
  Map map;
  map.target.fill(kReserved);
  map.row.fill(kReserved);
  map.hook.fill(nullptr);
  for (size_t r = 0; r < i82574::kRegisterRows; ++r) {
    const RegisterRow& row = kRegisters[r];
    for (uint32_t i = 0; i < row.count; ++i) {
      const uint32_t word = (row.offset + i * row.step) / 4;
      map.target[word] = static_cast<uint16_t>(word);
      map.row[word] = static_cast<uint16_t>(r);
    }
  }
  for (const i82574::AliasRow& alias : i82574::kAliases) {
    for (uint32_t i = 0; i < alias.count; ++i) {
      map.target[(alias.offset + i * alias.step) / 4] = static_cast<uint16_t>(alias.target(i) / 4);
    }
  }
  for (const Hook& hook : hooks()) {
    const uint16_t row = map.row[hook.target / 4];
    assert(row != kReserved && map.hook[row] == nullptr);
    map.hook[row] = &hook;
  }
  return map;
}

const Map kMap = make_map();

const Hook* hook_at(uint32_t offset) {
  const uint16_t word = kMap.target[offset / 4];
  return word == kReserved ? nullptr : kMap.hook[kMap.row[word]];
}

uint32_t read_storage(RegisterFile& registers, const RegisterRow& row, uint32_t offset) {
  uint32_t& word = registers[offset];
  const uint32_t value = word;
  switch (row.mode) {
    case Access::kWo:
      return 0;
    case Access::kRc:
      word = 0;
      break;
    case Access::kRcHigh:
      word = 0;
      registers[offset - 4] = 0;
      break;
    default:
      break;
  }
  return value;
}

void write_storage(RegisterFile& registers, const RegisterRow& row, uint32_t offset,
                   uint32_t value) {
  uint32_t& word = registers[offset];
  switch (row.mode) {
    case Access::kRw:
      word = (word & ~row.mask) | (value & row.mask);
      break;
    case Access::kW1c:
      word &= ~(value & row.mask);
      break;
    case Access::kW0c:
      word &= value | ~row.mask;
      break;
    default:
      break;
  }
}

}  // namespace

std::optional<uint32_t> Dispatch::read(Vnic& vnic, uint32_t offset) {
  const uint16_t word = kMap.target[offset / 4];
  if (word == kReserved) return std::nullopt;
  const uint16_t row = kMap.row[word];
  const Hook* hook = kMap.hook[row];
  if (hook != nullptr && hook->read != nullptr) return hook->read(vnic, word * 4u);
  return read_storage(vnic.registers(), kRegisters[row], word * 4u);
}

bool Dispatch::write(Vnic& vnic, uint32_t offset, uint32_t value) {
  const uint16_t word = kMap.target[offset / 4];
  if (word == kReserved) return false;
  const uint16_t row = kMap.row[word];
  const Hook* hook = kMap.hook[row];
  if (hook != nullptr && hook->write != nullptr) {
    hook->write(vnic, word * 4u, value);
    return true;
  }
  write_storage(vnic.registers(), kRegisters[row], word * 4u, value);
  if (hook != nullptr && hook->after != nullptr) hook->after(vnic, word * 4u, value);
  return true;
}

bool Dispatch::has_read_hook(uint32_t offset) {
  const Hook* hook = hook_at(offset);
  return hook != nullptr && hook->read != nullptr;
}

bool Dispatch::has_write_hook(uint32_t offset) {
  const Hook* hook = hook_at(offset);
  return hook != nullptr && hook->write != nullptr;
}

}  // namespace gatehouse::vnic
