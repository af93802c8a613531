// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/uplink/virtio_header.hh"

#include <gtest/gtest.h>

#include "tests/unit/core/frames.hh"

namespace gatehouse::uplink {
namespace {

TEST(VirtioHeader, DescribesASuperFrame) {
  const VirtioHeader header = virtio_header(SuperFrame{.mss = 1400,
                                                       .outer_l4 = 34,
                                                       .inner_l3 = 64,
                                                       .inner_l4 = 84,
                                                       .header_length = 116,
                                                       .inner_ipv6 = true,
                                                       .outer_checksum = true});
  EXPECT_EQ(test::to_hex({header.octets.begin(), header.octets.end()}),
            test::to_hex(test::from_hex("09 24 7400 7805 5400 1000"  // flags .. checksum offset
                                        "0000 00000000 0000 0000"    // buffers, hash
                                        "2200 4000")));
  const VirtioHeader other =
      virtio_header(SuperFrame{.mss = 1400, .outer_ipv6 = true, .congestion_reduced = true});
  EXPECT_EQ(other.octets[0], 0x01);
  EXPECT_EQ(other.octets[1], 0xc1);
}

TEST(VirtioHeader, TellsWhatArrived) {
  struct Row {
    const char* description;
    const char* header;
    uint16_t mss, start, offset, merged = 0;
  };
  const Row rows[] = {
      {"whole frame", "00 00 0000 0000 0000 0000", 0, 0, 0},
      {"open checksum", "01 00 0000 0000 5400 1000", 0, 84, 100},
      {"super-frame in IPv4", "01 21 7400 7805 5400 1000", 1400, 0, 0},
      {"super-frame in IPv6, congestion reduced", "09 c4 7400 7805 5400 1000", 1400, 0, 0},
      {"TCP without a tunnel", "01 01 3600 b405 2200 1000", 0, 34, 50, 1460},
      {"TCP over IPv6 that was merged", "02 84 4a00 a005 0000 0000", 0, 0, 0, 1440},
      {"tunnelled UDP", "01 25 7400 7805 5400 0600", 0, 84, 90},
      {"offset beyond all frames", "01 00 0000 0000 ffff ffff", 0, 0xffff, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.description);
    const card::Arrival found = arrival(test::from_hex(row.header));
    EXPECT_EQ(found.mss, row.mss);
    EXPECT_EQ(found.merged, row.merged);
    EXPECT_EQ(found.checksum_start, row.start);
    EXPECT_EQ(found.checksum_offset, row.offset);
  }
}

}  // namespace
}  // namespace gatehouse::uplink
