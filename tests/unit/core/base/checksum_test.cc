// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/checksum.hh"

#include <gtest/gtest.h>

#include <cctype>

#include "hw/core/base/address.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse {
namespace {

using test::Bytes;
using test::naive_sum;
using test::pattern;

// RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7.
TEST(Checksum, SumsTheExampleOfRfc1071) {
  const Bytes octets = test::from_hex("0001 f203 f4f5 f6f7");
  EXPECT_EQ(checksum::sum(octets.data(), octets.size()), 0xddf2);
  EXPECT_EQ(checksum::finish(0xddf2), 0x220d);
}

TEST(Checksum, SumsAnyLengthAtAnyAlignmentLikeTheDefinition) {
  const Bytes octets = pattern(1024);
  for (size_t start = 0; start < 9; ++start) {
    for (size_t length = 0; length <= 700; ++length) {
      ASSERT_EQ(checksum::sum(octets.data() + start, length),
                naive_sum(std::span(octets).subspan(start, length)))
          << "start " << start << " length " << length;
    }
  }
}

TEST(Checksum, CarriesOfAllOnesAndOfLongBuffersAreKept) {
  for (size_t length : {2u, 31u, 64u, 65u, 4096u, 65535u, 65600u}) {
    const Bytes ones(length, 0xff);
    EXPECT_EQ(checksum::sum(ones.data(), length), naive_sum(ones)) << length;
    const Bytes mixed = pattern(static_cast<uint32_t>(length), 7);
    EXPECT_EQ(checksum::sum(mixed.data(), length), naive_sum(mixed)) << length;
  }
  const Bytes zeros(4096, 0);
  EXPECT_EQ(checksum::sum(zeros.data(), zeros.size()), 0);
  EXPECT_EQ(checksum::sum(nullptr, 0), 0);
}

TEST(Checksum, PartsAtOddOffsetsAddUpToTheWhole) {
  const Bytes octets = pattern(301);
  const uint16_t whole = naive_sum(octets);
  for (size_t split = 0; split <= octets.size(); ++split) {
    const uint16_t first = checksum::sum(octets.data(), split);
    const uint16_t second = checksum::sum(octets.data() + split, octets.size() - split);
    ASSERT_EQ(checksum::add_at(first, second, split), whole) << split;
  }
}

TEST(Checksum, SubtractTakesAPartOut) {
  const Bytes octets = pattern(60);
  const uint16_t whole = checksum::sum(octets.data(), 60);
  const uint16_t tail = checksum::sum(octets.data() + 20, 40);
  EXPECT_EQ(checksum::subtract(whole, tail), checksum::sum(octets.data(), 20));
}

TEST(Checksum, IncrementalUpdateEqualsAFreshOne) {
  Bytes header = pattern(20, 3);
  uint16_t kept = checksum::finish(naive_sum(header));
  for (unsigned step = 0; step < 2000; ++step) {
    const size_t at = step % 10 * 2;
    const auto old_word = load_be<uint16_t>(header.data() + at);
    const auto new_word = static_cast<uint16_t>(step * 40503u);
    store_be<uint16_t>(header.data() + at, new_word);
    kept = checksum::update(kept, old_word, new_word);
    const uint16_t fresh = checksum::finish(naive_sum(header));
    ASSERT_EQ(kept, fresh) << "step " << step;
  }
}

// RFC 1624 section 4: the case in which RFC 1141's equation gives 0xffff.
TEST(Checksum, IncrementalUpdateGivesTheExampleOfRfc1624) {
  EXPECT_EQ(checksum::update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(Checksum, UdpNeverSendsZero) {
  EXPECT_EQ(checksum::finish(0xffff), 0x0000);
  EXPECT_EQ(checksum::finish_udp(0xffff), 0xffff);
  EXPECT_EQ(checksum::finish_udp(0x1234), checksum::finish(0x1234));
}

TEST(Checksum, PseudoHeadersEqualTheirOctets) {
  const IpAddress a4 = *parse_ip("192.0.2.1"), b4 = *parse_ip("255.255.255.254");
  EXPECT_EQ(checksum::pseudo_v4(a4.octets.data(), b4.octets.data(), 17, 0xfffe),
            naive_sum(test::from_hex("c0000201 fffffffe 0011 fffe")));
  const IpAddress a6 = *parse_ip("2001:db8::1"), b6 = *parse_ip("ffff:ffff::ffff");
  EXPECT_EQ(checksum::pseudo_v6(a6.octets.data(), b6.octets.data(), 6, 0x12345),
            naive_sum(test::from_hex("20010db8 00000000 00000000 00000001"
                                     "ffffffff 00000000 00000000 0000ffff 00012345 00000006")));
}

struct InsertRow {
  const char* what;
  uint32_t start, offset, end;
  bool done;
};

class ChecksumInsert : public testing::TestWithParam<InsertRow> {};

TEST_P(ChecksumInsert, WritesInsideTheFrameOrNotAtAll) {
  const InsertRow& row = GetParam();
  const Bytes before = pattern(61);
  Bytes frame = before;
  ASSERT_EQ(checksum::insert(frame, row.start, row.offset, row.end, checksum::Zero::kStays),
            row.done);
  if (!row.done) {
    EXPECT_EQ(frame, before);
    return;
  }
  const size_t after = row.end == 0 ? before.size() : row.end + 1;
  const uint16_t expected =
      checksum::finish(naive_sum(std::span(before).subspan(row.start, after - row.start)));
  Bytes wanted = before;
  store_be<uint16_t>(wanted.data() + row.offset, expected);
  EXPECT_EQ(frame, wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Contexts, ChecksumInsert,
    testing::Values(InsertRow{"to the end", 34, 50, 0, true},
                    InsertRow{"inclusive end", 14, 24, 33, true},
                    InsertRow{"odd number of octets", 14, 24, 34, true},
                    InsertRow{"field in front of the start", 34, 20, 0, true},
                    InsertRow{"field at the very end", 34, 59, 0, true},
                    InsertRow{"end is the last octet", 14, 24, 60, true},
                    InsertRow{"one octet", 60, 40, 60, true},
                    InsertRow{"end behind the frame", 14, 24, 61, false},
                    InsertRow{"end in front of the start", 34, 40, 33, false},
                    InsertRow{"start at the frame's end", 61, 40, 0, false},
                    InsertRow{"field half behind the frame", 34, 60, 0, false},
                    InsertRow{"largest values of the context", 255, 255, 65535, false},
                    InsertRow{"largest of all", 0xffffffff, 0xffffffff, 0xffffffff, false}),
    [](const auto& row) {
      std::string name = row.param.what;
      for (char& c : name) c = std::isalnum(c) ? c : '_';
      return name;
    });

TEST(ChecksumInsertZero, BecomesOnesOnlyWhenAsked) {
  Bytes frame(20, 0);
  frame[18] = frame[19] = 0xff;  // a sum of 0xffff
  Bytes udp = frame;
  ASSERT_TRUE(checksum::insert(frame, 14, 16, 0, checksum::Zero::kStays));
  EXPECT_EQ(load_be<uint16_t>(frame.data() + 16), 0x0000);
  ASSERT_TRUE(checksum::insert(udp, 14, 16, 0, checksum::Zero::kBecomesOnes));
  EXPECT_EQ(load_be<uint16_t>(udp.data() + 16), 0xffff);
}

}  // namespace
}  // namespace gatehouse
