// SPDX-License-Identifier: GPL-2.0-or-later
// A driver's rings in the machine's RAM: enough of one to send and receive frames with queue 0.
#ifndef GATEHOUSE_TESTS_REGISTERS_RINGS_HH_
#define GATEHOUSE_TESTS_REGISTERS_RINGS_HH_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "hw/spec/i82574_descriptors.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/registers/machine.hh"

namespace gatehouse::registers {

class Rings {
 public:
  static constexpr uint32_t kDescriptors = 64;
  static constexpr uint64_t kReceiveRing = 0x100000;
  static constexpr uint64_t kTransmitRing = 0x110000;
  static constexpr uint64_t kReceiveBuffers = 0x200000;   // 2048 octets each
  static constexpr uint64_t kTransmitBuffers = 0x400000;  // 64 KiB each

  explicit Rings(Machine& machine) : machine_(machine) {}

  // Link, rings, receiver with broadcast, transmitter. The BARs are placed.
  void start();
  void wait_link();

  // One frame of one legacy descriptor; the returned index is that of the descriptor.
  uint32_t send(std::span<const uint8_t> frame);
  // One frame of Ethernet, IPv4 and TCP without options, for the card to cut.
  void send_super_frame(std::span<const uint8_t> frame, uint32_t mss);
  // Puts a descriptor at the tail without moving it; for descriptors of all kinds.
  void put(const std::array<uint8_t, i82574::kTxDescriptorSize>& descriptor);
  void write_buffer(uint32_t index, std::span<const uint8_t> octets);
  uint64_t buffer(uint32_t index) const { return kTransmitBuffers + uint64_t{index} * 0x10000; }
  void doorbell();
  uint32_t tail() const { return transmit_tail_; }
  bool sent(uint32_t index);

  // The next frame that was received, or nullopt when its descriptor is not done within the limit.
  std::optional<std::vector<uint8_t>> receive();
  // Whether one is there now.
  bool received();

 private:
  std::vector<uint8_t> receive_descriptor() {
    return machine_.bus().read_block(kReceiveRing + 16 * receive_head_, 16);
  }
  Machine& machine_;
  uint32_t transmit_tail_ = 0;
  uint32_t receive_head_ = 0;
};

}  // namespace gatehouse::registers

#endif  // GATEHOUSE_TESTS_REGISTERS_RINGS_HH_
