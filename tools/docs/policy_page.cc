// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/docs/policy_page.hh"

#include <nlohmann/json.hpp>
#include <string_view>

#include "hw/core/policy/schema.hh"

namespace gatehouse::docs {
namespace {

using policy::Member;
using policy::Object;
using policy::Type;
using Json = nlohmann::ordered_json;

constexpr char kIntroduction[] = R"(# The policy file

A card does what its policy says: who its vnics are, what they may send, and where each tenant's addresses are. `-device
gatehouse-card,policy=FILE` reads it when the card is made, `gatehouse-policy-load` (QMP) another one while the guest runs. The file is JSON. It is checked as a whole before anything of it takes effect; the
first thing that is wrong is told with its place, and how to mend it:

```
policy.json:12:17: vnics[1].mac: "52:54" is not a MAC address; write six octets like "52:54:00:00:00:01"
```

Beyond the types below, the check covers what must fit together: names that are used must exist; names, VNIs, and the addresses and vnics' MAC
addresses within a tenant must be there once; gateways and neighbours must be on their uplink's networks; peers need an uplink address of their
family; a mapping must not shadow a vnic of this card, or have its MAC address. What an uplink's MTU leaves to the inner frames behind a format's
headers is held against the mappings at last, and told without a line. A file may have 256 MiB.

This page is made from the schema's rows: `./gatehouse docs policy`. For editors there is the JSON
Schema [policy.schema.json](policy.schema.json). `./gatehouse policy FILE` says whether a card takes a file, without a card or QEMU.

## Example

```json
)";

constexpr char kExample[] = R"({
  "uplinks": [
    {"name": "uplink0", "mac": "02:00:00:00:01:01", "addresses": ["10.1.0.1/24", "fd01::1/64"], "gateway": "10.1.0.254", "mtu": 1600}
  ],
  "tenants": [
    {"name": "red", "vni": 5001, "broadcast_peer": "10.1.0.2"},
    {"name": "blue", "vni": 5002, "format": "vxlan", "mtu": 1400}
  ],
  "vnics": [
    {"name": "vnic0", "tenant": "red", "mac": "52:54:00:00:00:01", "addresses": ["192.168.0.1", "fd00::1"]},
    {"name": "vnic1", "tenant": "blue", "addresses": ["192.168.0.1"]}
  ],
  "mappings": [
    {"tenant": "red", "destination": "192.168.0.2", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2"},
    {"tenant": "red", "destination": "0.0.0.0/0", "mac": "52:54:00:00:00:fe", "peer": "10.1.0.2"},
    {"tenant": "blue", "destination": "192.168.0.2", "mac": "52:54:00:00:00:02", "peer": "fd01::3"}
  ]
}
)";

// Objects in the order in which they are met from the root, each once.
void collect(Object object, std::vector<Object>& order) {
  order.push_back(object);
  for (const Member& member : policy::members(object)) {
    if (member.type == Type::kObject) collect(member.child, order);
  }
}

std::vector<Object> all_objects() {
  std::vector<Object> order;
  collect(Object::kPolicy, order);
  return order;
}

std::string anchor(Object object) { return policy::object_row(object).name; }

std::string type_words(const Member& member) {
  const auto with_range = [&] {
    return std::to_string(member.minimum) + "-" + std::to_string(member.maximum);
  };
  std::string words;
  switch (member.type) {
    case Type::kObject:
      words = "[" + anchor(member.child) + "](#" + anchor(member.child) + ")";
      break;
    case Type::kInteger:
      words = with_range();
      break;
    case Type::kBoolean:
      words = "true, false";
      break;
    case Type::kKeyword:
      for (const std::string_view word : policy::keywords(member))
        words += (words.empty() ? "`\"" : ", `\"") + std::string(word) + "\"`";
      break;
    default: {
      words = policy::type_row(member.type).noun;
      words.erase(0, words.find(' ') + 1);  // the article
      words += ", `" + std::string(member.example) + "`";
    }
  }
  return member.list ? "list of: " + words : words;
}

std::string default_words(const Member& member) {
  if (member.required) return "**required**";
  const std::string words = member.fallback;
  return words.starts_with('(') ? words.substr(1, words.size() - 2) : "`" + words + "`";
}

Json schema_of(const Member& member) {
  Json one;
  if (member.type == Type::kObject) {
    one["$ref"] = "#/$defs/" + anchor(member.child);
  } else {
    one["type"] = policy::type_row(member.type).json_type;
    const std::string_view pattern = policy::type_row(member.type).pattern;
    if (!pattern.empty()) one["pattern"] = pattern;
  }
  if (member.type == Type::kInteger) {
    one["minimum"] = member.minimum;
    one["maximum"] = member.maximum;
  }
  if (member.type == Type::kKeyword) one["enum"] = policy::keywords(member);
  if (*member.example != '\0') one["examples"] = Json::array({Json::parse(member.example)});
  Json schema = one;
  if (member.list) schema = {{"type", "array"}, {"items", one}};
  if (member.some) schema["minItems"] = 1;
  schema["description"] = member.text;
  if (!member.required && *member.fallback != '(') schema["default"] = Json::parse(member.fallback);
  return schema;
}

Json schema_of(Object object) {
  Json required = Json::array(), properties = Json::object(), rivals = Json::array();
  for (const Member& member : policy::members(object)) {
    if (*member.instead_of != '\0') {
      rivals.push_back({{"not", {{"required", {member.name, member.instead_of}}}}});
    }
    properties[member.name] = schema_of(member);
    if (member.required) required.push_back(member.name);
  }
  Json schema = {{"type", "object"},
                 {"description", policy::object_row(object).text},
                 {"properties", properties}};
  if (!required.empty()) schema["required"] = required;
  if (!rivals.empty()) schema["allOf"] = rivals;
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace

const char* policy_example() { return kExample; }

std::string policy_page() {
  std::string page = kIntroduction;
  page += kExample;
  page += "```\n";
  for (const Object object : all_objects()) {
    const policy::ObjectRow& row = policy::object_row(object);
    page += std::string("\n## ") + row.name + "\n\n" + row.text +
            "\n\n| member | value | default | |\n|---|---|---|---|\n";
    for (const Member& member : policy::members(object)) {
      page += std::string("| `") + member.name + "` | " + type_words(member) + " | " +
              default_words(member) + " | " + member.text + " |\n";
    }
  }
  return page;
}

std::string policy_json_schema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Gatehouse policy"}};
  schema.update(schema_of(Object::kPolicy));
  Json definitions = Json::object();
  for (const Object object : all_objects()) {
    if (object != Object::kPolicy) definitions[anchor(object)] = schema_of(object);
  }
  schema["$defs"] = definitions;
  return schema.dump(2) + "\n";
}

}  // namespace gatehouse::docs
