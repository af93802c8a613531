// SPDX-License-Identifier: GPL-2.0-or-later
// This partition, as its firmware finds it: control block, unit directory, arguments, free RAM.
// Each access to the control block costs the host's big lock: once at the start, not for each
// frame.
#ifndef GATEHOUSE_FIRMWARE_HAL_PARTITION_HH_
#define GATEHOUSE_FIRMWARE_HAL_PARTITION_HH_

#include <array>
#include <cstdint>
#include <string_view>

#include "firmware/hal/arena.hh"
#include "firmware/hal/view.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::hal {

inline constexpr View kControlBlock{MmioBus{partition::kMmioBase}};

// ---- Units

inline constexpr unsigned kNoUnit = partition::kMaxUnits;

// Row `unit` < kMaxUnits of the directory.
template <class Bus>
partition::UnitRow read_unit(const Bus& bus, unsigned unit) {
  std::array<uint64_t, sizeof(partition::UnitRow) / 8> words;
  for (unsigned i = 0; i < words.size(); ++i) {
    words[i] = bus.template read<uint64_t>(partition::kUnitDirectory +
                                           unit * sizeof(partition::UnitRow) + i * 8);
  }
  return __builtin_bit_cast(partition::UnitRow, words);
}

// The device's id.
inline std::string_view device_of(const partition::UnitRow& row) {
  size_t octets = 0;
  while (octets < sizeof row.device && row.device[octets] != 0) ++octets;
  return {row.device, octets};
}

// The first unit of this kind, for this device (empty: for any). kNoUnit: there is none.
template <class Bus>
unsigned find_unit(const Bus& bus, partition::UnitKind kind, std::string_view device = {}) {
  for (unsigned unit = 0; unit < partition::kMaxUnits; ++unit) {
    const partition::UnitRow row = read_unit(bus, unit);
    if (row.kind == kind && (device.empty() || device_of(row) == device)) return unit;
  }
  return kNoUnit;
}

// A unit's page of registers.
inline View<MmioBus> unit_page(const partition::UnitRow& row) {
  return View{MmioBus{partition::kMmioBase + row.registers}};
}
// BAR `bar` of the device behind a redirection unit.
inline MmioBus bar_window(const partition::UnitRow& row, unsigned bar) {
  return MmioBus{row.window + bar * partition::kBarWindow};
}

// ---- Arguments and memory

// The text of the property arguments=. `buffer` lives as long as what is returned.
using ArgumentsBuffer = std::array<uint64_t, partition::kArgumentsOctets / 8>;
template <class Bus>
std::string_view read_arguments(const Bus& bus, ArgumentsBuffer& buffer) {
  for (unsigned i = 0; i < buffer.size(); ++i)
    buffer[i] = bus.template read<uint64_t>(partition::kArguments + i * 8);
  const char* text = reinterpret_cast<const char*>(buffer.data());
  size_t octets = 0;
  while (octets < sizeof buffer && text[octets] != 0) ++octets;
  return {text, octets};
}

// Private RAM that neither the firmware nor the data image occupies: the larger part of what lies
// before and behind the data image.
template <class Bus>
Arena free_ram(const View<Bus>& page) {
  const uint64_t begin = page.read(reg::FIRMWARE_END);
  const uint64_t end = partition::kRamBase + page.read(reg::RAM_OCTETS);
  const uint64_t data = page.read(reg::DATA);
  if (data == 0) return {begin, end};
  const uint64_t data_end =
      (data + page.read(reg::DATA_OCTETS) + partition::kPage - 1) & ~(partition::kPage - 1);
  if (data >= begin && data - begin > (end > data_end ? end - data_end : 0)) return {begin, data};
  return {data_end, end};
}

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_PARTITION_HH_
