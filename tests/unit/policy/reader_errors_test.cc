// SPDX-License-Identifier: GPL-2.0-or-later
// Every complaint of the policy reader, word for word: place, path, what is wrong, what to write
// instead.
#include <gtest/gtest.h>

#include <string>

#include "hw/core/policy/reader.hh"

namespace gatehouse::policy {
namespace {

// Around most rows: a policy that is right but for the row's text. The row's text begins at line 2,
// column 1.
constexpr char kUplinks[] =
    R"("uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.1.0.1/24"]}])";
constexpr char kTenants[] = R"("tenants": [{"name": "red", "vni": 1}, {"name": "blue", "vni": 2}])";

enum class Around { kNothing, kObject, kUplinks, kTenants };

struct Row {
  const char* what;
  Around around;
  const char* text;
  const char* error;  // without the file name
};

std::string wrap(const Row& row) {
  switch (row.around) {
    case Around::kNothing:
      return row.text;
    case Around::kObject:
      return std::string("{\n") + row.text + "}";
    case Around::kUplinks:
      return std::string("{\n") + row.text + ",\n" + kUplinks + "}";
    case Around::kTenants:
      return std::string("{\n") + row.text + ",\n" + kUplinks + ",\n" + kTenants + "}";
  }
  return {};
}

const Row kRows[] = {
#include "tests/unit/policy/reader_errors.inc"
};

TEST(ReaderErrors, NameThePlaceThePathAndTheFix) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.what);
    const Result<Policy> result = read_policy(wrap(row), "policy.json");
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.status().message(), std::string("policy.json") + row.error);
  }
}

// The rows above are C strings.
TEST(ReaderErrors, ANulOctetIsNoEnd) {
  using std::string_literals::operator""s;
  const Result<Policy> result = read_policy("{}\n\0{}"s, "policy.json");
  EXPECT_EQ(result.status().message(), "policy.json:2:1: not JSON: a NUL octet; remove it");
}

TEST(ReaderErrors, AHugeNumberIsNotRepeated) {
  const Result<Policy> result =
      read_policy("{\"connections\": 1" + std::string(100'000, '0') + "}", "policy.json");
  EXPECT_TRUE(result.status().message().starts_with("policy.json:1:17: connections: 1000"));
  EXPECT_LT(result.status().message().size(), 200u);
}

}  // namespace
}  // namespace gatehouse::policy
