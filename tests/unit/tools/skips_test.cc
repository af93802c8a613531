// SPDX-License-Identifier: GPL-2.0-or-later
// Why tests were skipped, as GoogleTest prints it.
#include "tools/test/skips.hh"

#include <gtest/gtest.h>

namespace gatehouse::test {
namespace {

TEST(Skips, AreReadByReason) {
  const auto skips = read_skips(
      "[ RUN      ] Peers/Gro.Merges/geneve\n"
      "../../tests/peers/gro.cc:251: Skipped\n"
      "skipped: needs the kernel's geneve\n"
      "\n"
      "[  SKIPPED ] Peers/Gro.Merges/geneve (17 ms)\n"
      "[ RUN      ] Peers/Gro.Merges/vxlan\n"
      "[       OK ] Peers/Gro.Merges/vxlan (1 ms)\n"
      "[ RUN      ] Dissector.Knows\n"
      "dissector.cc:9: Skipped\n"
      "needs tshark\n"
      "[ RUN      ] Peers/Gro.Mixes/geneve\n"
      "gro.cc:260: Skipped\n"
      "skipped: needs the kernel's geneve\n");
  ASSERT_EQ(skips.size(), 2u);
  EXPECT_EQ(skips[0].reason, "needs the kernel's geneve");
  EXPECT_EQ(skips[0].tests, 2u);
  EXPECT_EQ(skips[0].first, "Peers/Gro.Merges/geneve");
  EXPECT_EQ(skips[1].reason, "needs tshark");
  EXPECT_EQ(skips[1].tests, 1u);
  EXPECT_EQ(skips[1].first, "Dissector.Knows");
}

TEST(Skips, AreNoneWhereNothingWasSkipped) {
  EXPECT_TRUE(read_skips("").empty());
  EXPECT_TRUE(read_skips("[ RUN      ] A.B\n[       OK ] A.B\nx: Skipped").empty());
}

}  // namespace
}  // namespace gatehouse::test
