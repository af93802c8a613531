// SPDX-License-Identifier: GPL-2.0-or-later
// A q35 machine without CPU whose only network function is a vnic on a card; the test drives its
// bus, and is the underlay.
#ifndef GATEHOUSE_TESTS_REGISTERS_MACHINE_HH_
#define GATEHOUSE_TESTS_REGISTERS_MACHINE_HH_

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/registers/qtest.hh"
#include "tools/lab/process.hh"
#include "tools/lab/qmp.hh"

namespace gatehouse::registers {

// The far end of an uplink: a Unix datagram socket, one frame a datagram.
class Wire {
 public:
  Wire(const std::string& own_path, std::string peer_path);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  void send(std::span<const uint8_t> frame);
  // The same, but not when the machine's end is full.
  void offer(std::span<const uint8_t> frame);
  // Nullopt when no frame comes in time.
  std::optional<std::vector<uint8_t>> receive();
  // A frame that is there already.
  bool idle();

 private:
  bool send(std::span<const uint8_t> frame, int flags);
  int fd_ = -1;
  std::string peer_path_;
};

// A BIOS of 64 KiB whose CPU does nothing: cli; hlt; jump back to the hlt.
std::string halting_rom();

struct MachineOptions {
  nlohmann::json policy;          // null: that of default_policy()
  std::string card = "";          // more of the card's properties, ",latency=..."
  std::string vnic = ",addr=4";   // more of the vnic's properties
  std::vector<std::string> more;  // further QEMU options
  bool vnic_present = true;
  std::string name = "machine";  // several in one test
  std::string incoming;          // URI of a migration to wait for
  // A partition p0 in front of everything, whose firmware does what Probe (probe.hh) says. Its core
  // runs; the guest's CPU does, too, and halts at once. The virtual clock is not the test's then.
  bool partition = false;
  std::string partition_more;  // more of its properties, ",persist=on"
};

class Machine {
 public:
  explicit Machine(MachineOptions options = {});
  static nlohmann::json default_policy();

  Qtest& bus() { return bus_; }
  lab::Qmp& qmp() { return qmp_; }
  Wire& wire() { return *wire_; }
  lab::Process& process() { return *process_; }
  std::string path(const std::string& leaf) const { return work_.path(leaf); }

  // PCI configuration space of bus 0 by ports CF8h and CFCh. Above 100h by MMCONFIG, which
  // enable_mmconfig() places.
  uint32_t config_read(unsigned device, unsigned offset, unsigned size);
  void config_write(unsigned device, unsigned offset, uint32_t value, unsigned size);
  uint32_t extended_read(unsigned device, unsigned offset);

  // Gives the vnic in this slot its BARs and sets memory, I/O and bus master enable.
  void place_bars(unsigned device = kSlot);
  uint32_t reg(uint32_t offset) { return static_cast<uint32_t>(bus_.read(kMemoryBar + offset, 4)); }
  void set_reg(uint32_t offset, uint32_t value) { bus_.write(kMemoryBar + offset, value, 4); }

  // query-gatehouse's only card, and its only vnic.
  nlohmann::json card(bool all_drops = false);
  nlohmann::json vnic();
  uint64_t drops(const std::string& reason);
  // Waits until the number of frames from the wire is this.
  void wait_received(uint64_t frames);
  // Puts the whole state into a file; throws lab::Failure when that fails. save() stops the machine
  // first, the other lets QEMU do that when all but a little is there. load(): whether the state
  // that `incoming` names was taken.
  void save(const std::string& path);
  void save_running(const std::string& path);
  bool load();
  // Waits, with a limit, until `done` holds; the clock does not move meanwhile.
  template <class Done>
  bool wait(Done&& done) {
    const lab::Deadline deadline(std::chrono::seconds(20));
    while (!done()) {
      if (deadline.expired()) return false;
    }
    return true;
  }

  static constexpr unsigned kSlot = 4;
  static constexpr uint32_t kMemoryBar = 0xe0000000;
  static constexpr uint32_t kFlashBar = 0xe0020000;
  static constexpr uint32_t kMsixBar = 0xe0040000;
  static constexpr uint32_t kIoBar = 0xc000;
  static constexpr uint64_t kMmconfig = 0xb0000000;
  static constexpr uint64_t kRamOctets = 64ull << 20;

 private:
  bool migrated();
  lab::WorkDir work_;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<lab::Process> process_;
  lab::Qmp qmp_;
  Qtest bus_;
};

}  // namespace gatehouse::registers

#endif  // GATEHOUSE_TESTS_REGISTERS_MACHINE_HH_
