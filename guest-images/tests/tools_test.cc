// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "guest-images/common/number.hh"
#include "guest-images/frames/hex.hh"
#include "guest-images/load/wire.hh"

namespace gatehouse {
namespace {

using frames::parse_frame;
using frames::Pattern;

TEST(Frame, TakesHexWithSeparators) {
  EXPECT_EQ(parse_frame("ff:00-1A 2b"), (frames::Frame{0xff, 0x00, 0x1a, 0x2b}));
  EXPECT_EQ(parse_frame(""), frames::Frame{});
}

TEST(Frame, RefusesHalfBytesAndForeignCharacters) {
  EXPECT_FALSE(parse_frame("fff"));
  EXPECT_FALSE(parse_frame("0x12"));
}

TEST(Frame, ComesBackAsHex) { EXPECT_EQ(frames::to_hex(frames::Frame{0x0a, 0xf0}), "0af0"); }

struct PatternRow {
  const char* description;
  const char* pattern;
  const char* frame;
  bool matches;
};

TEST(Pattern, MatchesBytesAtOffsets) {
  const PatternRow rows[] = {
      {"nothing asked", "", "00", true},
      {"from the start", "0102", "010203", true},
      {"another byte", "0102", "010303", false},
      {"at an offset", "2=03", "010203", true},
      {"two places", "0=01,2=03", "01ff03", true},
      {"second place differs", "0=01,2=04", "01ff03", false},
      {"any high digit", ".1", "f1", true},
      {"any high digit, wrong low one", ".1", "f2", false},
      {"any low digit", "f.", "f7", true},
      {"frame too short", "4=00", "00000000", false},
  };
  for (const PatternRow& row : rows) {
    const auto pattern = Pattern::parse(row.pattern);
    ASSERT_TRUE(pattern) << row.description;
    EXPECT_EQ(pattern->matches(*parse_frame(row.frame)), row.matches) << row.description;
  }
}

TEST(Pattern, RefusesWhatItCannotRead) {
  for (const char* text : {"x=00", "1x=00", "0", "0=0g", "-1=00", "=00", "0=.1."}) {
    EXPECT_FALSE(Pattern::parse(text)) << text;
  }
}

TEST(Number, IsDigitsUpToALimitAndNothingElse) {
  EXPECT_EQ(parse_number("0", 9), 0u);
  EXPECT_EQ(parse_number("9", 9), 9u);
  for (const char* text : {"10", "", "-1", "+1", "1s", "0x1", " 1", "99999999999999999999"}) {
    EXPECT_FALSE(parse_number(text, 9)) << text;
  }
}

TEST(LoadRequest, ComesBackFromItsLine) {
  for (int mode = 0; mode <= static_cast<int>(load::Mode::kUdpRr); mode++) {
    const load::Request sent{static_cast<load::Mode>(mode), 64, 1500, 7};
    load::Request got;
    ASSERT_TRUE(parse(format(sent), &got)) << load::mode_name(sent.mode);
    EXPECT_EQ(got.mode, sent.mode);
    EXPECT_EQ(got.size, 64u);
    EXPECT_EQ(got.length_ms, 1500);
    EXPECT_EQ(got.rate, 7);
  }
}

TEST(LoadRequest, RefusesSizesAndTimesOutOfRange) {
  load::Request got;
  for (const char* line :
       {"udp-out 0 100 0", "udp-out 65508 100 0", "tcp-in 131073 100 0", "tcp-in 1 0 0",
        "tcp-in 1 1 -1", "tcp-in 1 1", "ftp 1 1 0", "", "abcdefghijklmnopqrst 1 1 0"}) {
    EXPECT_FALSE(parse(line, &got)) << line;
  }
}

}  // namespace
}  // namespace gatehouse
