// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/firewall/tcp.hh"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>

#include "hw/core/firewall/track.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using firewall::Connection;
using firewall::Segment;
using firewall::State;
using firewall::TcpStep;
using spec::DropReason;

constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;
constexpr auto kNone = DropReason::none;
constexpr auto kBadFlags = DropReason::firewall_bad_flags;
constexpr auto kBadWindow = DropReason::firewall_bad_window;

// Sequence numbers of end 0 are counted from `a`, those of end 1 from `b`: both of a row are
// relative, so that each story can be told across the wrap as well.
struct Row {
  const char* description;
  unsigned from;
  uint8_t flags;
  uint32_t sequence, acknowledgement, length = 0;
  DropReason reason = kNone;
  State state = State::established;
  bool lives = true;
  uint16_t window = 1000;
};

struct Story {
  Story(uint32_t first, uint32_t second) : starts{first, second} {}
  TcpStep tell(const Row& row) {
    Segment segment{
        .sequence = starts[row.from] + row.sequence,
        .acknowledgement = row.flags & kAck ? starts[1 - row.from] + row.acknowledgement : 0,
        .length = row.length,
        .window = row.window,
        .flags = row.flags};
    segment.has_scale = (row.flags & kSyn) && scale[row.from] != 0;
    segment.scale = scale[row.from];
    if (begun) return firewall::tcp_go_on(connection, row.from, segment);
    begun = true;
    return {firewall::tcp_begin(connection, segment), true, false};
  }
  uint32_t starts[2];
  uint8_t scale[2] = {0, 0};
  Connection connection = {};
  bool begun = false;
};

void expect_story(const std::string& name, std::initializer_list<Row> rows, uint8_t scale0 = 0,
                  uint8_t scale1 = 0) {
  for (const auto& [a, b] : {std::pair(1000u, 5000u), std::pair(0xffffffffu, 0xfffffffeu),
                             std::pair(0xfffffc18u, 0u), std::pair(0x7fffff00u, 0x7ffffff0u)}) {
    Story story(a, b);
    story.scale[0] = scale0, story.scale[1] = scale1;
    for (const Row& row : rows) {
      const Connection before = story.connection;
      const TcpStep step = story.tell(row);
      const std::string where = name + ", from " + std::to_string(a) + ": " + row.description;
      EXPECT_EQ(step.reason, row.reason) << where;
      EXPECT_EQ(firewall::kStates[size_t(story.connection.state)].name,
                firewall::kStates[size_t(row.state)].name)
          << where;
      if (row.reason != kNone) {
        EXPECT_EQ(std::memcmp(&before, &story.connection, sizeof before), 0) << where;
      } else {
        EXPECT_EQ(step.lives, row.lives) << where;
      }
    }
  }
}

#define GATEHOUSE_HANDSHAKE                                                \
  {"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},                       \
      {"SYN, ACK", 1, kSyn | kAck, 0, 1, 0, kNone, State::syn_received}, { \
    "ACK", 0, kAck, 1, 1                                                   \
  }

TEST(Tcp, OpensTalksAndCloses) {
  expect_story("plain", {GATEHOUSE_HANDSHAKE,
                         {"data", 0, kAck | kPsh, 1, 1, 500},
                         {"ACK of it", 1, kAck, 1, 501},
                         {"data back", 1, kAck, 1, 501, 1000},
                         {"ACK back", 0, kAck, 501, 1001},
                         {"FIN", 0, kFin | kAck, 501, 1001, 0, kNone, State::closing},
                         {"ACK of FIN", 1, kAck, 1001, 502, 0, kNone, State::closing},
                         {"half open data", 1, kAck, 1001, 502, 900, kNone, State::closing},
                         {"ACK", 0, kAck, 502, 1901, 0, kNone, State::closing},
                         {"FIN back", 1, kFin | kAck, 1901, 502, 0, kNone, State::last_ack},
                         {"FIN again", 1, kFin | kAck, 1901, 502, 0, kNone, State::last_ack},
                         {"last ACK", 0, kAck, 502, 1902, 0, kNone, State::time_wait},
                         {"FIN once more", 1, kFin | kAck, 1901, 502, 0, kNone, State::time_wait},
                         {"last ACK again", 0, kAck, 502, 1902, 0, kNone, State::time_wait}});
  expect_story("both FIN at once", {GATEHOUSE_HANDSHAKE,
                                    {"FIN", 0, kFin | kAck, 1, 1, 0, kNone, State::closing},
                                    {"FIN", 1, kFin | kAck, 1, 1, 0, kNone, State::last_ack},
                                    {"ACK", 0, kAck, 2, 2, 0, kNone, State::last_ack},
                                    {"ACK", 1, kAck, 2, 2, 0, kNone, State::time_wait}});
  expect_story("both SYN at once",
               {{"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                {"SYN", 1, kSyn, 0, 0, 0, kNone, State::syn_received},
                {"SYN, ACK", 0, kSyn | kAck, 0, 1, 0, kNone, State::syn_received},
                {"SYN, ACK", 1, kSyn | kAck, 0, 1},
                {"data", 0, kAck, 1, 1, 10}});
  expect_story("SYN with data (RFC 7413)",
               {{"SYN", 0, kSyn, 0, 0, 200, kNone, State::syn_sent},
                {"ACK of the SYN alone", 1, kSyn | kAck, 0, 1, 0, kNone, State::syn_received},
                {"data back at once", 1, kAck, 1, 201, 1000, kNone, State::syn_received},
                {"ACK", 0, kAck, 201, 1001}});
  expect_story("SYN with data, and again without",
               {{"SYN", 0, kSyn, 0, 0, 200, kNone, State::syn_sent},
                {"SYN alone", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                {"ACK of more", 1, kSyn | kAck, 0, 202, 0, kBadWindow, State::syn_sent},
                {"ACK of the first", 1, kSyn | kAck, 0, 201, 0, kNone, State::syn_received},
                {"ACK", 0, kAck, 201, 1}});
}

TEST(Tcp, AsksForASynFirst) {
  for (const uint8_t flags : {kAck, uint8_t(kAck | kPsh), uint8_t(kSyn | kAck), kRst,
                              uint8_t(kRst | kAck), uint8_t(kFin | kAck)}) {
    Connection connection = {};
    EXPECT_EQ(firewall::tcp_begin(connection, {.flags = flags}), DropReason::firewall_no_connection)
        << int(flags);
  }
}

TEST(Tcp, KnowsFlagsThatNobodySends) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    const bool syn = flags & kSyn, fin = flags & kFin, rst = flags & kRst, ack = flags & kAck;
    const bool bad = syn ? fin || rst : rst ? fin : !ack;
    Connection fresh = {};
    EXPECT_EQ(firewall::tcp_begin(fresh, {.flags = uint8_t(flags)}) == kBadFlags, bad) << flags;
    Story story(1, 1);
    for (const Row& row : {Row GATEHOUSE_HANDSHAKE}) story.tell(row);
    const auto step = firewall::tcp_go_on(
        story.connection, 0,
        {.sequence = 2, .acknowledgement = 2, .window = 9, .flags = uint8_t(flags)});
    EXPECT_TRUE(!bad || step.reason == kBadFlags) << flags;
  }
  expect_story("early", {{"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                         {"data before an answer", 0, kAck, 1, 1, 9, kBadFlags, State::syn_sent},
                         {"data for an answer", 1, kAck, 1, 1, 9, kBadFlags, State::syn_sent},
                         {"SYN, ACK of the one that began", 0, kSyn | kAck, 0, 1, 0, kBadFlags,
                          State::syn_sent}});
  expect_story("SYN of the other end in mid-connection",
               {GATEHOUSE_HANDSHAKE, {"SYN", 1, kSyn, 9, 0, 0, kBadFlags}});
}

// Both ends have lost a connection, the caller tries again, and nobody listens there any more.
TEST(Tcp, ASynInMidConnectionMayBeRefused) {
  const Row syn{"SYN", 0, kSyn, 70'000, 0, 0, kNone, State::established, false};
  expect_story("refused", {GATEHOUSE_HANDSHAKE,
                           {"data", 1, kAck, 1, 1, 500},
                           syn,
                           {"RST of another", 1, kRst | kAck, 2'000'000'000, 1, 0, kBadWindow},
                           {"RST", 1, kRst | kAck, 2'000'000'000, 70'001, 0, kNone, State::reset}});
  expect_story(
      "the caller does not refuse itself",
      {GATEHOUSE_HANDSHAKE, syn, {"RST", 0, kRst | kAck, 2'000'000'000, 70'001, 0, kBadWindow}});
}

TEST(Tcp, HoldsToTheWindows) {
  expect_story("windows of 1000",
               {GATEHOUSE_HANDSHAKE,
                {"all of the window", 0, kAck, 1, 1, 1000},
                {"beyond it", 0, kAck, 1001, 1, 1, kBadWindow},
                {"far beyond it", 0, kAck, 100000, 1, 1, kBadWindow},
                {"beyond it, and before it", 0, kAck, 1, 1, 1001, kBadWindow},
                {"sent again", 0, kAck, 1, 1, 1000},
                {"one window back", 1, kAck, 1u - 1000, 1},
                {"further back", 1, kAck, 1u - 1002, 1, 1, kBadWindow},
                {"ACK of what was not sent", 1, kAck, 1, 1002, 0, kBadWindow},
                {"ACK that is too old", 1, kAck, 1, 1001u - 66001, 0, kBadWindow},
                {"ACK", 1, kAck, 1, 1001},
                {"the window moved on", 0, kAck, 1001, 1, 1000},
                {"ACK, window closed", 1, kAck, 1, 2001, 0, kNone, State::established, true, 0},
                {"probe of one octet", 0, kAck, 2001, 1, 1},
                {"more than a probe", 0, kAck, 2001, 1, 2, kBadWindow},
                {"keep-alive of one octet", 0, kAck, 2000, 1, 1},
                {"keep-alive of none", 0, kAck, 2000, 1, 0}});
  expect_story("data behind a FIN",
               {GATEHOUSE_HANDSHAKE,
                {"FIN", 0, kFin | kAck, 1, 1, 10, kNone, State::closing},
                {"more", 0, kAck, 12, 1, 5, kBadWindow, State::closing},
                {"the same again", 0, kFin | kAck, 1, 1, 10, kNone, State::closing}});
  expect_story("a FIN behind a full window",
               {GATEHOUSE_HANDSHAKE,
                {"all of the window", 0, kAck, 1, 1, 1000},
                {"FIN", 0, kFin | kAck, 1001, 1, 0, kNone, State::closing},
                {"ACK behind it", 0, kAck, 1002, 1, 0, kNone, State::closing}});
  expect_story("a FIN before what was sent", {GATEHOUSE_HANDSHAKE,
                                              {"data", 0, kAck, 1, 1, 100},
                                              {"FIN", 0, kFin | kAck, 50, 1, 0, kBadWindow}});
}

TEST(Tcp, ScalesWindowsOnlyWhenBothEndsDo) {
  const Row first{"64 times 1000", 0, kAck, 1, 1, 64000};
  const Row ack{"ACK that tells the scaled window", 1, kAck, 1, 1};
  expect_story("both", {GATEHOUSE_HANDSHAKE, ack, first}, 3, 6);
  Row refused = first;
  refused.reason = kBadWindow;
  expect_story("the first alone", {GATEHOUSE_HANDSHAKE, ack, refused}, 3, 0);
  expect_story("the second alone", {GATEHOUSE_HANDSHAKE, ack, refused}, 0, 6);
  expect_story("a SYN's own window is not scaled", {GATEHOUSE_HANDSHAKE, refused}, 3, 6);
  expect_story("a SYN that is sent again offers it again",
               {{"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                {"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                {"SYN, ACK", 1, kSyn | kAck, 0, 1, 0, kNone, State::syn_received},
                {"ACK", 0, kAck, 1, 1},
                ack,
                first},
               3, 6);
  // The answer that was lost had no scale, the one that came has.
  Story story(1000, 5000);
  story.scale[0] = 3;
  EXPECT_EQ(story.tell({"SYN", 0, kSyn, 0, 0}).reason, kNone);
  EXPECT_EQ(story.tell({"SYN, ACK", 1, kSyn | kAck, 0, 1}).reason, kNone);
  story.scale[1] = 6;
  EXPECT_EQ(story.tell({"another", 1, kSyn | kAck, 9, 1}).reason, kNone);
  EXPECT_EQ(story.tell({"ACK", 0, kAck, 1, 10}).reason, kNone);
  EXPECT_EQ(story.tell({"ACK", 1, kAck, 10, 1}).reason, kNone);
  EXPECT_EQ(story.tell({"64 times 1000", 0, kAck, 1, 10, 64000}).reason, kNone);
}

TEST(Tcp, EndsByARstThatIsExactlyNext) {
  expect_story("exact", {GATEHOUSE_HANDSHAKE,
                         {"RST", 0, kRst, 1, 0, 0, kNone, State::reset},
                         {"late data", 1, kAck, 1, 1, 100, kNone, State::reset, false},
                         {"out of window", 1, kAck, 5000, 1, 1, kBadWindow, State::reset}});
  expect_story("behind data that is under way",
               {GATEHOUSE_HANDSHAKE,
                {"data", 0, kAck, 1, 1, 300},
                {"RST", 0, kRst | kAck, 301, 1, 0, kNone, State::reset}});
  expect_story("blind", {GATEHOUSE_HANDSHAKE,
                         {"in the window: its receiver asks", 1, kRst, 500, 0, 0, kNone,
                          State::established, false},
                         {"behind it", 1, kRst, 1002, 0, 0, kBadWindow},
                         {"before it", 1, kRst, 0, 0, 0, kBadWindow},
                         {"ACK of what was not sent", 1, kRst | kAck, 1, 50, 0, kBadWindow}});
  expect_story("refused",
               {{"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                {"RST that acknowledges nothing", 1, kRst, 0, 0, 0, kBadWindow, State::syn_sent},
                {"RST of another SYN", 1, kRst | kAck, 0, 2, 0, kBadWindow, State::syn_sent},
                {"RST", 1, kRst | kAck, 0, 1, 0, kNone, State::reset}});
  expect_story("given up", {{"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                            {"RST", 0, kRst, 1, 0, 0, kNone, State::reset}});
}

TEST(Tcp, WhoOwesAnAckHasLessTime) {
  for (const auto& [a, b] : {std::pair(1000u, 5000u), std::pair(0xffffff00u, 0xfffffff0u)}) {
    Story story(a, b);
    const auto seconds = [&](const Row& row) {
      EXPECT_EQ(story.tell(row).reason, kNone) << row.description;
      return firewall::seconds_of(story.connection);
    };
    EXPECT_EQ(seconds({"SYN", 0, kSyn, 0, 0}), 30u);
    EXPECT_EQ(seconds({"SYN, ACK", 1, kSyn | kAck, 0, 1}), 30u);
    EXPECT_EQ(seconds({"ACK", 0, kAck, 1, 1}), 86400u);
    EXPECT_EQ(seconds({"data", 0, kAck, 1, 1, 500}), firewall::kOwedSeconds);
    EXPECT_EQ(seconds({"ACK of a part", 1, kAck, 1, 300}), firewall::kOwedSeconds);
    EXPECT_EQ(seconds({"data back", 1, kAck, 1, 501, 400}), firewall::kOwedSeconds);
    EXPECT_EQ(seconds({"ACK back", 0, kAck, 501, 401}), 86400u);
    EXPECT_EQ(seconds({"keep-alive", 0, kAck, 500, 401}), 86400u);
    EXPECT_EQ(seconds({"FIN", 0, kFin | kAck, 501, 401}), 120u);
  }
}

TEST(Tcp, LetsANewConnectionTakeTheAddressesOfAnOldOne) {
  Story story(100, 900);
  for (const Row& row : {Row GATEHOUSE_HANDSHAKE, Row{"RST", 0, kRst, 1, 0}}) story.tell(row);
  EXPECT_TRUE(story.tell({"SYN", 0, kSyn, 5000, 0}).restart);
  EXPECT_TRUE(story.tell({"SYN of the other end", 1, kSyn, 5000, 0}).restart);
  // An end that lost its memory: the other answers by an ACK, is reset, and is called again.
  expect_story("one end forgot", {GATEHOUSE_HANDSHAKE,
                                  {"SYN", 0, kSyn, 50000, 0, 0, kNone, State::established, false},
                                  {"ACK: what is this?", 1, kAck, 1, 1},
                                  {"RST", 0, kRst, 1, 0, 0, kNone, State::reset}});
  expect_story("both ends forgot",
               {GATEHOUSE_HANDSHAKE,
                {"SYN", 0, kSyn, 50000, 0, 0, kNone, State::established, false},
                {"SYN, ACK of another", 1, kSyn | kAck, 70000, 40001, 0, kBadWindow},
                {"SYN, ACK", 1, kSyn | kAck, 70000, 50001, 0, kNone, State::syn_received},
                {"ACK", 0, kAck, 50001, 70001},
                {"data", 0, kAck, 50001, 70001, 700},
                {"of the old one", 0, kAck, 1, 70001, 1, kBadWindow}});
  expect_story(
      "both ends forgot, the first one behind its FIN",
      {GATEHOUSE_HANDSHAKE,
       {"FIN", 0, kFin | kAck, 1, 1, 0, kNone, State::closing},
       {"ACK of FIN", 1, kAck, 1, 2, 0, kNone, State::closing},
       {"SYN", 0, kSyn, 50000, 0, 0, kNone, State::closing, false},
       {"SYN, ACK of another", 1, kSyn | kAck, 70000, 40001, 0, kBadWindow, State::closing},
       {"SYN, ACK", 1, kSyn | kAck, 70000, 50001, 0, kNone, State::syn_received},
       {"ACK", 0, kAck, 50001, 70001},
       {"data", 0, kAck, 50001, 70001, 700}});
  expect_story("nobody forgot: a SYN behind a FIN is not from its end",
               {GATEHOUSE_HANDSHAKE,
                {"FIN", 0, kFin | kAck, 1, 1, 0, kNone, State::closing},
                {"SYN", 0, kSyn, 50000, 0, 0, kNone, State::closing, false},
                {"data behind the FIN", 0, kAck, 2, 1, 1, kBadWindow, State::closing},
                {"FIN again", 0, kFin | kAck, 1, 1, 0, kNone, State::closing},
                {"FIN back", 1, kFin | kAck, 1, 2, 0, kNone, State::last_ack},
                {"last ACK", 0, kAck, 2, 2, 0, kNone, State::time_wait}});
  expect_story("another answer, when the first was lost",
               {{"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                {"SYN, ACK", 1, kSyn | kAck, 0, 1, 0, kNone, State::syn_received},
                {"SYN again", 0, kSyn, 0, 0, 0, kNone, State::syn_received, false},
                {"of another SYN", 1, kSyn | kAck, 70000, 2, 0, kBadWindow, State::syn_received},
                {"SYN, ACK", 1, kSyn | kAck, 70000, 1, 0, kNone, State::syn_received},
                {"ACK of the first", 0, kAck, 1, 1, 0, kBadWindow, State::syn_received},
                {"ACK", 0, kAck, 1, 70001},
                {"too late", 1, kSyn | kAck, 80000, 1, 0, kBadWindow}});
  expect_story("the other end has an older connection",
               {{"SYN", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                {"ACK of the older one", 1, kAck, 777, 888, 0, kNone, State::syn_sent, false},
                {"RST", 0, kRst, 888, 0, 0, kNone, State::syn_sent, false},
                {"SYN again", 0, kSyn, 0, 0, 0, kNone, State::syn_sent},
                {"SYN, ACK", 1, kSyn | kAck, 0, 1, 0, kNone, State::syn_received}});
}

TEST(Tcp, BelievesIcmpErrorsAboutWhatIsUnderWay) {
  Story story(100, 900);
  for (const Row& row : {Row GATEHOUSE_HANDSHAKE, Row{"data", 0, kAck, 1, 1, 500}}) story.tell(row);
  EXPECT_TRUE(firewall::tcp_under_way(story.connection, 0, 101));
  EXPECT_TRUE(firewall::tcp_under_way(story.connection, 0, 600));
  EXPECT_FALSE(firewall::tcp_under_way(story.connection, 0, 700));
  EXPECT_FALSE(firewall::tcp_under_way(story.connection, 0, 100'000));
  EXPECT_FALSE(firewall::tcp_under_way(story.connection, 1, 5000));
}

TEST(Tcp, ReadsSegmentsFromFrames) {
  const auto read = [](const Bytes& frame, bool super = false) {
    Layers layers;
    EXPECT_EQ(parse::parse(frame, {.super_frame = super}, layers), kNone);
    return firewall::segment_of(frame.data(), layers);
  };
  const Segment syn = read(
      Frame()
          .ethernet()
          .ipv4()
          .tcp({.sequence = 7, .flags = kSyn, .window = 99, .options = {2, 4, 5, 180, 1, 3, 3, 9}})
          .build());
  EXPECT_EQ(syn.sequence, 7u);
  EXPECT_EQ(syn.window, 99u);
  EXPECT_EQ(syn.length, 0u);
  EXPECT_TRUE(syn.has_scale);
  EXPECT_EQ(syn.scale, 9u);
  const auto options = [&](const Bytes& bytes) {
    return read(Frame().ethernet().ipv6().tcp({.flags = kSyn, .options = bytes}).build());
  };
  EXPECT_EQ(options({3, 3, 200, 0}).scale, 14u);
  for (const Bytes& bad : {Bytes{3, 4, 1, 1}, Bytes{3, 0, 1, 1}, Bytes{9, 200, 3, 3, 2, 0, 0, 0},
                           Bytes{1, 1, 1, 3}, Bytes{0, 3, 3, 2}}) {
    EXPECT_FALSE(options(bad).has_scale);
  }
  EXPECT_FALSE(read(Frame().ethernet().ipv4().tcp({.options = {3, 3, 9, 0}}).build()).has_scale)
      << "only a SYN's counts";
  // Padding is not payload, and a super-frame is one segment.
  EXPECT_EQ(read(Frame().ethernet().ipv4().tcp().append(Bytes(6)).build()).length, 0u);
  EXPECT_EQ(
      read(Frame().ethernet().ipv4({.total_length = 0}).tcp().payload(40'000).build(), true).length,
      40'000u);
}

// Two ends that keep to RFC 9293, with loss, reordering and fragments on both sides of the card:
// nothing of theirs is ever refused. A third party that guesses hits little.
class Wire {
 public:
  explicit Wire(uint32_t seed) : random_(seed) {
    for (End& end : ends_) {
      end.next = end.start = uint32_t(random_()) % 2 ? uint32_t(random_()) : 0u - random_() % 3000;
      end.una = end.start;
      end.scale = uint8_t(random_() % 8);
      end.window = 1000 + uint32_t(random_() % 60'000);
    }
  }

  void run() {
    send(0, kSyn, ends_[0].start, 0);
    for (int step = 0; step < 3000 && !over_; ++step) {
      act(unsigned(random_() % 2));
      move();
      if (step % 20 == 0 && began_) guess();
    }
    EXPECT_TRUE(began_);
    EXPECT_LT(hits_, 3) << "of 150 guesses in 2^32";
  }

 private:
  struct End {
    uint32_t start, next, una, received = 0, peer_window = 0, window = 0;
    uint8_t scale = 0;
    bool open = false, finished = false;
    uint32_t fin = 0;
  };
  struct Flying {
    unsigned from;
    Segment segment;
  };
  bool chance(unsigned n) { return random_() % n == 0; }

  void send(unsigned from, uint8_t flags, uint32_t sequence, uint32_t length) {
    const End& end = ends_[from];
    Segment segment{.sequence = sequence,
                    .acknowledgement = flags & kAck ? end.received : 0,
                    .length = length,
                    .flags = flags};
    const bool syn = flags & kSyn;
    segment.window = uint16_t(syn ? std::min(end.window, 65535u) : end.window >> end.scale);
    segment.has_scale = syn;
    segment.scale = end.scale;
    if (!chance(10)) near_.push_back({from, segment});
  }

  void act(unsigned who) {
    End& end = ends_[who];
    if (!end.open) {
      if (who == 0) send(0, kSyn, end.start, 0);
      if (who == 1 && end.received != 0) send(1, kSyn | kAck, end.start, 0);
      return;
    }
    if (chance(3)) end.window = uint32_t(random_() % 60'000) + (end.window > 2000 ? 0 : 2000);
    const uint32_t in_flight = end.next - end.una;
    const uint32_t room = end.peer_window > in_flight ? end.peer_window - in_flight : 0;
    switch (random_() % 6) {
      case 0:
      case 1:
      case 2: {
        const uint32_t length = std::min<uint32_t>(room, 1 + uint32_t(random_() % 9000));
        if (end.finished || length == 0) return send(who, kAck, end.next, 0);
        send(who, kAck, end.next, length);
        end.next += length;
        return;
      }
      case 3: {  // again, from the oldest
        const uint32_t last = end.finished ? end.fin : end.next;
        const uint32_t length = std::min<uint32_t>(last - end.una, 1 + uint32_t(random_() % 9000));
        if (int32_t(last - end.una) > 0) return send(who, kAck, end.una, length);
        if (end.finished && end.una == end.fin) return send(who, kFin | kAck, end.fin, 0);
        return;
      }
      case 4:
        return send(who, kAck, end.next, 0);
      default:
        if (end.finished || !chance(60)) return;
        end.finished = true;
        end.fin = end.next++;
        return send(who, kFin | kAck, end.fin, 0);
    }
  }

  // One frame from an end to the card, or from the card to an end.
  void move() {
    if (!near_.empty()) {
      const size_t at = chance(4) ? random_() % near_.size() : 0;
      const Flying flying = near_[at];
      near_.erase(near_.begin() + long(at));
      judge(flying);
    }
    if (!far_.empty() && !chance(3)) {
      const size_t at = chance(4) ? random_() % far_.size() : 0;
      const Flying flying = far_[at];
      far_.erase(far_.begin() + long(at));
      if (!chance(10)) receive(1 - flying.from, flying.segment);
    }
  }

  void judge(const Flying& flying) {
    if (!began_) {
      ASSERT_EQ(firewall::tcp_begin(connection_, flying.segment), kNone);
      began_ = true;
    } else {
      Segment seen = flying.segment;
      if (seen.length > 8 && chance(6)) {  // in fragments, of which the first one is seen
        seen.is_part = true;
        seen.length = 8 + uint32_t(random_() % (seen.length - 8));
      }
      const TcpStep step = firewall::tcp_go_on(connection_, flying.from, seen);
      ASSERT_EQ(step.reason, kNone)
          << "from " << flying.from << " flags " << int(flying.segment.flags) << " seq "
          << flying.segment.sequence - ends_[flying.from].start << " length "
          << flying.segment.length << " ack "
          << flying.segment.acknowledgement - ends_[1 - flying.from].start << " state "
          << firewall::kStates[size_t(connection_.state)].name;
      if (connection_.state == State::time_wait) over_ = true;
      if (step.restart) over_ = true;
    }
    far_.push_back(flying);
  }

  void receive(unsigned who, const Segment& segment) {
    End& end = ends_[who];
    const uint8_t flags = segment.flags;
    if (flags & kSyn) {
      if (who == 1 && end.received == 0) end.received = segment.sequence + 1;
      if (who == 0 && !end.open && (flags & kAck)) {
        end.received = segment.sequence + 1;
        end.una = end.next = end.start + 1;
        end.open = true;
        end.peer_window = segment.window;
      }
      if (who == 0) send(0, kAck, end.next, 0);
      return;
    }
    if (who == 1 && !end.open) {
      if (segment.acknowledgement != end.start + 1) return;
      end.open = true;
      end.una = end.next = end.start + 1;
    }
    if (!end.open) return;
    const uint32_t window = uint32_t(segment.window) << ends_[1 - who].scale;
    if (int32_t(segment.acknowledgement - end.una) >= 0 &&
        int32_t(end.next - segment.acknowledgement) >= 0) {
      end.una = segment.acknowledgement;
      end.peer_window = window;
    }
    // Only what is next is kept; the rest is sent again.
    if (int32_t(end.received - segment.sequence) >= 0) {
      const uint32_t last = segment.sequence + segment.length + ((flags & kFin) != 0);
      if (int32_t(last - end.received) > 0) end.received = last;
    }
  }

  void guess() {
    Connection copy = connection_;
    const Segment segment{.sequence = uint32_t(random_()),
                          .acknowledgement = uint32_t(random_()),
                          .length = uint32_t(random_() % 1400),
                          .window = 1000,
                          .flags = chance(2) ? kAck : uint8_t(kRst | kAck)};
    hits_ += firewall::tcp_go_on(copy, unsigned(random_() % 2), segment).reason == kNone;
  }

  std::mt19937 random_;
  End ends_[2] = {};
  std::deque<Flying> near_, far_;
  Connection connection_ = {};
  bool began_ = false, over_ = false;
  int hits_ = 0;
};

TEST(Tcp, NeverRefusesTwoHonestEnds) {
  for (uint32_t seed = 1; seed <= 500 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Wire(seed).run();
  }
}

// Whatever comes, and whatever a loaded state holds: no undefined behaviour, and sizes that stay.
TEST(Tcp, SurvivesAnything) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    Connection connection = {};
    if (round % 2) {
      for (size_t i = 0; i < sizeof connection; ++i)
        reinterpret_cast<uint8_t*>(&connection)[i] = uint8_t(random());
      connection.state = State(random() % unsigned(State::kCount));
      connection.began = FlowDirection(random() % 2);
      connection.was_reset = random() % 2;
      if (!firewall::sane(connection, {.protocol = 6})) continue;
    }
    for (int step = 0; step < 50; ++step) {
      const uint32_t near = connection.ends[random() % 2].end;
      const Segment segment{
          .sequence = random() % 2 ? near + uint32_t(random() % 100) : uint32_t(random()),
          .acknowledgement = connection.ends[random() % 2].end,
          .length = uint32_t(random() % 3),
          .window = uint16_t(random()),
          .flags = uint8_t(random()),
          .has_scale = random() % 2 == 0,
          .scale = uint8_t(random() % 15)};
      if (firewall::tcp_go_on(connection, random() % 2, segment).reason == kNone) {
        ASSERT_LE(connection.state, State::reset);
        ASSERT_LE(connection.ends[0].scale, 14);
      }
    }
  }
}

}  // namespace
}  // namespace gatehouse::test
