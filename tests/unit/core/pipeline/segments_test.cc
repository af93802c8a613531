// SPDX-License-Identifier: GPL-2.0-or-later
// STT streams of several segments, out and in: the same octets, whatever the order; a lost segment
// is a lost frame with a reason.
#include <algorithm>

#include "hw/core/base/archive.hh"
#include "tests/unit/core/pipeline/segments.hh"

namespace gatehouse::test {
namespace {

using stateless::Loss;
using stateless::Range;

class Stream : public testing::TestWithParam<SegmentsCase> {
 protected:
  static Data data() { return {.v6 = GetParam().v6}; }
  static const Shape& shape() { return GetParam().shape; }
  static size_t outer() {  // octets in front of the TCP-shaped header
    return 14 + (shape().vlan != 0 ? 4 : 0) + (shape().v6 ? 40 : 20);
  }
  static std::vector<Bytes> segments() { return segments_of(shape(), data()); }
  static uint32_t room() { return 1500 - (shape().v6 ? 40 : 20) - 20; }
  static uint32_t total() { return 18 + data().headers() + data().octets; }
};

TEST_P(Stream, IsOneFrameInEqualSegmentsWithOneTunnelHeader) {
  World a(card_a(shape()));
  data().send(a);
  const std::vector<Bytes> frames = sent(a);
  const uint32_t count = (total() + room() - 1) / room();
  ASSERT_EQ(frames.size(), count);
  Bytes stream;
  for (size_t i = 0; i < count; ++i) {
    const Bytes& frame = frames[i];
    SCOPED_TRACE(i);
    EXPECT_EQ(frame.size(), outer() + 20 + std::min<size_t>(room(), total() - i * room()));
    std::string why;
    EXPECT_TRUE(checksums_right(frame, &why)) << why;
    const uint8_t* tcp = frame.data() + outer();
    EXPECT_EQ(load_be<uint32_t>(tcp + 4), total() << 16 | uint32_t(i) * room());
    EXPECT_EQ(load_be<uint32_t>(tcp + 8), load_be<uint32_t>(frames[0].data() + outer() + 8));
    EXPECT_EQ(Bytes(tcp, tcp + 4), Bytes(frames[0].begin() + ptrdiff_t(outer()),
                                         frames[0].begin() + ptrdiff_t(outer()) + 4));
    stream.insert(stream.end(), frame.begin() + ptrdiff_t(outer()) + 20, frame.end());
  }
  const uint8_t l4 = GetParam().v6 ? 54 : 34, flags = GetParam().v6 ? 0x0a : 0x0e;
  EXPECT_EQ(to_hex(Bytes(stream.begin(), stream.begin() + 18)),
            to_hex(stt_header(100, flags, l4, kMss)));
  // The inner frame as the guest left it, but for the checksum.
  Bytes inner = data().frame();
  std::copy_n(stream.begin() + 18 + l4 + 16, 2, inner.begin() + l4 + 16);
  EXPECT_EQ(Bytes(stream.begin() + 18, stream.end()), inner);
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                               {"vnic0.tx_bytes", inner.size()},
                               {"vnic0.tx_super_frames", 1},
                               {"vnic0.tx_segments", (data().octets + kMss - 1) / kMss},
                               {"vnic0.tx_encapsulated", 1},
                               {"vnic0.tx_shaped", count},
                               {"uplink0.tx_frames", count},
                               {"uplink0.tx_bytes", octets_of(frames)}}));
  EXPECT_EQ(a.pool.in_use(), 0u);
}

TEST_P(Stream, ComesOutAsTheSegmentsThatTheGuestMeant) {
  const std::vector<Bytes> frames = segments();
  World b(card_b(shape()));
  receive(b, frames);
  EXPECT_EQ(received(b), as_if_cut(data()));
  const uint32_t made = (data().octets + kMss - 1) / kMss;
  EXPECT_EQ(b.sink.received.size(), made);
  for (const VnicFrame& frame : b.sink.received) {
    EXPECT_EQ(frame.vnic, 0u);
    EXPECT_TRUE(frame.checked && frame.good);
    EXPECT_TRUE(checksums_right(frame.frame));
  }
  EXPECT_EQ(b.count(), (Counts{{"uplink0.rx_frames", frames.size()},
                               {"uplink0.rx_bytes", octets_of(frames)},
                               {"uplink0.rx_shaped", frames.size()},
                               {"uplink0.rx_reassembled", 1},
                               {"uplink0.rx_segments", made},
                               {"uplink0.rx_decapsulated", 1}}));
  EXPECT_EQ(b.pool.in_use(), 0u);
  EXPECT_EQ(b.pipeline.next_tick(), INT64_MAX);
}

TEST_P(Stream, ADriverThatTakesLargeFramesGetsThem) {
  policy::Policy policy = card_b(shape());
  policy.vnics[0].coalesce = true;
  World b(policy);
  b.sink.largest = 9018;
  receive(b, segments());
  ASSERT_EQ(b.sink.received.size(), 3u);  // of fifteen, six and six and three
  Bytes payload;
  for (const Bytes& frame : received(b)) {
    EXPECT_LE(frame.size(), 9018u);
    payload.insert(payload.end(), frame.begin() + data().headers(), frame.end());
  }
  EXPECT_EQ(payload, pattern(data().octets));
}

TEST_P(Stream, OrderDoesNotMatterAndTwiceIsADrop) {
  std::vector<Bytes> frames = segments();
  std::reverse(frames.begin(), frames.end());
  std::rotate(frames.begin(), frames.begin() + 5, frames.end());
  World b(card_b(shape()));
  for (size_t i = 0; i + 1 < frames.size(); ++i) b.from_wire(frames[i]), b.from_wire(frames[i]);
  EXPECT_TRUE(b.sink.received.empty());
  b.from_wire(frames.back());
  EXPECT_EQ(received(b), as_if_cut(data()));
  const uint64_t twice = frames.size() - 1;
  EXPECT_EQ(b.count()["drop.segment_duplicate"], twice);
  EXPECT_EQ(b.count()["uplink0.rx_drops"], twice);
  EXPECT_EQ(b.count()["uplink0.rx_shaped"], frames.size());
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(Stream, ALostSegmentCostsTheFrameAndIsNamed) {
  const std::vector<Bytes> frames = segments();
  World b(card_b(shape()));
  for (size_t i = 0; i < frames.size(); ++i) {
    if (i != 3) b.from_wire(frames[i]);
  }
  EXPECT_EQ(b.pipeline.incomplete_frames(), 1u);
  EXPECT_EQ(b.pipeline.next_tick(), b.now + kTime);
  EXPECT_EQ(b.pipeline.tick(b.now + kTime - 1), b.now + kTime);
  const Counts before = b.count();
  EXPECT_EQ(b.pipeline.tick(b.now + kTime), INT64_MAX);
  EXPECT_EQ(moved(before, b.count()),
            (Counts{{"drop.frame_incomplete", 1}, {"uplink0.rx_drops", 1}}));
  EXPECT_EQ(b.sink.drops, (std::vector<Dropped>{{false, 0, spec::DropReason::frame_incomplete}}));
  ASSERT_EQ(b.sink.losses.size(), 1u);
  EXPECT_EQ(b.sink.losses[0].loss.cause, Loss::Cause::kExpired);
  EXPECT_EQ(b.sink.losses[0].loss.total, total());
  EXPECT_EQ(b.sink.losses[0].missing, (std::vector<Range>{{3 * room(), 4 * room()}}));
  EXPECT_TRUE(b.sink.received.empty());
  EXPECT_EQ(b.pool.in_use(), 0u);
  b.from_wire(frames[3]);  // too late: it begins a frame of its own
  EXPECT_EQ(b.pipeline.incomplete_frames(), 1u);
}

TEST_P(Stream, LargeDatagramsGoInTwoSegmentsAndNobodyIsToldAnMtu) {
  World a(card_a(shape())), b(card_b(shape()));
  const Bytes frame = udp_frame(1472 - (GetParam().v6 ? 20 : 0), GetParam().v6);
  a.from_vnic(0, frame);
  ASSERT_EQ(a.sink.sent.size(), 2u);
  receive(b, sent(a));
  ASSERT_EQ(received(b), std::vector<Bytes>{frame});
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                               {"vnic0.tx_bytes", frame.size()},
                               {"vnic0.tx_encapsulated", 1},
                               {"vnic0.tx_shaped", 2},
                               {"uplink0.tx_frames", 2},
                               {"uplink0.tx_bytes", octets_of(sent(a))}}));
  EXPECT_TRUE(b.sink.received[0].checked && b.sink.received[0].good);
}

// No sender of IPv6 believes that less than 1280 octets get through (RFC 8201 section 4): its TCP
// travels in several segments then, super-frame or not.
TEST(Streams, TcpOverIpv6HasItsLeastMtuOverASmallUnderlay) {
  const Shape small{.kind = "stt", .mtu = 1300};
  World a(card_a(small)), b(card_b(small));
  const auto tcp = [](uint32_t datagram) {
    return Frame().ethernet().ipv6().tcp().payload(datagram - 60).build();
  };
  for (const uint32_t datagram : {1228u, 1229u, 1280u}) {
    SCOPED_TRACE(datagram);
    a.sink.clear(), b.sink.clear();
    a.from_vnic(0, tcp(datagram));
    EXPECT_EQ(a.sink.sent.size(), datagram > 1228 ? 2u : 1u);
    receive(b, sent(a));
    EXPECT_EQ(received(b), std::vector<Bytes>{tcp(datagram)});
  }
  a.sink.clear();
  a.from_vnic(0, tcp(1281));
  EXPECT_TRUE(a.sink.sent.empty());
  ASSERT_EQ(a.sink.received.size(), 1u);
  const Bytes& told = a.sink.received[0].frame;
  EXPECT_EQ(told[60] << 8 | told[61], 1280);
}

TEST_P(Stream, IsSavedAndLoadedInTheMiddle) {
  const std::vector<Bytes> frames = segments();
  World b(card_b(shape())), c(card_b(shape()));
  for (size_t i = 0; i < 7; ++i) b.from_wire(frames[i]);
  Archive save;
  b.pipeline.archive(save);
  EXPECT_EQ(b.pipeline.incomplete_frames(), 1u) << "saving changes nothing";
  c.from_wire(frames[9]);  // is forgotten
  Archive load(save.bytes());
  c.pipeline.archive(load);
  ASSERT_TRUE(load.ok()) << load.error();
  EXPECT_TRUE(load.at_end());
  EXPECT_EQ(c.pipeline.next_tick(), b.now + kTime);
  for (size_t i = 7; i < frames.size(); ++i) {
    EXPECT_TRUE(c.sink.received.empty());
    c.from_wire(frames[i]);
  }
  EXPECT_EQ(received(c), as_if_cut(data()));
  EXPECT_EQ(c.pool.in_use(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Over, Stream,
    testing::Values(SegmentsCase{"ipv4ipv4", {.kind = "stt"}, false},
                    SegmentsCase{"ipv4ipv6", {.kind = "stt"}, true},
                    SegmentsCase{"ipv6ipv4", {.kind = "stt", .v6 = true}, false},
                    SegmentsCase{"ipv6ipv6", {.kind = "stt", .v6 = true}, true},
                    SegmentsCase{"vlanIpv4", {.kind = "stt", .vlan = 7}, false}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace gatehouse::test
