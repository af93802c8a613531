// SPDX-License-Identifier: GPL-2.0-or-later
// A machine whose NIC a second partition's firmware inspects, every frame sealed or copied, and
// what the other end of the wire gets.
#ifndef GATEHOUSE_TESTS_REGISTERS_INSPECTOR_HH_
#define GATEHOUSE_TESTS_REGISTERS_INSPECTOR_HH_

#include <string>
#include <vector>

#include "hw/spec/partition.hh"
#include "tests/registers/machine.hh"
#include "tests/registers/rings.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::registers {

class Inspector {
 public:
  // Frames with these octets are dropped. A device that is not the vnic is in `more`.
  explicit Inspector(const test::Bytes& unwanted, const std::string& arguments = "seal=on",
                     const std::string& device = "vnic0",
                     const std::vector<std::string>& more = {});
  const MachineOptions& options() const { return options_; }
  partition::Answer request(Machine& machine, partition::Request what);
  // Whether a report made now has this line; it is on the console before the answer is.
  bool reports(Machine& machine, const std::string& line);

 private:
  std::string console() const { return files_.path("console"); }
  lab::WorkDir files_{"inspector"};
  MachineOptions options_;
};

// BARs, link, rings.
void start(Machine& machine, Rings& rings);
// The guest's transmitter goes on; until then frames wait in its ring.
void transmit(Machine& machine);
void hold(Machine& machine);

// The card's own frames may come before.
void expect_on_wire(Machine& machine, const test::Bytes& frame);
// Nothing as long as `frame`, but perhaps the card's own.
void expect_nothing_on_wire(Machine& machine, const test::Bytes& frame);

}  // namespace gatehouse::registers

#endif  // GATEHOUSE_TESTS_REGISTERS_INSPECTOR_HH_
