// SPDX-License-Identifier: GPL-2.0-or-later
// Registers by name over a bus. A bus has `T read<T>(uint64_t offset)` and
// `void write<T>(uint64_t offset, T value)`; MmioBus is the hardware's, tests have recorders.
//   View page{MmioBus{address}};  uint32_t cores = page.read(reg::CORES);
// Width and mode come from the rows of hw/spec: a read of a kWo register does not compile.
#ifndef GATEHOUSE_FIRMWARE_HAL_VIEW_HH_
#define GATEHOUSE_FIRMWARE_HAL_VIEW_HH_

#include <cstdint>

#include "hw/spec/i82574_registers.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::hal {

namespace internal {
template <unsigned kOctets>
struct Word;
template <>
struct Word<4> {
  using Type = uint32_t;
};
template <>
struct Word<8> {
  using Type = uint64_t;
};
}  // namespace internal

template <uint32_t kOffset, unsigned kOctets, partition::Access kMode>
struct Register {
  using Value = typename internal::Word<kOctets>::Type;
};

#define GATEHOUSE_HAL_REGISTER(name, offset, octets, mode, text) \
  inline constexpr Register<offset, octets, partition::Access::mode> name{};
namespace reg {
GATEHOUSE_PARTITION_REGISTERS(GATEHOUSE_HAL_REGISTER)
}
namespace unit {
GATEHOUSE_UNIT_REGISTERS(GATEHOUSE_HAL_REGISTER)
}
namespace redirect {
GATEHOUSE_REDIRECT_REGISTERS(GATEHOUSE_HAL_REGISTER)
}
namespace steer {
GATEHOUSE_STEER_REGISTERS(GATEHOUSE_HAL_REGISTER)
}
#undef GATEHOUSE_HAL_REGISTER

// Memory-mapped registers. Volatile: each access is made, once and in order.
struct MmioBus {
  uint64_t base;
  template <class T>
  T read(uint64_t offset) const {
    return *reinterpret_cast<const volatile T*>(base + offset);
  }
  template <class T>
  void write(uint64_t offset, T value) const {
    *reinterpret_cast<volatile T*>(base + offset) = value;
  }
};

template <class Bus>
class View {
 public:
  constexpr explicit View(Bus bus) : bus_(bus) {}

  template <uint32_t kOffset, unsigned kOctets, partition::Access kMode>
  auto read(Register<kOffset, kOctets, kMode>) const {
    static_assert(kMode != partition::Access::kWo, "the register reads 0");
    return bus_.template read<typename internal::Word<kOctets>::Type>(kOffset);
  }
  template <uint32_t kOffset, unsigned kOctets, partition::Access kMode>
  void write(Register<kOffset, kOctets, kMode> row, typename decltype(row)::Value value) const {
    static_assert(kMode != partition::Access::kRo, "writes change nothing");
    bus_.template write<typename decltype(row)::Value>(kOffset, value);
  }
  const Bus& bus() const { return bus_; }

 private:
  Bus bus_;
};

// The registers of an 82574L, in a unit's BAR window. index < count of the row.
template <class Bus>
class NicView {
 public:
  constexpr explicit NicView(Bus bus) : bus_(bus) {}
  uint32_t read(i82574::reg::Offset row, unsigned index = 0) const {
    return bus_.template read<uint32_t>(row(index));
  }
  void write(i82574::reg::Offset row, uint32_t value) const { write(row, 0, value); }
  void write(i82574::reg::Offset row, unsigned index, uint32_t value) const {
    bus_.template write<uint32_t>(row(index), value);
  }

 private:
  Bus bus_;
};

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_VIEW_HH_
