// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/resolve/resolve.hh"

#include <gtest/gtest.h>

#include "hw/core/parse/parse.hh"
#include "hw/core/resolve/token_bucket.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using resolve::Kind;
using spec::DropReason;

const Bytes kOwnOption = nd_link_option(1, "52:54:00:00:00:01");

Frame nd(const std::string& source, const std::string& destination = "ff02::1:ff00:2",
         const std::string& mac = "33:33:ff:00:00:02") {
  return Frame()
      .ethernet({.destination = mac})
      .ipv6({.source = source, .destination = destination, .hop_limit = 255});
}

class Held {
 public:
  explicit Held(const Bytes& frame) : packet_(packet_of(pool_, frame)) {
    EXPECT_EQ(parse::parse(*packet_), DropReason::none);
  }
  ~Held() { pool_.give(packet_); }
  Packet& operator*() { return *packet_; }

 private:
  PacketPool pool_{{.small_count = 2, .large_count = 1}};
  Packet* packet_;
};

TEST(Resolve, ClassifiesQuestions) {
  const struct {
    const char* description;
    Bytes frame;
    Kind kind;
    const char* target;
  } rows[] = {
      {"UDP", Frame().ethernet().ipv4().udp().build(), Kind::kNone, nullptr},
      {"ping", Frame().ethernet().ipv6().icmp({.type = 128}).build(), Kind::kNone, nullptr},
      {"ARP request", Frame().ethernet().arp().build(), Kind::kArpRequest, "10.0.0.2"},
      {"ARP probe", Frame().ethernet().arp({.sender_ip = "0.0.0.0"}).build(), Kind::kArpProbe,
       "10.0.0.2"},
      {"ARP reply", Frame().ethernet().arp({.operation = 2}).build(), Kind::kClaim, nullptr},
      {"RARP", Frame().ethernet().arp({.operation = 3}).build(), Kind::kClaim, nullptr},
      {"gratuitous ARP", Frame().ethernet().arp({.target_ip = "10.0.0.1"}).build(), Kind::kClaim,
       nullptr},
      {"solicitation", nd("fd00::1").neighbor_solicitation("fd00::2", kOwnOption).build(),
       Kind::kSolicitation, "fd00::2"},
      {"DAD", nd("::").neighbor_solicitation("fd00::2").build(), Kind::kDadProbe, "fd00::2"},
      {"advertisement", nd("fd00::1", "fd00::2").neighbor_advertisement("fd00::1", 0, {}).build(),
       Kind::kClaim, nullptr},
      {"router solicitation", nd("fe80::1", "ff02::2").icmp({.type = 133}).build(),
       Kind::kRouterSolicitation, nullptr},
      {"router advertisement",
       nd("fe80::1", "ff02::1").icmp({.type = 134}).payload(Bytes(8)).build(),
       Kind::kRouterAdvertisement, nullptr},
      {"redirect",
       nd("fe80::1", "fd00::2")
           .icmp({.type = 137})
           .payload([] {
             Bytes body = Bytes(32);
             body[0] = 0xfe, body[1] = 0x80, body[15] = 9;  // target
             body[16] = 0xfd, body[31] = 7;                 // destination
             return body;
           }())
           .build(),
       Kind::kClaim, nullptr},
  };
  for (const auto& row : rows) {
    Held packet(row.frame);
    const resolve::Question question = resolve::classify(*packet);
    EXPECT_EQ(question.kind, row.kind) << row.description;
    if (row.target == nullptr) continue;
    EXPECT_EQ(question.target, parse_ip(row.target)) << row.description;
  }
}

TEST(Resolve, AnswersInPlace) {
  const char* const kMac = "52:54:00:00:00:02";
  const struct {
    const char* description;
    Bytes question, answer;
  } rows[] = {
      {"ARP", Frame().ethernet({.destination = "ff:ff:ff:ff:ff:ff"}).arp().build(),
       Frame()
           .ethernet({.destination = "52:54:00:00:00:01", .source = kMac})
           .arp({.operation = 2,
                 .sender_mac = kMac,
                 .sender_ip = "10.0.0.2",
                 .target_mac = "52:54:00:00:00:01",
                 .target_ip = "10.0.0.1"})
           .build()},
      {"ARP, padded and with a priority tag",
       Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff"})
           .vlan(0x6000)
           .arp()
           .append(Bytes(14))
           .build(),
       Frame()
           .ethernet({.destination = "52:54:00:00:00:01", .source = kMac})
           .vlan(0x6000)
           .arp({.operation = 2,
                 .sender_mac = kMac,
                 .sender_ip = "10.0.0.2",
                 .target_mac = "52:54:00:00:00:01",
                 .target_ip = "10.0.0.1"})
           .append(Bytes(14))
           .build()},
      {"ARP with a long tail",
       Frame().ethernet({.destination = "ff:ff:ff:ff:ff:ff"}).arp().append(Bytes(1400)).build(),
       Frame()
           .ethernet({.destination = "52:54:00:00:00:01", .source = kMac})
           .arp({.operation = 2,
                 .sender_mac = kMac,
                 .sender_ip = "10.0.0.2",
                 .target_mac = "52:54:00:00:00:01",
                 .target_ip = "10.0.0.1"})
           .append(Bytes(18))
           .build()},
      {"ARP probe",
       Frame().ethernet({.destination = "ff:ff:ff:ff:ff:ff"}).arp({.sender_ip = "0.0.0.0"}).build(),
       Frame()
           .ethernet({.destination = "52:54:00:00:00:01", .source = kMac})
           .arp({.operation = 2,
                 .sender_mac = kMac,
                 .sender_ip = "10.0.0.2",
                 .target_mac = "52:54:00:00:00:01",
                 .target_ip = "0.0.0.0"})
           .build()},
      {"solicitation", nd("fd00::1").neighbor_solicitation("fd00::2", kOwnOption).build(),
       Frame()
           .ethernet({.destination = "52:54:00:00:00:01", .source = kMac})
           .ipv6({.source = "fd00::2", .destination = "fd00::1", .hop_limit = 255})
           .neighbor_advertisement("fd00::2", 0x60000000, nd_link_option(2, kMac))
           .build()},
      {"solicitation with a nonce",
       nd("fd00::1")
           .neighbor_solicitation("fd00::2", concat({kOwnOption, {14, 1, 1, 2, 3, 4, 5, 6}}))
           .build(),
       Frame()
           .ethernet({.destination = "52:54:00:00:00:01", .source = kMac})
           .ipv6({.source = "fd00::2", .destination = "fd00::1", .hop_limit = 255})
           .neighbor_advertisement("fd00::2", 0x60000000, nd_link_option(2, kMac))
           .build()},
      {"unicast probe without option: the answer is longer",
       nd("fd00::1", "fd00::2", kMac).neighbor_solicitation("fd00::2").build(),
       Frame()
           .ethernet({.destination = "52:54:00:00:00:01", .source = kMac})
           .ipv6({.source = "fd00::2", .destination = "fd00::1", .hop_limit = 255})
           .neighbor_advertisement("fd00::2", 0x60000000, nd_link_option(2, kMac))
           .build()},
      {"duplicate address detection", nd("::").neighbor_solicitation("fd00::2").build(),
       Frame()
           .ethernet({.destination = "33:33:00:00:00:01", .source = kMac})
           .ipv6({.source = "fd00::2", .destination = "ff02::1", .hop_limit = 255})
           .neighbor_advertisement("fd00::2", 0x20000000, nd_link_option(2, kMac))
           .build()},
  };
  for (const auto& row : rows) {
    Held packet(row.question);
    ASSERT_TRUE(resolve::answer(*packet, resolve::classify(*packet), {*parse_mac(kMac)}))
        << row.description;
    EXPECT_EQ(to_hex(bytes_of(*packet)), to_hex(row.answer)) << row.description;
    // The layers fit the answer, so that it can be sent on without another parse.
    const uint32_t l3_end = (*packet).layers.l3_end;
    ASSERT_EQ(parse::parse(*packet), DropReason::none) << row.description;
    EXPECT_EQ((*packet).layers.l3_end, l3_end) << row.description;
  }
}

TEST(Resolve, RefusesWhatIsNoQuestion) {
  Held udp(Frame().ethernet().ipv4().udp().build());
  EXPECT_FALSE(resolve::answer(*udp, resolve::classify(*udp), {}));
  Held reply(Frame().ethernet().arp({.operation = 2}).build());
  EXPECT_FALSE(resolve::answer(*reply, resolve::classify(*reply), {}));
}

TEST(Resolve, RefusesWhereTheAnswerHasNoRoom) {
  const Bytes frame = nd("fd00::1").neighbor_solicitation("fd00::2").build();
  Held packet(frame);
  (*packet).capacity = (*packet).headroom() + static_cast<uint32_t>(frame.size());
  EXPECT_FALSE(resolve::answer(*packet, resolve::classify(*packet), {}));
  EXPECT_EQ(bytes_of(*packet), frame) << "unchanged";
}

TEST(TokenBucket, LetsABurstThroughAndThenTheRate) {
  constexpr int64_t kSecond = 1'000'000'000;
  resolve::TokenBucket bucket(10, 3);
  int64_t now = 5 * kSecond;
  int taken = 0;
  while (bucket.take(now)) ++taken;
  EXPECT_EQ(taken, 3);
  EXPECT_FALSE(bucket.take(now + kSecond / 10 - 1));
  EXPECT_TRUE(bucket.take(now + kSecond / 10));
  EXPECT_FALSE(bucket.take(now + kSecond / 10));
  taken = 0;
  for (now = 10 * kSecond; now < 20 * kSecond; now += kSecond / 1000) taken += bucket.take(now);
  EXPECT_EQ(taken, 3 + 99) << "10 s at 10 a second, the full bucket first";
}

TEST(TokenBucket, SurvivesAClockThatGoesBack) {
  constexpr int64_t kSecond = 1'000'000'000;
  resolve::TokenBucket bucket(10, 3);
  while (bucket.take(100 * kSecond)) {
  }
  EXPECT_FALSE(bucket.take(kSecond));
  EXPECT_TRUE(bucket.take(kSecond + kSecond / 10)) << "it fills from the new time on";
}

}  // namespace
}  // namespace gatehouse::test
