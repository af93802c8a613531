// SPDX-License-Identifier: GPL-2.0-or-later
// Devices as attackers drive them, from outside of the guest's CPU.
#ifndef GATEHOUSE_TESTS_ISOLATION_DEVICES_HH_
#define GATEHOUSE_TESTS_ISOLATION_DEVICES_HH_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/isolation/fort.hh"
#include "tests/registers/machine.hh"

namespace gatehouse::isolation {

// Slots of bus 0, and where their 32-bit BARs are put: each BAR has a MiB.
enum Slot : unsigned { kVnic = 4, kE1000e, kEdu, kNvme, kVirtio, kIvshmem, kBridge, kSound };
constexpr uint32_t bar_of(unsigned slot, unsigned bar) {
  return 0xd000'0000 + slot * 0x80'0000 + bar * 0x10'0000;
}
// Where attackers have their own memory.
inline constexpr uint64_t kScratch = 0x10'0000;

// Does an octet sequence hold a word of the treasure?
bool holds_treasure(std::span<const uint8_t> octets);

// Wires, disk and policy: there before the machine is.
struct DeviceFiles {
  DeviceFiles();
  std::vector<std::string> words(const std::string& iommu) const;

  lab::WorkDir folder{"devices"};
  std::unique_ptr<registers::Wire> vnic_wire, e1000e_wire;
};

// A machine with all of the devices, whose CPU halts. `iommu`: its -device, or empty.
class DeviceFort : private DeviceFiles, public Fort {
 public:
  DeviceFort(const std::string& name, const std::string& iommu);

  // Places BARs 0 to 5 of the slot and enables it.
  void enable(unsigned slot);
  // A 64-bit BAR goes to this address.
  void place(unsigned slot, unsigned bar, uint64_t address);
  uint32_t read(unsigned slot, uint32_t offset) {
    return static_cast<uint32_t>(bus().read(bar_of(slot, 0) + offset, 4));
  }
  void write(unsigned slot, uint32_t offset, uint64_t value, unsigned octets = 4) {
    bus().write(bar_of(slot, 0) + offset, value, octets);
  }
  registers::Wire& wire(unsigned slot) { return slot == kVnic ? *vnic_wire : *e1000e_wire; }
  // Nothing of the treasure has left by the slot's wire.
  void expect_nothing_leaked(unsigned slot);

  // ---- edu: a DMA engine that the guest aims
  std::vector<uint8_t> dma_read(uint64_t address, unsigned octets);
  void dma_write(uint64_t address, std::span<const uint8_t> content);

  // ---- 82574L: QEMU's own and ours
  void start_nic(unsigned slot, uint64_t transmit_ring, uint64_t receive_ring,
                 uint64_t receive_buffer);
  // Frames of 128 octets each, one after the other from `buffer` on.
  void transmit(unsigned slot, uint64_t ring, uint64_t buffer, unsigned descriptors);
  // A frame from the wire, which the NIC would take.
  void feed(unsigned slot);

 private:
  void edu(uint64_t source, uint64_t destination, unsigned octets, bool out);
};

}  // namespace gatehouse::isolation

#endif  // GATEHOUSE_TESTS_ISOLATION_DEVICES_HH_
