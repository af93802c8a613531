// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/firewall/rules.hh"

#include <algorithm>

namespace gatehouse::firewall {
namespace {

// No list: any port, and frames without ports too.
bool in_ranges(const std::vector<policy::PortRange>& ranges, uint16_t port) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
           return range.first <= port && port <= range.last;
         });
}

}  // namespace

Members::Set Members::set_of(const std::vector<IpPrefix>& addresses) {
  auto set = std::make_shared<AddressSet>();
  for (const IpPrefix& prefix : addresses) set->add(prefix);
  set->finish();
  return set;
}

RuleSet::RuleSet(const policy::Firewall& firewall, const MembersOf& members)
    : name_(firewall.name) {
  rules_.reserve(firewall.rules.size());
  for (const policy::Rule& rule : firewall.rules) {
    rules_.push_back(compile(rule, members));
    rules_.back().verdict.rule = static_cast<uint32_t>(rules_.size() - 1);
  }
}

RuleSet::Rule RuleSet::compile(const policy::Rule& from, const MembersOf& members) {
  Rule rule;
  rule.direction = from.inward ? FlowDirection::kIn : FlowDirection::kOut;
  rule.verdict = {.allow = from.allow, .log = from.log};
  rule.name = from.name;
  rule.any_protocol = !from.protocol.has_value();
  rule.protocol = from.protocol.value_or(0);
  rule.any_icmp_type = from.icmp_types.empty();
  rule.icmp_types = {};
  for (const uint8_t type : from.icmp_types) rule.icmp_types[type / 64] |= uint64_t{1} << type % 64;
  rule.ports = from.ports;
  rule.source_ports = from.source_ports;
  // A group without members matches nobody.
  rule.any_remote = from.remote.empty() && from.groups.empty();
  for (const IpPrefix& prefix : from.remote) rule.remote.add(prefix);
  for (const std::string& group : from.groups) rule.groups.push_back(members(group));
  rule.remote.finish();
  rule.any_local = from.local.empty();
  for (const IpPrefix& prefix : from.local) rule.local.add(prefix);
  rule.local.finish();
  return rule;
}

bool RuleSet::matches(const Rule& rule, const Question& question) {
  if (rule.direction != question.direction) return false;
  if (!rule.any_protocol && rule.protocol != question.protocol) return false;
  if (!in_ranges(rule.ports, question.asked_port)) return false;
  if (!in_ranges(rule.source_ports, question.asking_port)) return false;
  const uint8_t type = question.icmp_type;
  if (!rule.any_icmp_type && (rule.icmp_types[type / 64] >> type % 64 & 1) == 0) return false;
  const auto holds = [&](const auto& set) { return set.contains(question.remote, question.v6); };
  if (!rule.any_remote && !holds(rule.remote) && !std::ranges::any_of(rule.groups, holds)) {
    return false;
  }
  return rule.any_local || rule.local.contains(question.local, question.v6);
}

Verdict RuleSet::judge(const Question& question) const {
  for (const Rule& rule : rules_) {
    if (matches(rule, question)) return rule.verdict;
  }
  return {.allow = question.direction == FlowDirection::kOut};
}

size_t RuleSet::group_sets() const {
  std::vector<const AddressSet*> sets;
  for (const Rule& rule : rules_) {
    for (const Members& group : rule.groups) {
      for (const Members::Set& set : group.sets()) {
        if (set) sets.push_back(set.get());
      }
    }
  }
  std::ranges::sort(sets);
  return static_cast<size_t>(std::unique(sets.begin(), sets.end()) - sets.begin());
}

}  // namespace gatehouse::firewall
