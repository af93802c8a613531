// SPDX-License-Identifier: GPL-2.0-or-later
// Pages made from the tables.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "hw/core/policy/reader.hh"
#include "hw/core/policy/schema.hh"
#include "hw/spec/counters.hh"
#include "hw/spec/drop_reasons.hh"
#include "tools/docs/counters_page.hh"
#include "tools/docs/docs.hh"
#include "tools/docs/formats_page.hh"
#include "tools/docs/policy_page.hh"
#include "tools/docs/qmp_page.hh"

namespace gatehouse::docs {
namespace {

// ./gatehouse and meson say where the tree is; a person stands in it.
TEST(Docs, EachPageOfTheTreeIsWhatTheTablesSay) {
  const std::filesystem::path before = std::filesystem::current_path();
  if (const char* root = std::getenv("GATEHOUSE_ROOT")) std::filesystem::current_path(root);
  EXPECT_EQ(run({"--check"}), 0);
  std::filesystem::current_path(before);
}

size_t times(const std::string& row, const std::string& page) {
  size_t found = 0;
  for (size_t at = page.find(row); at != std::string::npos; at = page.find(row, at + 1)) ++found;
  return found;
}

TEST(CountersPage, TellsEachRowOnce) {
  const std::string page = counters_page();
  const size_t vnics = page.find("## Each vnic"), uplinks = page.find("## Each uplink"),
               drops = page.find("## Drop reasons");
  ASSERT_TRUE(vnics < uplinks && uplinks < drops && drops != std::string::npos);
  for (const spec::CounterRow& row : spec::kVnicCounters)
    EXPECT_EQ(times(std::string("| `") + row.name + "` | " + row.text + " |\n",
                    page.substr(vnics, uplinks - vnics)),
              1u)
        << row.name;
  for (const spec::CounterRow& row : spec::kUplinkCounters)
    EXPECT_EQ(times(std::string("| `") + row.name + "` | " + row.text + " |\n",
                    page.substr(uplinks, drops - uplinks)),
              1u)
        << row.name;
  for (const spec::DropReasonRow& row : spec::kDropReasons)
    EXPECT_EQ(
        times(std::string("| ") + spec::stage_name(row.stage) + " | " +
                  std::to_string(static_cast<unsigned>(row.reason)) + " | `" + row.name + "` | ",
              page.substr(drops)),
        1u)
        << row.name;
}

// The part of a page under a heading, up to the next one.
std::string under(const std::string& heading, const std::string& page) {
  const size_t at = page.find("\n### " + heading + "\n");
  if (at == std::string::npos) return {};
  return page.substr(at, page.find("\n##", at + 1) - at);
}

TEST(QmpPage, TellsACommandWithItsArgumentsAndAnswer) {
  const std::string page = qmp_page();
  const std::string query = under("query-gatehouse", page);
  EXPECT_NE(
      query.find(
          "Show all cards with their vnics, tables, counters and drops. Looking changes nothing."),
      std::string::npos);
  EXPECT_EQ(times("| [`all-drops`] | `bool` | list drop reasons whose count is zero, too (default "
                  "false) |\n",
                  query),
            1u);
  EXPECT_EQ(times("Returns the cards: list of [GatehouseCard](#gatehousecard).\n", query), 1u);
  EXPECT_EQ(times("-> { \"execute\": \"query-gatehouse\" }\n<- { \"return\": [] }\n", query), 1u);
  EXPECT_EQ(times("\n| `counters` | `any` | ", under("GatehouseUplink", page)), 1u);
  EXPECT_EQ(times("\n| `drops` | frames that end, with the reason as the packet's comment |\n",
                  under("GatehouseTapPoint", page)),
            1u);
  EXPECT_EQ(times("\n| `card` | `str` | the card's id |\n", under("GATEHOUSE_DROP", page)), 1u);
}

TEST(QmpPage, LeavesNothingOutAndLinksToWhatIsThere) {
  const std::string page = qmp_page();
  const char* root = std::getenv("GATEHOUSE_ROOT");
  std::ifstream file(std::filesystem::path(root ? root : ".") / "hw/qemu/gatehouse.json");
  const std::string schema{std::istreambuf_iterator<char>(file), {}};
  EXPECT_GT(times("\n{ '", schema), 40u);
  EXPECT_EQ(times("\n### ", page), times("\n{ '", schema));
  EXPECT_EQ(times(" |  |\n", page), 0u) << "every member is told of";
  for (size_t at = page.find("](#"); at != std::string::npos; at = page.find("](#", at + 1)) {
    const size_t from = page.rfind('[', at) + 1;
    EXPECT_NE(under(page.substr(from, at - from), page), "") << page.substr(from, at - from);
  }
}

TEST(PolicyPage, ShowsAPolicyThatTheReaderTakes) {
  const Result<policy::Policy> result = policy::read_policy(policy_example(), "example");
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result.value().mappings.size(), 3u);
  EXPECT_NE(policy_page().find(policy_example()), std::string::npos);
}

TEST(PolicyPage, TellsEveryMemberOnce) {
  const std::string page = policy_page();
  for (unsigned object = 0; object < static_cast<unsigned>(policy::Object::kCount); ++object) {
    const policy::Object which = static_cast<policy::Object>(object);
    const size_t heading = page.find(std::string("\n## ") + policy::object_row(which).name + "\n");
    ASSERT_NE(heading, std::string::npos) << policy::object_row(which).name;
    const std::string part = page.substr(heading + 1, page.find("\n## ", heading + 1) - heading);
    for (const policy::Member& member : policy::members(which)) {
      EXPECT_NE(part.find(std::string("\n| `") + member.name + "` | "), std::string::npos)
          << member.name;
    }
  }
}

TEST(PolicyPage, SchemaKnowsEveryMemberAndWhatIsRequired) {
  const nlohmann::json schema = nlohmann::json::parse(policy_json_schema());
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  for (unsigned object = 0; object < static_cast<unsigned>(policy::Object::kCount); ++object) {
    const policy::Object which = static_cast<policy::Object>(object);
    const nlohmann::json& part =
        object == 0 ? schema : schema["$defs"][policy::object_row(which).name];
    EXPECT_EQ(part["additionalProperties"], false);
    size_t required = 0;
    for (const policy::Member& member : policy::members(which)) {
      ASSERT_TRUE(part["properties"].contains(member.name)) << member.name;
      EXPECT_EQ(part["properties"][member.name].contains("items"), member.list);
      required += member.required;
    }
    EXPECT_EQ(part["properties"].size(), policy::members(which).size());
    EXPECT_EQ(part.contains("required") ? part["required"].size() : 0u, required);
  }
}

TEST(FormatsPage, ShowsAFormatThatTheReaderTakesAndWhatItSends) {
  const Result<policy::Policy> result = policy::read_policy(formats_example(), "example");
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result.value().formats.back().name, "quay");
  const std::string page = formats_page();
  EXPECT_NE(page.find(formats_example()), std::string::npos);
  EXPECT_NE(page.find("`0a 01 c0 de 00 13 89 00 "), std::string::npos) << "VNI 5001";
}

TEST(Docs, RefusesPagesThatItDoesNotHave) { EXPECT_EQ(run({"poetry"}), 2); }

}  // namespace
}  // namespace gatehouse::docs
