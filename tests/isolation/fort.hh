// SPDX-License-Identifier: GPL-2.0-or-later
// A machine with a partition whose firmware keeps a treasure, and what attacks it: the guest's CPU,
// its devices, a manager. After each attack the fort must have held.
#ifndef GATEHOUSE_TESTS_ISOLATION_FORT_HH_
#define GATEHOUSE_TESTS_ISOLATION_FORT_HH_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/isolation/keeper/keeper.hh"
#include "tests/registers/qtest.hh"
#include "tools/lab/guest.hh"
#include "tools/lab/line_socket.hh"

namespace gatehouse::isolation {

// Each row of attacks.inc is one test of a class derived from this one.
class AttackTest : public testing::Test {
 protected:
  void SetUp() override;
  // No row without its test, and the other way round.
  static void expect_all_rows_tested(const std::string& suite);
};

// The keeper's executable.
std::string keeper();

enum class Inside {
  kIntruder,  // the guest is a BIOS that does what the test says
  kNothing,   // its CPU stands at a halt
  kLinux,
  kUefi,  // the same, started by UEFI with SMM
};
// Its variables as they are delivered.
inline constexpr char kUefiVariables[] = "/usr/share/OVMF/OVMF_VARS_4M.fd";

struct FortOptions {
  std::string name = "fort";
  Inside inside = Inside::kIntruder;
  unsigned cores = 3;
  std::string partition = ",persist=on";  // more of its properties
  std::vector<std::string> devices;       // further words for QEMU
  unsigned vcpus = 1;
  std::string cpu = lab::GuestOptions{}.cpu;
  std::string append;
  std::string incoming;
  bool paused = false;
};

class Fort {
 public:
  explicit Fort(const FortOptions& options = {});

  lab::Guest& guest() { return *guest_; }
  lab::Qmp& qmp() { return guest_->qmp(); }
  lab::Agent& agent() { return guest_->agent(); }
  // The guest's bus and ports, from no CPU.
  registers::Qtest& bus() { return bus_; }
  std::string path(const std::string& leaf) const { return work_.path(leaf); }
  std::string console() const { return lab::read_file(work_.path("keeper")); }
  // How often the keeper has begun.
  unsigned starts() const;

  nlohmann::json partition() { return qmp().execute("query-gatehouse-partitions").at(0); }
  uint64_t count(const std::string& name) { return partition().at(name).get<uint64_t>(); }
  // The keeper's answer; nullopt: none in time.
  std::optional<uint32_t> ask(Ask what);

  // Accesses to private addresses that were refused, by who made them: cpu, smm, device, other.
  struct Refused {
    uint64_t reads = 0, writes = 0;
    bool operator==(const Refused&) const = default;
  };
  std::map<std::string, Refused> refused();
  // The treasure is whole, each core answers and was not disturbed, none has faulted, the keeper
  // has not begun anew where it must not; the guest lives.
  void expect_held();

  struct Range {
    uint64_t begin, end;
  };
  // Waits until each attempt so far has been told: events come at most once a second.
  void hear_all();
  // An event GATEHOUSE_BOUNDARY that tells of `who` and of an address in the range; drops those of
  // others.
  void expect_told(const std::string& who, std::optional<uint32_t> id = std::nullopt,
                   Range range = {partition::kPrivateBase, partition::kPrivateEnd});

  // ---- The guest's CPU (Inside::kIntruder)
  uint64_t load(uint64_t address, unsigned octets, bool smm = false);
  void store(uint64_t address, uint64_t value, unsigned octets, bool smm = false);
  void out(uint16_t port, uint8_t value);
  uint64_t read_msr(uint32_t number);
  void write_msr(uint32_t number, uint64_t value);
  // These do not wait for an answer, which does not come after a fault.
  void try_write_msr(uint32_t number, uint64_t value);
  void try_write_memory(uint64_t address, uint32_t value);
  void try_out(uint16_t port, uint8_t value);
  void jump(uint64_t address);
  // The intruder obeys, perhaps after a reset.
  bool guest_lives(std::chrono::milliseconds limit = std::chrono::seconds(20));

  // ---- PCI bus 0, by its ports
  uint32_t config_read(unsigned slot, unsigned offset, unsigned octets, unsigned function = 0);
  void config_write(unsigned slot, unsigned offset, uint32_t value, unsigned octets,
                    unsigned function = 0);

 private:
  std::optional<nlohmann::json> next_told(const lab::Deadline& deadline);
  uint64_t order(const std::string& line);
  void say(const std::string& line);

  lab::WorkDir work_;
  FortOptions options_;
  std::unique_ptr<lab::Guest> guest_;
  registers::Qtest bus_;
  lab::LineSocket intruder_;
  uint64_t nonce_ = 0;
  uint64_t told_ = 0;  // attempts, by all events that were taken
};

// Waits until `condition` holds; false at the limit.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace gatehouse::isolation

#endif  // GATEHOUSE_TESTS_ISOLATION_FORT_HH_
