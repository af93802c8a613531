// SPDX-License-Identifier: GPL-2.0-or-later
// The guest's memory as its NIC sees it (the steering unit's device view).
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_GUEST_MEMORY_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_GUEST_MEMORY_HH_

#include <cstdint>

namespace gatehouse::interceptor {

struct GuestMemory {
  uint8_t* view;
  uint64_t reach;  // octets of the view

  // Null when not all of it lies in the view. An address in it at which the guest has no memory
  // reads as anything and writes nothing.
  uint8_t* at(uint64_t address, uint64_t octets) const {
    return address <= reach && octets <= reach - address ? view + address : nullptr;
  }
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_GUEST_MEMORY_HH_
