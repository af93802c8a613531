// SPDX-License-Identifier: GPL-2.0-or-later
// Two guests of one tenant, a card each, and the underlay between them.
#ifndef GATEHOUSE_TESTS_SCENARIOS_PAIR_HH_
#define GATEHOUSE_TESTS_SCENARIOS_PAIR_HH_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/lab/guest.hh"
#include "tools/lab/topology.hh"

namespace gatehouse::scenarios {

inline constexpr const char* kLeft4 = "192.168.0.1";
inline constexpr const char* kRight4 = "192.168.0.2";
inline constexpr const char* kLeft6 = "fd00::1";
inline constexpr const char* kRight6 = "fd00::2";
inline constexpr const char* kLeftMac = "52:54:00:00:00:01";
inline constexpr const char* kRightMac = "52:54:00:00:00:02";

struct PairOptions {
  std::string kernel = "6.1";
  std::string format = "geneve";
  bool ipv6_underlay = false;
  unsigned underlay_mtu = 1700;
  unsigned vcpus = 1;
  nlohmann::json formats = nlohmann::json::array();
  // What the card of a side shall have besides: it may change the policy.
  std::function<void(const std::string& side, nlohmann::json& policy)> policy;
  std::string vnic_options;
  std::vector<std::string> switch_options;  // of the underlay
  std::vector<std::string> left_devices;    // more for the left guest's machine
  std::string left_append;                  // more of its kernel's command line
};

class Pair {
 public:
  explicit Pair(const PairOptions& options = {});

  lab::Guest& left() { return *left_; }
  lab::Guest& right() { return *right_; }
  lab::WorkDir& work() { return work_; }
  const lab::Topology& topology() const { return topology_; }
  std::string policy_path(const std::string& side) const { return work_.path(side + ".json"); }
  std::string underlay_socket() const { return work_.path("net"); }
  // The words by which a guest of that side joins: for a second QEMU that takes over.
  std::vector<std::string> devices(const std::string& side,
                                   const std::string& vnic_options = "") const;

 private:
  lab::WorkDir work_{"pair"};
  lab::Topology topology_;
  std::unique_ptr<lab::Process> underlay_;
  std::unique_ptr<lab::Guest> left_, right_;
};

// The two ends of a pair before anything is started.
lab::Topology pair_topology(const PairOptions& options);

nlohmann::json card_of(lab::Guest& guest);
// Drop counters by reason, those above zero.
std::map<std::string, uint64_t> drops_of(lab::Guest& guest);
// What `after` counts more than `before`.
std::map<std::string, uint64_t> difference(const std::map<std::string, uint64_t>& before,
                                           const std::map<std::string, uint64_t>& after);
uint64_t vnic_counter(lab::Guest& guest, const std::string& vnic, const std::string& counter);

// What one looks at where traffic has stopped: the card's counters, the guest's connections, its
// interface and the driver's statistics.
std::string story_of(lab::Guest& guest);

// Sends `mib` of random octets by TCP and compares their digests; the two ends are in different
// guests.
void copy_and_compare(lab::Guest& from, lab::Guest& to, const std::string& address, unsigned mib);

// Digits without spaces, as gh-frames takes a frame.
std::string hex(const std::vector<uint8_t>& frame);

// Waits in the guest until the interface has a carrier.
void wait_for_carrier(lab::Guest& guest, const std::string& interface = "eth0");
// Waits until `condition` holds; false at the limit.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace gatehouse::scenarios

#endif  // GATEHOUSE_TESTS_SCENARIOS_PAIR_HH_
