// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/isolation/attacks.hh"

#include <set>

#include "tests/isolation/fort.hh"

namespace gatehouse::isolation {

void AttackTest::SetUp() {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  bool found = false;
  for_each_attack([&](const Attack& attack) {
    if (std::string(attack.suite) != test.test_suite_name() ||
        std::string(attack.name) != test.name())
      return;
    found = true;
    RecordProperty("attack", attack.tried);
  });
  ASSERT_TRUE(found) << "attacks.inc has no row for this test";
}

void AttackTest::expect_all_rows_tested(const std::string& suite) {
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  std::set<std::string> tests;
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& found = *all.GetTestSuite(i);
    if (found.name() != suite) continue;
    for (int j = 0; j < found.total_test_count(); ++j) tests.insert(found.GetTestInfo(j)->name());
  }
  for_each_attack([&](const Attack& attack) {
    EXPECT_TRUE(attack.suite != suite || tests.contains(attack.name))
        << "nobody tries " << attack.name;
  });
}

}  // namespace gatehouse::isolation
