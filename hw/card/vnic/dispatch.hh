// SPDX-License-Identifier: GPL-2.0-or-later
// The guest's accesses to the memory BAR: from an offset to its row of hw/spec/i82574_registers.hh,
// then the row's hook, else storage by the row's mode and mask.
#ifndef GATEHOUSE_HW_CARD_VNIC_DISPATCH_HH_
#define GATEHOUSE_HW_CARD_VNIC_DISPATCH_HH_

#include <cstdint>
#include <optional>

namespace gatehouse::vnic {

class Vnic;

class Dispatch {
 public:
  // `offset` is below kMemoryBarOctets and a multiple of four. False, nullopt: no register lies
  // there.
  static std::optional<uint32_t> read(Vnic& vnic, uint32_t offset);
  static bool write(Vnic& vnic, uint32_t offset, uint32_t value);

  // The model does more at this register than store by mode and mask.
  static bool has_read_hook(uint32_t offset);
  static bool has_write_hook(uint32_t offset);
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_DISPATCH_HH_
