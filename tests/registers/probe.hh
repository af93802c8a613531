// SPDX-License-Identifier: GPL-2.0-or-later
// The test as a partition's core: loads and stores done by the firmware of probe/main.cc.
#ifndef GATEHOUSE_TESTS_REGISTERS_PROBE_HH_
#define GATEHOUSE_TESTS_REGISTERS_PROBE_HH_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "hw/spec/partition.hh"
#include "tests/registers/machine.hh"
#include "tools/lab/line_socket.hh"

namespace gatehouse::registers {

class Probe {
 public:
  // The machine has a partition.
  explicit Probe(Machine& machine);
  static std::string firmware();  // the image's path

  // `octets` is 1, 2, 4 or 8. Throws lab::Failure when the core does not answer in time.
  uint64_t read(uint64_t address, unsigned octets);
  void write(uint64_t address, uint64_t value, unsigned octets);

  // Of plain data in private RAM, a multiple of 4 octets long.
  template <class T>
  T get(uint64_t address) {
    T value;
    for (size_t at = 0; at < sizeof value; at += 4) {
      const uint32_t word = static_cast<uint32_t>(read(address + at, 4));
      std::memcpy(reinterpret_cast<uint8_t*>(&value) + at, &word, 4);
    }
    return value;
  }
  template <class T>
  void put(uint64_t address, const T& value) {
    for (size_t at = 0; at < sizeof value; at += 4) {
      uint32_t word;
      std::memcpy(&word, reinterpret_cast<const uint8_t*>(&value) + at, 4);
      write(address + at, word, 4);
    }
  }

  // Registers of a unit, by their row's offset.
  static uint64_t unit_register(unsigned unit, uint32_t offset) {
    return partition::kMmioBase + (1 + unit) * partition::kPage + offset;
  }

 private:
  uint64_t request(const std::string& line);
  lab::LineSocket socket_;
};

// The firmware's side of unit 0.
class FirstUnit {
 public:
  explicit FirstUnit(Probe& probe) : probe_(probe) {}

  uint64_t get(uint32_t offset, unsigned octets = 4) {
    return probe_.read(Probe::unit_register(0, offset), octets);
  }
  void set(uint32_t offset, uint64_t value, unsigned octets = 4) {
    probe_.write(Probe::unit_register(0, offset), value, octets);
  }
  partition::Result commit() {
    set(partition::unit::COMMIT, 1);
    return static_cast<partition::Result>(get(partition::unit::RESULT));
  }

 protected:
  Probe& probe_;
};

// What QEMU says to these options, behind a partition p0, before it ends. Throws lab::Failure when
// it does not end with status 1.
std::string refusal(const std::vector<std::string>& more);

}  // namespace gatehouse::registers

#endif  // GATEHOUSE_TESTS_REGISTERS_PROBE_HH_
