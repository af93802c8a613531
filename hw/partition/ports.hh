// SPDX-License-Identifier: GPL-2.0-or-later
// What the partition's units need of the world around them, so that each runs in a unit test
// without QEMU. All calls are made under the environment's one lock.
#ifndef GATEHOUSE_HW_PARTITION_PORTS_HH_
#define GATEHOUSE_HW_PARTITION_PORTS_HH_

#include <cstdint>

namespace gatehouse {
class Archive;
}

namespace gatehouse::partition {

class UnitBlock;

// The partition's private RAM.
class RamPort {
 public:
  virtual ~RamPort() = default;
  // Where `octets` octets from `address` on lie in this process; null unless octets > 0, all of
  // them are private RAM and address is a multiple of `alignment`. Valid as long as the partition.
  // Its cores access it at the same time.
  virtual uint8_t* at(uint64_t address, uint64_t octets, uint64_t alignment) = 0;
  // The model changed these octets; must be called for a migration to see it. Range as for at().
  virtual void written(uint64_t address, uint64_t octets) = 0;
};

// The interrupts of its cores.
class InterruptPort {
 public:
  virtual ~InterruptPort() = default;
  // core < the partition's cores; kFirstVector <= vector <= kLastVector.
  virtual void raise(unsigned core, uint8_t vector) = 0;
  // The same, no sooner than `apart_ns` after the last that this call raised on that core.
  virtual void raise_apart(unsigned core, uint8_t vector, uint32_t apart_ns) = 0;
  // Calls unit.look_again() in `in_ns`, or when it was to do so if that is sooner; `anew`: it was
  // to do so for nothing.
  virtual void look_later(UnitBlock& unit, uint32_t in_ns, bool anew) = 0;
  // The unit is no more.
  virtual void forget(UnitBlock& unit) = 0;
  virtual unsigned cores() const = 0;
};

// A unit's page of registers, from kMmioBase on; the partition routes accesses to it.
class Unit {
 public:
  virtual ~Unit() = default;
  // offset < kPage. Firmware's access; anything that is no register of this width reads 0 and
  // writes nothing.
  virtual uint64_t read(uint32_t offset, unsigned octets) = 0;
  virtual void write(uint32_t offset, uint64_t value, unsigned octets) = 0;
  // The partition starts anew (power on, or a guest's reset without persist=on): nothing is in
  // force any more.
  virtual void reset() = 0;
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_PORTS_HH_
