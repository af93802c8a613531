// SPDX-License-Identifier: GPL-2.0-or-later
// A guest beside a partition that can take over its NIC, and the peer that it talks to.
#ifndef GATEHOUSE_TESTS_SCENARIOS_INTERCEPTED_HH_
#define GATEHOUSE_TESTS_SCENARIOS_INTERCEPTED_HH_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hw/spec/partition.hh"
#include "tests/scenarios/pair.hh"

namespace gatehouse::scenarios {

enum class Nic { kVnic, kStock };  // stock: QEMU's own e1000e
inline constexpr Nic kNics[] = {Nic::kVnic, Nic::kStock};
std::string name_of(Nic nic);

// The words that make a partition with the interceptor, in front of the device with this id.
// `more`: of the partition's properties.
std::vector<std::string> interceptor(const std::string& device, const std::string& console,
                                     const std::string& more = "");

// Puts a request to p0's firmware and waits for its answer.
partition::Answer request(lab::Guest& guest, partition::Request what);

class Intercepted {
 public:
  // `more`: of the partition's properties; `devices`: further words for the guest's QEMU.
  Intercepted(Nic nic, const std::string& more = "", const std::vector<std::string>& devices = {});

  lab::Guest& guest() { return *guest_; }
  lab::Agent& agent() { return guest_->agent(); }
  lab::Guest& peer() { return *peer_; }
  const lab::WorkDir& work() const { return work_; }
  // The partition's, a file.
  std::string console() const { return work_.path(guest_name_ + ".partition"); }

  // What the firmware reports: "started" is 1 or 0, counts and rules have their names.
  std::map<std::string, uint64_t> report();
  // The guest goes on in a second QEMU, which gets its state through a file.
  void move();

 private:
  std::unique_ptr<lab::Guest> start(const std::string& side, const std::string& name,
                                    const std::string& incoming = "");
  lab::WorkDir work_{"intercepted"};
  const Nic nic_;
  const std::string more_;
  const std::vector<std::string> devices_;
  std::string guest_name_ = "left";
  lab::Topology topology_;
  std::unique_ptr<lab::Process> underlay_;
  std::unique_ptr<lab::Guest> guest_, peer_;
};

// What ping(8) said at its end.
struct Pinged {
  explicit Pinged(const std::string& output);
  uint64_t sent = 0, received = 0, duplicates = 0;
};
std::string ping(unsigned times, const std::string& more = "");
// All came back, once.
void expect_no_loss(const lab::CommandResult& result);

}  // namespace gatehouse::scenarios

#endif  // GATEHOUSE_TESTS_SCENARIOS_INTERCEPTED_HH_
