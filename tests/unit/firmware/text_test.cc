// SPDX-License-Identifier: GPL-2.0-or-later
// Text, arguments, arena and the memory functions.
#include "firmware/hal/text.hh"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "firmware/hal/arena.hh"
#include "firmware/hal/arguments.hh"
#include "firmware/hal/memory.hh"

namespace gatehouse::hal {
namespace {

template <class... Parts>
std::string text_of(const Parts&... parts) {
  return std::string(Text<128>().add(parts...).view());
}

TEST(Text, PutsPartsTogether) {
  EXPECT_EQ(text_of("core ", 3u, ' ', std::string_view("xyz", 2), -7, "\n"), "core 3 xy-7\n");
  EXPECT_EQ(text_of(0, ",", std::numeric_limits<uint64_t>::max(), ",",
                    std::numeric_limits<int64_t>::min()),
            "0,18446744073709551615,-9223372036854775808");
  EXPECT_EQ(text_of(Hex{0}, " ", Hex{0xfee0'00b0}, " ", Hex{0xab, 4}, " ", Hex{~uint64_t{0}, 16}),
            "0x0 0xfee000b0 0x00ab 0xffffffffffffffff");
}

TEST(Text, CutsWhatHasNoRoom) {
  Text<4> text;
  text.add("abc", 12345);
  EXPECT_EQ(text.view(), "abc1");
  text.clear();
  EXPECT_EQ(text.add(1).view(), "1");
}

TEST(Arguments, FindsValuesOfWholeKeys) {
  constexpr Arguments arguments("poll=100,copy,name=a=b,poll=7,empty=,,hex=0xFf,x=0x1f");
  EXPECT_EQ(arguments.find("poll"), "100");
  EXPECT_EQ(arguments.find("copy"), "");
  EXPECT_EQ(arguments.find("name"), "a=b");
  EXPECT_EQ(arguments.find("empty"), "");
  EXPECT_FALSE(arguments.has("pol"));
  EXPECT_FALSE(arguments.has("cop"));
  EXPECT_FALSE(arguments.has("100"));
  EXPECT_EQ(arguments.number("poll", 1), 100u);
  EXPECT_EQ(arguments.number("x", 1), 0x1fu);
  EXPECT_EQ(arguments.number("missing", 5), 5u);
  EXPECT_FALSE(Arguments("").has("a"));
  EXPECT_FALSE(Arguments("a").has(""));
}

TEST(Arguments, WhatIsNoNumberIsNone) {
  for (const char* text : {"", "-1", "1x", "0x", "0xg", "18446744073709551616", "1 ",
                           "0x10000000000000000", "1e3", "0b1"}) {
    const std::string line = std::string("n=") + text;
    EXPECT_FALSE(Arguments(line).find_number("n").has_value()) << text;
  }
  EXPECT_EQ(Arguments("n=18446744073709551615").find_number("n"), ~uint64_t{0});
  EXPECT_EQ(Arguments("n=0xffffffffffffffff").find_number("n"), ~uint64_t{0});
}

TEST(Arena, GivesAlignedMemoryUntilThereIsNone) {
  Arena arena(0x1001, 0x2000);
  EXPECT_EQ(arena.take(1, 1), reinterpret_cast<void*>(0x1001));
  EXPECT_EQ(arena.take(0x10, 64), reinterpret_cast<void*>(0x1040));
  EXPECT_EQ(arena.take_array<uint64_t>(2), reinterpret_cast<uint64_t*>(0x1050));
  EXPECT_EQ(arena.left(), 0x2000u - 0x1060);
  EXPECT_EQ(arena.take(0x1000, 1), nullptr);
  EXPECT_EQ(arena.take(1, 0x10000), nullptr);
  EXPECT_EQ(arena.take_array<uint64_t>(~uint64_t{0} / 4), nullptr);
  EXPECT_EQ(arena.take(~uint64_t{0}, 1), nullptr);
  EXPECT_EQ(arena.take(arena.left(), 1), reinterpret_cast<void*>(0x1060));
  EXPECT_EQ(arena.take(1, 1), nullptr);
  EXPECT_EQ(Arena(5, 3).left(), 0u);
}

std::vector<uint8_t> counting(size_t octets) {
  std::vector<uint8_t> bytes(octets);
  for (size_t i = 0; i < octets; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + 1);
  return bytes;
}

TEST(Memory, MovesEveryLengthAtEveryDistance) {
  constexpr size_t kArea = 256;
  for (size_t octets = 0; octets <= 100; ++octets) {
    for (size_t from = 60; from < 140; ++from) {
      std::vector<uint8_t> ours = counting(kArea), theirs = ours;
      move(ours.data() + 100, ours.data() + from, octets);
      std::memmove(theirs.data() + 100, theirs.data() + from, octets);
      ASSERT_EQ(ours, theirs) << octets << " octets from " << from;
    }
  }
}

TEST(Memory, FillsEveryLength) {
  for (size_t octets = 0; octets <= 100; ++octets) {
    std::vector<uint8_t> ours = counting(128), theirs = ours;
    fill(ours.data() + 5, 0xa5, octets);
    std::memset(theirs.data() + 5, 0xa5, octets);
    ASSERT_EQ(ours, theirs) << octets;
  }
}

TEST(Memory, ComparesLikeMemcmp) {
  const auto sign = [](int value) { return (value > 0) - (value < 0); };
  for (size_t octets = 0; octets <= 40; ++octets) {
    const std::vector<uint8_t> a = counting(octets);
    EXPECT_EQ(compare(a.data(), a.data(), octets), 0);
    for (size_t i = 0; i < octets; ++i) {
      std::vector<uint8_t> b = a;
      b[i] ^= 0x80;
      ASSERT_EQ(sign(compare(a.data(), b.data(), octets)),
                sign(std::memcmp(a.data(), b.data(), octets)));
    }
  }
}

}  // namespace
}  // namespace gatehouse::hal
