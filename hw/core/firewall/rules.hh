// SPDX-License-Identifier: GPL-2.0-or-later
// The rules of a vnic, in the order in which they are asked about the first frame of a connection.
#ifndef GATEHOUSE_HW_CORE_FIREWALL_RULES_HH_
#define GATEHOUSE_HW_CORE_FIREWALL_RULES_HH_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hw/core/base/flow_key.hh"
#include "hw/core/firewall/address_set.hh"
#include "hw/core/policy/policy.hh"

namespace gatehouse::firewall {

// Who begins what. The addresses are those of the frame, and outlive the question.
struct Question {
  FlowDirection direction = FlowDirection::kIn;  // of the first frame
  const uint8_t* local = nullptr;
  const uint8_t* remote = nullptr;
  bool v6 = false;
  uint8_t protocol = 0;
  uint8_t icmp_type = 0;
  uint16_t asked_port = 0, asking_port = 0;  // host order
};

struct Verdict {
  static constexpr uint32_t kNoRule = 0xffffffff;
  bool allow = false;
  bool log = false;
  uint32_t rule = kNoRule;  // the one that decided, by its place in the list; none: the default
};

// The members of a group, which all rules that name it share.
class Members {
 public:
  using Set = std::shared_ptr<const AddressSet>;

  Members() = default;  // nobody
  Members(const std::vector<IpPrefix>& addresses) : Members(set_of(addresses), nullptr) {}
  // Those listed with the group, and those of one tenant; null: nobody.
  Members(Set listed, Set tenants) : sets_{std::move(listed), std::move(tenants)} {}

  static Set set_of(const std::vector<IpPrefix>& addresses);

  bool contains(const uint8_t* octets, bool v6) const {
    for (const Set& set : sets_) {
      if (set && set->contains(octets, v6)) return true;
    }
    return false;
  }
  std::span<const Set> sets() const { return sets_; }

 private:
  std::array<Set, 2> sets_;
};

class RuleSet {
 public:
  // Rules beyond this are refused by whoever builds policies: each costs time for each new
  // connection.
  static constexpr size_t kMaxRules = 1024;
  // Members of a group by its name.
  using MembersOf = std::function<Members(const std::string&)>;

  RuleSet() = default;  // the defaults alone
  RuleSet(const policy::Firewall& firewall, const MembersOf& members);

  const std::string& name() const { return name_; }
  const std::string& name_of(uint32_t rule) const { return rules_[rule].name; }

  Verdict judge(const Question& question) const;
  size_t size() const { return rules_.size(); }
  // How many there are of all its rules' groups. Not on the packet path.
  size_t group_sets() const;

 private:
  struct Rule {
    FlowDirection direction;
    Verdict verdict;
    std::string name;
    bool any_protocol, any_icmp_type, any_remote, any_local;
    uint8_t protocol;
    std::array<uint64_t, 4> icmp_types;  // one bit each
    std::vector<policy::PortRange> ports, source_ports;
    AddressSet remote, local;
    std::vector<Members> groups;  // of the other end, beside `remote`
  };
  static Rule compile(const policy::Rule& from, const MembersOf& members);
  static bool matches(const Rule& rule, const Question& question);

  std::string name_;
  std::vector<Rule> rules_;
};

}  // namespace gatehouse::firewall

#endif  // GATEHOUSE_HW_CORE_FIREWALL_RULES_HH_
