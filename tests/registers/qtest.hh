// SPDX-License-Identifier: GPL-2.0-or-later
// A client of QEMU's qtest protocol (QEMU's system/qtest.c describes it): the test is the CPU and
// owns the virtual clock.
#ifndef GATEHOUSE_TESTS_REGISTERS_QTEST_HH_
#define GATEHOUSE_TESTS_REGISTERS_QTEST_HH_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/lab/line_socket.hh"

namespace gatehouse::registers {

// Every call throws lab::Failure when QEMU says FAIL, is gone, or does not answer in time.
class Qtest {
 public:
  void connect(const std::string& path);

  // Memory bus; `size` is 1, 2, 4 or 8 octets.
  uint64_t read(uint64_t address, unsigned size);
  void write(uint64_t address, uint64_t value, unsigned size);
  std::vector<uint8_t> read_block(uint64_t address, size_t length);
  void write_block(uint64_t address, std::span<const uint8_t> octets);

  // Ports; `size` is 1, 2 or 4.
  uint32_t in(uint16_t port, unsigned size);
  void out(uint16_t port, uint32_t value, unsigned size);

  // Virtual clock in ns. step(): to the next timer.
  int64_t step(int64_t ns);
  int64_t step();

 private:
  std::string request(const std::string& line);
  lab::LineSocket socket_;
};

}  // namespace gatehouse::registers

#endif  // GATEHOUSE_TESTS_REGISTERS_QTEST_HH_
