// SPDX-License-Identifier: GPL-2.0-or-later
// A further partition of a machine, beside the probe's, with a firmware of its own.
#ifndef GATEHOUSE_TESTS_REGISTERS_PARTITION_HH_
#define GATEHOUSE_TESTS_REGISTERS_PARTITION_HH_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hw/spec/partition.hh"
#include "tests/registers/machine.hh"

namespace gatehouse::registers {

class Partition {
 public:
  // `firmware` is one of ours; `more`: of the partition's properties, ",cores=2"; `chardev`:
  // another console than a file, without its id.
  Partition(const std::string& id, const std::string& firmware, const std::string& more = "",
            const std::string& chardev = "");
  // A unit of it, `kind` is redirect or steer, in front of the device with this id.
  Partition& unit(const std::string& kind, const std::string& device);
  // QEMU's options for all of it.
  const std::vector<std::string>& words() const { return words_; }
  // A machine with a partition like that; `more` options besides.
  MachineOptions options(const std::vector<std::string>& more = {}) const;

  // What is in the file.
  std::string console() const { return lab::read_file(files_.path("console")); }
  // Waits, with a limit, until the text is in it.
  bool prints(Machine& machine, const std::string& text) const;
  // Its row of query-gatehouse-partitions.
  nlohmann::json state(Machine& machine) const;
  // The answer of its firmware. Throws lab::Failure when none comes in time, or another's.
  partition::Answer request(Machine& machine, partition::Request what) const;
  // The text of its next alert; empty: none comes in time.
  std::string alert(Machine& machine) const;

 private:
  std::string id_;
  lab::WorkDir files_;
  std::vector<std::string> words_;
};

}  // namespace gatehouse::registers

#endif  // GATEHOUSE_TESTS_REGISTERS_PARTITION_HH_
