// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/underlay/neighbours.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "hw/core/base/archive.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using spec::DropReason;
using underlay::Heard;
using underlay::Interface;
using underlay::kSecond;
using underlay::Neighbours;
using State = Neighbours::State;

const char* const kOwn = "02:00:00:00:00:0a";
const char* const kPeer = "02:00:00:00:00:0b";
const char* const kThief = "02:00:00:00:00:66";

IpAddress ip(const std::string& text) { return parse_ip(text).value(); }
MacAddress mac(const std::string& text) { return parse_mac(text).value(); }

struct Outbox final : underlay::Outbox {
  explicit Outbox(PacketPool& packets) : pool(packets) {}
  void send(unsigned, std::span<const uint8_t> frame, bool question) override {
    (question ? questions : answers).emplace_back(frame.begin(), frame.end());
  }
  void release(unsigned, std::span<Packet* const> packets) override { take(packets, released); }
  void give_up(unsigned, std::span<Packet* const> packets) override { take(packets, given_up); }
  void take(std::span<Packet* const> packets, std::vector<Bytes>& to) {
    for (Packet* packet : packets) {
      to.push_back(bytes_of(*packet));
      pool.give(packet);
    }
  }
  PacketPool& pool;
  std::vector<Bytes> questions, answers, released, given_up;
};

Interface interface(uint16_t vlan = 0) {
  Interface interface;
  interface.present = true;
  interface.mac = mac(kOwn);
  interface.vlan = vlan;
  interface.mtu = 1500;
  interface.addresses = {{ip("192.0.2.1"), 24}, {ip("2001:db8::1"), 64}};
  return interface;
}

// Gratuitous ARP: not said to the card.
Bytes claim_of(const char* station) {
  return Frame()
      .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = station})
      .arp({.operation = 1,
            .sender_mac = station,
            .sender_ip = "192.0.2.2",
            .target_ip = "192.0.2.2"})
      .build();
}

class NeighboursTest : public testing::Test {
 protected:
  void set_up(uint16_t vlan = 0) {
    const Interface interfaces[] = {interface(vlan)};
    table = Neighbours(interfaces);
    v4 = table.add(0, ip("192.0.2.2"));
    v6 = table.add(0, ip("2001:db8::2"));
  }
  void SetUp() override { set_up(); }
  void TearDown() override {
    table.forget(out);
    EXPECT_EQ(pool.in_use(), 0u);
  }
  void wait(uint32_t index, const Bytes& frame) { table.wait(index, packet_of(pool, frame)); }
  Heard hear(const Bytes& frame) {
    Packet* packet = packet_of(pool, frame);
    EXPECT_EQ(parse::parse(*packet), DropReason::none) << to_hex(frame);
    const Heard heard = table.hear(0, *packet, now, out);
    pool.give(packet);
    return heard;
  }
  static Bytes arp_reply(const char* from = kPeer, const char* source = "192.0.2.2",
                         const char* target = "192.0.2.1") {
    return Frame()
        .ethernet({.destination = kOwn, .source = from})
        .arp({.operation = 2,
              .sender_mac = from,
              .sender_ip = source,
              .target_mac = kOwn,
              .target_ip = target})
        .build();
  }
  static Bytes advertisement(const char* from = kPeer, uint32_t flags = 0x60000000,
                             const char* to = "2001:db8::1") {
    return Frame()
        .ethernet({.destination = kOwn, .source = from})
        .ipv6({.source = "2001:db8::2", .destination = to, .hop_limit = 255})
        .neighbor_advertisement("2001:db8::2", flags, nd_link_option(2, from))
        .build();
  }
  State state(uint32_t index) const { return table.at(index).state; }

  PacketPool pool{{.small_count = 400, .large_count = 1}};
  Outbox out{pool};
  Neighbours table;
  uint32_t v4 = 0, v6 = 0;
  int64_t now = 100 * kSecond;
};

const Bytes kArpQuestion =
    Frame()
        .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kOwn})
        .arp({.sender_mac = kOwn, .sender_ip = "192.0.2.1", .target_ip = "192.0.2.2"})
        .append(Bytes(18))
        .build();
const Bytes kNdQuestion =
    Frame()
        .ethernet({.destination = "33:33:ff:00:00:02", .source = kOwn})
        .ipv6({.source = "2001:db8::1", .destination = "ff02::1:ff00:2", .hop_limit = 255})
        .neighbor_solicitation("2001:db8::2", nd_link_option(1, kOwn))
        .build();

TEST_F(NeighboursTest, AsksByArpAndReleasesWhatWaited) {
  EXPECT_EQ(table.next_tick(), INT64_MAX);
  EXPECT_FALSE(table.usable(v4, now));
  EXPECT_FALSE(table.need(v4, now, out));
  wait(v4, pattern(60, 1));
  EXPECT_FALSE(table.need(v4, now, out)) << "asks once only";
  wait(v4, pattern(61, 2));
  ASSERT_EQ(out.questions.size(), 1u);
  EXPECT_EQ(to_hex(out.questions[0]), to_hex(kArpQuestion));
  EXPECT_EQ(table.next_tick(), now + kSecond);
  EXPECT_EQ(hear(arp_reply()), Heard::kNoted);
  EXPECT_TRUE(table.usable(v4, now));
  EXPECT_EQ(table.mac(v4), mac(kPeer));
  EXPECT_EQ(out.released, (std::vector<Bytes>{patch(pattern(60, 1), 0, {2, 0, 0, 0, 0, 0xb}),
                                              patch(pattern(61, 2), 0, {2, 0, 0, 0, 0, 0xb})}));
  EXPECT_EQ(table.next_tick(), INT64_MAX);
  EXPECT_EQ(table.waiting(), 0u);
}

TEST_F(NeighboursTest, AsksByNeighborDiscovery) {
  EXPECT_FALSE(table.need(v6, now, out));
  ASSERT_EQ(out.questions.size(), 1u);
  EXPECT_EQ(to_hex(out.questions[0]), to_hex(kNdQuestion));
  EXPECT_EQ(hear(advertisement()), Heard::kNoted);
  EXPECT_TRUE(table.usable(v6, now));
  EXPECT_EQ(table.mac(v6), mac(kPeer));
}

TEST_F(NeighboursTest, TagsItsQuestions) {
  set_up(7);
  EXPECT_FALSE(table.need(v4, now, out));
  EXPECT_FALSE(table.need(v6, now, out));
  ASSERT_EQ(out.questions.size(), 2u);
  EXPECT_EQ(
      to_hex(out.questions[0]),
      to_hex(Frame()
                 .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kOwn})
                 .vlan(7)
                 .arp({.sender_mac = kOwn, .sender_ip = "192.0.2.1", .target_ip = "192.0.2.2"})
                 .append(Bytes(14))
                 .build()));
  EXPECT_EQ(
      to_hex(out.questions[1]),
      to_hex(Frame()
                 .ethernet({.destination = "33:33:ff:00:00:02", .source = kOwn})
                 .vlan(7)
                 .ipv6({.source = "2001:db8::1", .destination = "ff02::1:ff00:2", .hop_limit = 255})
                 .neighbor_solicitation("2001:db8::2", nd_link_option(1, kOwn))
                 .build()));
}

TEST_F(NeighboursTest, GivesUpAfterThreeQuestionsASecondApart) {
  EXPECT_FALSE(table.need(v4, now, out));
  wait(v4, pattern(60));
  for (int second = 1; second <= 2; ++second) {
    table.tick(now + second * kSecond - 1, out);
    EXPECT_EQ(out.questions.size(), size_t(second));
    table.tick(now + second * kSecond, out);
    EXPECT_EQ(out.questions.size(), size_t(second + 1));
  }
  EXPECT_TRUE(out.given_up.empty());
  table.tick(now + 3 * kSecond, out);
  EXPECT_EQ(out.given_up, std::vector<Bytes>{pattern(60)});
  EXPECT_EQ(out.questions.size(), 3u);
  EXPECT_EQ(state(v4), State::kUnknown);
  EXPECT_EQ(table.next_tick(), INT64_MAX);
  EXPECT_FALSE(table.need(v4, now + 4 * kSecond, out));
  EXPECT_EQ(out.questions.size(), 4u) << "the next frame asks anew";
}

// They are kept in the order of their deadlines; one in the middle goes, others are asked again.
TEST_F(NeighboursTest, EachIsAskedInItsOwnTime) {
  const uint32_t other = table.add(0, *parse_ip("192.0.2.3"));
  const int64_t start = now, step = kSecond / 10;
  EXPECT_FALSE(table.need(other, start, out));
  EXPECT_FALSE(table.need(v4, start + step, out));
  EXPECT_FALSE(table.need(v6, start + 2 * step, out));
  EXPECT_EQ(table.next_tick(), start + kSecond);
  now = start + 3 * step;
  EXPECT_EQ(hear(arp_reply(kPeer)), Heard::kNoted);  // v4
  table.tick(start + kSecond, out);
  EXPECT_EQ(out.questions.size(), 4u);
  EXPECT_EQ(table.next_tick(), start + 2 * step + kSecond) << "v6's second question";
  table.tick(table.next_tick(), out);
  EXPECT_EQ(out.questions.size(), 5u);
  EXPECT_EQ(table.next_tick(), start + 2 * kSecond) << "the other's third one";
  table.give_up(0, out);
  table.forget(out);
  EXPECT_EQ(table.next_tick(), INT64_MAX);
  EXPECT_FALSE(table.need(v4, now, out));
  EXPECT_EQ(table.next_tick(), now + kSecond);
}

// Whoever was asked by a later clock, and is asked no more until it comes again, holds up nobody.
TEST_F(NeighboursTest, AClockThatWentBackHoldsUpNobody) {
  EXPECT_FALSE(table.need(v4, now + 1000 * kSecond, out));
  EXPECT_FALSE(table.need(v6, now, out));
  EXPECT_EQ(table.next_tick(), now + kSecond);
  for (unsigned i = 0; i < underlay::kTries; ++i) {
    now += kSecond;
    table.tick(now, out);
  }
  EXPECT_EQ(state(v6), State::kUnknown) << "given up in its own time";
  EXPECT_EQ(state(v4), State::kAsking);
}

TEST_F(NeighboursTest, LetsOnlySoManyWait) {
  EXPECT_FALSE(table.need(v4, now, out));
  for (unsigned i = 0; i < underlay::kWaitPerNeighbour; ++i) {
    ASSERT_TRUE(table.may_wait(v4, 0));
    EXPECT_TRUE(table.may_wait(v4, 0, underlay::kWaitPerNeighbour - i));
    EXPECT_FALSE(table.may_wait(v4, 0, underlay::kWaitPerNeighbour - i + 1));
    wait(v4, pattern(60, i));
  }
  EXPECT_FALSE(table.may_wait(v4, 0));
  EXPECT_FALSE(table.may_wait(v4, 1));
  EXPECT_TRUE(table.may_wait(v6, 0)) << "another neighbour's frames";

  std::vector<uint32_t> many;
  for (unsigned i = 0; i < underlay::kWaitInAll / underlay::kWaitPerNeighbour; ++i) {
    many.push_back(table.add(0, ip("192.0.2." + std::to_string(100 + i))));
  }
  unsigned waiting = underlay::kWaitPerNeighbour;
  for (uint16_t port = 0; port < 5; ++port) {
    for (uint32_t index : many) {
      for (; table.may_wait(index, port); ++waiting)
        table.wait(index, packet_of(pool, pattern(60), port));
    }
    const unsigned of_ports = (port + 1u) * underlay::kWaitPerPort;
    EXPECT_EQ(waiting, std::min(of_ports, underlay::kWaitInAll)) << "a vnic has its share";
  }
  EXPECT_EQ(table.waiting(), underlay::kWaitInAll);
  EXPECT_FALSE(table.may_wait(v6, 5)) << "all places are taken";
  EXPECT_EQ(hear(arp_reply()), Heard::kNoted);
  EXPECT_EQ(out.released.size(), underlay::kWaitPerNeighbour);
  EXPECT_TRUE(table.may_wait(v6, 0));
}

TEST_F(NeighboursTest, VerifiesByUnicastWhatItHasBelievedForAMinute) {
  EXPECT_FALSE(table.need(v4, now, out));
  hear(arp_reply());
  EXPECT_TRUE(table.usable(v4, now + 60 * kSecond - 1));
  now += 60 * kSecond;
  EXPECT_FALSE(table.usable(v4, now));
  EXPECT_TRUE(table.need(v4, now, out)) << "frames go on meanwhile";
  EXPECT_TRUE(table.usable(v4, now));
  ASSERT_EQ(out.questions.size(), 2u);
  EXPECT_EQ(
      to_hex(cut(out.questions[1], 14)),
      to_hex(cut(Frame().ethernet({.destination = kPeer, .source = kOwn}).arp().build(), 14)));
  EXPECT_EQ(hear(arp_reply()), Heard::kNoted);
  EXPECT_TRUE(table.usable(v4, now + 59 * kSecond));
  EXPECT_EQ(state(v4), State::kReachable);

  now += 60 * kSecond;
  EXPECT_TRUE(table.need(v4, now, out));
  for (int i = 1; i <= 3; ++i) table.tick(now + i * kSecond, out);
  EXPECT_EQ(state(v4), State::kUnknown) << "the neighbour has gone";
  EXPECT_FALSE(table.usable(v4, now + 3 * kSecond));
}

// An address that fails over while it is being verified: who is asked is not there any more.
TEST_F(NeighboursTest, AClaimWhileOneIsAskedMakesItAskEverybody) {
  EXPECT_FALSE(table.need(v4, now, out));
  hear(arp_reply());
  now += 60 * kSecond;
  EXPECT_TRUE(table.need(v4, now, out));
  const Bytes claim = claim_of(kThief);
  ASSERT_EQ(out.questions.size(), 2u);
  EXPECT_EQ(hear(claim), Heard::kNoted);
  ASSERT_EQ(out.questions.size(), 3u);
  EXPECT_EQ(to_hex(out.questions[2]), to_hex(kArpQuestion));
  EXPECT_EQ(hear(claim), Heard::kNothing) << "once";
  EXPECT_EQ(out.questions.size(), 3u);
  EXPECT_EQ(table.mac(v4), mac(kPeer));
  EXPECT_EQ(hear(arp_reply(kThief)), Heard::kNoted);
  EXPECT_EQ(table.mac(v4), mac(kThief));
}

TEST_F(NeighboursTest, DoesNotBelieveWhatItDidNotAskFor) {
  EXPECT_EQ(hear(arp_reply()), Heard::kNoted);
  EXPECT_EQ(hear(advertisement()), Heard::kNoted);
  EXPECT_FALSE(table.usable(v4, now) || table.usable(v6, now));

  EXPECT_FALSE(table.need(v4, now, out));
  hear(arp_reply());
  now += kSecond;
  const Bytes gratuitous = claim_of(kThief);
  EXPECT_EQ(hear(gratuitous), Heard::kNoted);
  EXPECT_EQ(table.mac(v4), mac(kPeer)) << "keeps what it knows, but asks everybody";
  EXPECT_EQ(to_hex(out.questions.back()), to_hex(kArpQuestion));
  EXPECT_EQ(hear(gratuitous), Heard::kNothing) << "it asks already, and this is no answer";
  hear(arp_reply());
  EXPECT_EQ(table.mac(v4), mac(kPeer));
}

TEST_F(NeighboursTest, FollowsANeighbourThatMoved) {
  EXPECT_FALSE(table.need(v6, now, out));
  hear(advertisement());
  now += kSecond;
  EXPECT_EQ(hear(advertisement(kThief, 0x20000000, "ff02::1")), Heard::kNoted) << "unsolicited";
  EXPECT_EQ(state(v6), State::kProbing);
  EXPECT_EQ(hear(advertisement(kThief)), Heard::kNoted) << "the answer to the card's question";
  EXPECT_EQ(table.mac(v6), mac(kThief));
}

// As two kernels do that have the address, or one with two interfaces on the link.
TEST_F(NeighboursTest, AsksTwoThatBothAnswerOnceASecond) {
  EXPECT_FALSE(table.need(v4, now, out));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(hear(arp_reply(kPeer)), Heard::kNoted);
    EXPECT_EQ(hear(arp_reply(kThief)), Heard::kNoted);
    now += kSecond / 20;
  }
  EXPECT_EQ(out.questions.size(), 1u);
  EXPECT_EQ(table.mac(v4), mac(kPeer));
  EXPECT_TRUE(table.usable(v4, now));
  now += kSecond / 2;
  EXPECT_FALSE(table.usable(v4, now)) << "who it is, is asked when the second is over";
  EXPECT_TRUE(table.need(v4, now, out));
  ASSERT_EQ(out.questions.size(), 2u);
  EXPECT_EQ(to_hex(out.questions[1]), to_hex(kArpQuestion)) << "not him alone who is in doubt";
}

TEST_F(NeighboursTest, ADoubtIsSaved) {
  EXPECT_FALSE(table.need(v4, now, out));
  hear(arp_reply(kPeer));
  hear(arp_reply(kThief));
  Archive saved;
  table.archive(saved);
  table.forget(out);
  Archive from(saved.bytes());
  table.archive(from);
  ASSERT_TRUE(from.ok() && from.at_end());
  now += kSecond;
  EXPECT_TRUE(table.need(v4, now, out));
  EXPECT_EQ(to_hex(out.questions.back()), to_hex(kArpQuestion));
}

// Another state's clock may be earlier: what was asked later than now does not count.
TEST_F(NeighboursTest, AQuestionOfAClockThatWentBackHindersNone) {
  EXPECT_FALSE(table.need(v4, now, out));
  hear(arp_reply(kPeer));
  Archive saved;
  table.archive(saved);
  EXPECT_TRUE(table.need(v4, now + 3000 * kSecond, out));
  Archive from(saved.bytes());
  table.forget(out);
  table.archive(from);
  ASSERT_TRUE(from.ok() && from.at_end());
  const size_t questions = out.questions.size();
  now += 2 * kSecond;
  hear(arp_reply(kThief));
  EXPECT_EQ(out.questions.size(), questions + 1) << "at once";
  EXPECT_EQ(to_hex(out.questions.back()), to_hex(kArpQuestion));
}

TEST_F(NeighboursTest, AnAnswerWithoutOverrideReplacesNothing) {
  EXPECT_FALSE(table.need(v6, now, out));
  EXPECT_EQ(hear(advertisement(kPeer, 0x40000000)), Heard::kNoted) << "nothing was known";
  EXPECT_EQ(table.mac(v6), mac(kPeer));
  now += 60 * kSecond;
  EXPECT_TRUE(table.need(v6, now, out));
  EXPECT_EQ(hear(advertisement(kThief, 0x40000000)), Heard::kNoted);
  EXPECT_EQ(table.mac(v6), mac(kPeer));
  EXPECT_EQ(state(v6), State::kProbing) << "its own answer is still to come";
  EXPECT_EQ(hear(advertisement(kPeer, 0x40000000)), Heard::kNoted);
  EXPECT_EQ(state(v6), State::kReachable);
}

TEST_F(NeighboursTest, FramesOfAPortThatGoesAreGivenUp) {
  EXPECT_FALSE(table.need(v4, now, out));
  EXPECT_FALSE(table.need(v6, now, out));
  for (uint16_t port : {1, 2, 1}) table.wait(v4, packet_of(pool, pattern(60, port), port));
  table.wait(v6, packet_of(pool, pattern(60, 1), 1));
  table.give_up(1, out);
  EXPECT_EQ(out.given_up.size(), 3u);
  EXPECT_EQ(table.waiting(), 1u);
  hear(arp_reply());
  ASSERT_EQ(out.released.size(), 1u);
  Bytes kept = pattern(60, 2);
  std::copy_n(mac(kPeer).octets.begin(), 6, kept.begin());
  EXPECT_EQ(out.released[0], kept);
}

TEST_F(NeighboursTest, StaticEntriesNeverChange) {
  table.add_static(0, ip("192.0.2.2"), mac(kPeer));
  EXPECT_TRUE(table.usable(v4, INT64_MAX - 1));
  hear(arp_reply(kThief));
  hear(Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kThief})
           .arp({.sender_mac = kThief, .sender_ip = "192.0.2.2", .target_ip = "192.0.2.2"})
           .build());
  EXPECT_EQ(table.mac(v4), mac(kPeer));
  EXPECT_TRUE(out.questions.empty());
  EXPECT_EQ(table.next_tick(), INT64_MAX);
}

TEST_F(NeighboursTest, AnswersForItsOwnAddresses) {
  const struct {
    const char* description;
    Bytes question, answer;  // no answer: another's business
  } rows[] = {
      {"ARP",
       Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kPeer})
           .arp({.sender_mac = kPeer, .sender_ip = "192.0.2.9", .target_ip = "192.0.2.1"})
           .build(),
       Frame()
           .ethernet({.destination = kPeer, .source = kOwn})
           .arp({.operation = 2,
                 .sender_mac = kOwn,
                 .sender_ip = "192.0.2.1",
                 .target_mac = kPeer,
                 .target_ip = "192.0.2.9"})
           .append(Bytes(18))
           .build()},
      {"ARP probe",
       Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kPeer})
           .arp({.sender_mac = kPeer, .sender_ip = "0.0.0.0", .target_ip = "192.0.2.1"})
           .build(),
       Frame()
           .ethernet({.destination = kPeer, .source = kOwn})
           .arp({.operation = 2,
                 .sender_mac = kOwn,
                 .sender_ip = "192.0.2.1",
                 .target_mac = kPeer,
                 .target_ip = "0.0.0.0"})
           .append(Bytes(18))
           .build()},
      {"ARP for another",
       Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kPeer})
           .arp({.sender_mac = kPeer, .sender_ip = "192.0.2.9", .target_ip = "192.0.2.77"})
           .build(),
       {}},
      {"ARP from somebody with the card's address",
       Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kPeer})
           .arp({.sender_mac = kPeer, .sender_ip = "192.0.2.1", .target_ip = "192.0.2.1"})
           .build(),
       {}},
      {"ARP from a group address",
       Frame()
           .ethernet({.destination = kOwn, .source = kPeer})
           .arp({.sender_mac = "03:00:00:00:00:01",
                 .sender_ip = "192.0.2.9",
                 .target_ip = "192.0.2.1"})
           .build(),
       {}},
      {"solicitation",
       Frame()
           .ethernet({.destination = "33:33:ff:00:00:01", .source = kPeer})
           .ipv6({.source = "2001:db8::9", .destination = "ff02::1:ff00:1", .hop_limit = 255})
           .neighbor_solicitation("2001:db8::1", nd_link_option(1, kPeer))
           .build(),
       Frame()
           .ethernet({.destination = kPeer, .source = kOwn})
           .ipv6({.source = "2001:db8::1", .destination = "2001:db8::9", .hop_limit = 255})
           .neighbor_advertisement("2001:db8::1", 0x60000000, nd_link_option(2, kOwn))
           .build()},
      {"unicast probe without option",
       Frame()
           .ethernet({.destination = kOwn, .source = kPeer})
           .ipv6({.source = "2001:db8::9", .destination = "2001:db8::1", .hop_limit = 255})
           .neighbor_solicitation("2001:db8::1")
           .build(),
       Frame()
           .ethernet({.destination = kPeer, .source = kOwn})
           .ipv6({.source = "2001:db8::1", .destination = "2001:db8::9", .hop_limit = 255})
           .neighbor_advertisement("2001:db8::1", 0x60000000, nd_link_option(2, kOwn))
           .build()},
      {"duplicate address detection",
       Frame()
           .ethernet({.destination = "33:33:ff:00:00:01", .source = kPeer})
           .ipv6({.source = "::", .destination = "ff02::1:ff00:1", .hop_limit = 255})
           .neighbor_solicitation("2001:db8::1")
           .build(),
       Frame()
           .ethernet({.destination = "33:33:00:00:00:01", .source = kOwn})
           .ipv6({.source = "2001:db8::1", .destination = "ff02::1", .hop_limit = 255})
           .neighbor_advertisement("2001:db8::1", 0x20000000, nd_link_option(2, kOwn))
           .build()},
      {"solicitation for another",
       Frame()
           .ethernet({.destination = "33:33:ff:00:00:77", .source = kPeer})
           .ipv6({.source = "2001:db8::9", .destination = "ff02::1:ff00:77", .hop_limit = 255})
           .neighbor_solicitation("2001:db8::77")
           .build(),
       {}},
      {"advertisement of the card's own address",
       Frame()
           .ethernet({.destination = kOwn, .source = kPeer})
           .ipv6({.source = "2001:db8::1", .destination = "ff02::1", .hop_limit = 255})
           .neighbor_advertisement("2001:db8::1", 0x20000000, nd_link_option(2, kPeer))
           .build(),
       {}},
      {"router advertisement",
       Frame()
           .ethernet({.destination = kOwn, .source = kPeer})
           .ipv6({.source = "fe80::1", .destination = "ff02::1", .hop_limit = 255})
           .icmp({.type = 134})
           .payload(Bytes(8))
           .build(),
       {}},
  };
  for (const auto& row : rows) {
    out.answers.clear();
    EXPECT_EQ(hear(row.question), row.answer.empty() ? Heard::kNothing : Heard::kAnswered)
        << row.description;
    ASSERT_EQ(out.answers.size(), row.answer.empty() ? 0u : 1u) << row.description;
    if (!row.answer.empty()) {
      EXPECT_EQ(to_hex(out.answers[0]), to_hex(row.answer)) << row.description;
    }
    EXPECT_FALSE(table.usable(v4, now) || table.usable(v6, now)) << row.description;
  }
}

TEST_F(NeighboursTest, AQuestionFromANeighbourThatIsAskedAnswersTheCardsOwn) {
  EXPECT_FALSE(table.need(v4, now, out));
  const Bytes question =
      Frame()
          .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kPeer})
          .arp({.sender_mac = kPeer, .sender_ip = "192.0.2.2", .target_ip = "192.0.2.1"})
          .build();
  EXPECT_EQ(hear(question), Heard::kAnswered);
  EXPECT_EQ(table.mac(v4), mac(kPeer));
}

TEST_F(NeighboursTest, NewTablesKeepWhatOldOnesKnow) {
  EXPECT_FALSE(table.need(v4, now, out));
  wait(v4, pattern(60));
  EXPECT_FALSE(table.need(v6, now, out));
  wait(v6, pattern(61));
  hear(advertisement());
  out.released.clear();
  const uint32_t gone = table.add(0, ip("192.0.2.50"));
  EXPECT_FALSE(table.need(gone, now, out));
  wait(gone, pattern(62));

  const Interface interfaces[] = {interface()};
  Neighbours next(interfaces);
  const uint32_t new_v6 = next.add(0, ip("2001:db8::2")), new_v4 = next.add(0, ip("192.0.2.2"));
  next.adopt(table, out);
  table = std::move(next);
  EXPECT_EQ(out.given_up, std::vector<Bytes>{pattern(62)});
  EXPECT_TRUE(table.usable(new_v6, now));
  EXPECT_EQ(table.mac(new_v6), mac(kPeer));
  EXPECT_EQ(state(new_v4), State::kAsking);
  EXPECT_EQ(table.next_tick(), now + kSecond);
  hear(arp_reply());
  EXPECT_EQ(out.released.size(), 1u);
}

// The same addresses behind another tag are other stations.
TEST_F(NeighboursTest, NewTablesOfAnotherNetworkKeepNothing) {
  EXPECT_FALSE(table.need(v6, now, out));
  hear(advertisement());
  EXPECT_FALSE(table.need(v4, now, out));
  wait(v4, pattern(60));
  const Interface interfaces[] = {interface(20)};
  Neighbours next(interfaces);
  const uint32_t new_v6 = next.add(0, ip("2001:db8::2")), new_v4 = next.add(0, ip("192.0.2.2"));
  next.adopt(table, out);
  EXPECT_EQ(out.given_up, std::vector<Bytes>{pattern(60)});
  EXPECT_FALSE(next.usable(new_v6, now));
  EXPECT_EQ(next.at(new_v4).state, State::kUnknown);
  EXPECT_EQ(next.next_tick(), INT64_MAX);
}

TEST_F(NeighboursTest, SavesAndLoads) {
  EXPECT_FALSE(table.need(v4, now, out));
  hear(arp_reply());
  Archive saved;
  table.archive(saved);

  const Interface interfaces[] = {interface()};
  Neighbours other(interfaces);
  const uint32_t other_v6 = other.add(0, ip("2001:db8::2")),
                 other_v4 = other.add(0, ip("192.0.2.2"));
  Archive from(saved.bytes());
  other.archive(from);
  EXPECT_TRUE(from.ok() && from.at_end());
  EXPECT_TRUE(other.usable(other_v4, now + 59 * kSecond));
  EXPECT_FALSE(other.usable(other_v4, now + 60 * kSecond));
  EXPECT_EQ(other.mac(other_v4), mac(kPeer));
  EXPECT_FALSE(other.usable(other_v6, now));
  for (size_t length = 0; length < saved.bytes().size(); ++length) {
    Neighbours third(interfaces);
    third.add(0, ip("192.0.2.2"));
    Archive cut_off(std::span(saved.bytes()).first(length));
    third.archive(cut_off);
    EXPECT_FALSE(cut_off.ok()) << length;
  }
}

TEST_F(NeighboursTest, RefusesASavedGroupAddress) {
  EXPECT_FALSE(table.need(v4, now, out));
  hear(arp_reply());
  Archive saved;
  table.archive(saved);
  // Section and version, count, uplink, family, 16 octets of address.
  const size_t mac_at = 8 + 4 + 1 + 1 + 16;
  for (const Bytes& wrong : {Bytes(6, 0xff), Bytes(6, 0)}) {
    const Interface interfaces[] = {interface()};
    Neighbours other(interfaces);
    const uint32_t index = other.add(0, ip("192.0.2.2"));
    const Bytes octets = patch(saved.bytes(), mac_at, wrong);
    Archive from{std::span<const uint8_t>(octets)};
    other.archive(from);
    EXPECT_EQ(from.error(), "saved state: a neighbour's MAC address is not one station's");
    EXPECT_FALSE(other.usable(index, now));
  }
}

TEST_F(NeighboursTest, FindsEachOfMany) {
  std::vector<uint32_t> indices;
  for (unsigned i = 0; i < 5000; ++i)
    indices.push_back(
        table.add(i % 2, ip("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250))));
  for (unsigned i = 0; i < 5000; ++i) {
    EXPECT_EQ(
        table.add(i % 2, ip("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250))),
        indices[i]);
  }
  EXPECT_EQ(table.size(), 5002u);
}

}  // namespace
}  // namespace gatehouse::test
