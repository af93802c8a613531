// SPDX-License-Identifier: GPL-2.0-or-later
// The policy file's shape: one row for each member of each object. The reader's checks and
// messages, docs/policy.md and the JSON Schema are all made from these rows, so that they cannot
// drift apart.
#ifndef GATEHOUSE_HW_CORE_POLICY_SCHEMA_HH_
#define GATEHOUSE_HW_CORE_POLICY_SCHEMA_HH_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hw/core/policy/policy.hh"

namespace gatehouse::policy {

enum class Object : uint8_t {
  kPolicy,
  kFormat,
  kUplink,
  kNeighbour,
  kTenant,
  kVnic,
  kMapping,
  kGroup,
  kFirewall,
  kRule,
  kMeter,
  kMirror,
  kCount
};

enum class Type : uint8_t {
  kText,     // any string; for people
  kName,     // identifier, 1-64 characters
  kKeyword,  // one of Member::keywords
  kBoolean,
  kInteger,    // Member::minimum to Member::maximum
  kMac,        // unicast
  kIp,         // unicast, either family
  kIpv4,       // unicast
  kIpv6,       // unicast
  kInterface,  // "address/length": an own address and the length of its network
  kPrefix,     // "address" or "address/length" without host bits, of machines
  kAnyPrefix,  // the same, of groups and of nobody as well
  kHex,        // octets
  kField,      // bits of a tunnel header, as places.hh writes them
  kLengthRule,
  kMatch,
  kPorts,   // a port, or "first-last"
  kObject,  // Member::child
  kCount
};

// A JSON value that passed the checks of its type; only the member that fits the type is set.
struct Value {
  bool boolean = false;
  uint32_t integer = 0;
  std::string text;
  MacAddress mac;
  IpAddress ip;
  IpPrefix prefix;
  std::vector<uint8_t> octets;
  Field field;
  LengthRule length;
  Match match;
  PortRange ports;
};

struct Member {
  Object object;
  const char* name;
  Type type;
  bool list = false;  // a JSON array of `type`
  bool some = false;  // a list that is there has an element: one without would be as if it were not
  bool required = false;
  uint32_t minimum = 0, maximum = 0;  // kInteger, both inclusive
  const char* keywords = "";          // kKeyword: "vxlan|geneve"
  Object child = Object::kCount;      // kObject
  const char* instead_of = "";        // a member that says the same: both together are an error
  const char* fallback =
      "";  // what absence means: JSON text, or words in parentheses. Empty when required
  const char* example = "";  // JSON text of one value; messages and docs show it
  // Puts the value into the object that was opened last (a list: once for each element). For
  // kObject: opens a new one.
  void (*store)(Policy&, Value&&) = nullptr;
  const char* text = "";
};

struct ObjectRow {
  Object object;
  const char* name;  // heading in the docs, name in the JSON Schema
  const char* text;
};

struct TypeRow {
  Type type;
  const char* noun;  // "a MAC address"
  const char* how;   // `six octets like %`; % stands for the member's example
  const char* json_type;
  const char* pattern;  // regular expression (ECMA 262) for the JSON Schema; empty: none
};

std::span<const Member> members(Object object);
const ObjectRow& object_row(Object object);
const TypeRow& type_row(Type type);
std::vector<std::string_view> keywords(const Member& member);

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_SCHEMA_HH_
