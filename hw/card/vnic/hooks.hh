// SPDX-License-Identifier: GPL-2.0-or-later
// What the model does at registers that are more than storage. Private to Dispatch.
#ifndef GATEHOUSE_HW_CARD_VNIC_HOOKS_HH_
#define GATEHOUSE_HW_CARD_VNIC_HOOKS_HH_

#include <cstdint>
#include <span>

#include "hw/spec/i82574_registers.hh"

namespace gatehouse::vnic {

class Vnic;

// Each may be null: then mode and mask decide. `offset` is the element's.
struct Hook {
  i82574::reg::Offset target;
  uint32_t (*read)(Vnic& vnic, uint32_t offset);
  void (*write)(Vnic& vnic, uint32_t offset, uint32_t value);  // in place of storing
  void (*after)(Vnic& vnic, uint32_t offset, uint32_t value);  // after storing; `value` as written
};

std::span<const Hook> hooks();

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_HOOKS_HH_
