// SPDX-License-Identifier: GPL-2.0-or-later
// Two guests on two cards: every format over every underlay, streams, fragments, path MTU.
#include <gtest/gtest.h>

#include "tests/scenarios/pair.hh"
#include "tools/docs/formats_page.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;
using Counts = std::map<std::string, uint64_t>;

// The guests' own multicast (MLD, router solicitations) has nowhere to go, questions are answered;
// nothing else may have ended at the card since, but for reason `also`.
void expect_nothing_lost(const Counts& before, lab::Guest& guest, const std::string& also = "") {
  for (const auto& [reason, count] : difference(before, drops_of(guest))) {
    EXPECT_TRUE(reason == "answered" || reason == "no_broadcast_peer" || reason == "link_local" ||
                reason == "not_forwarded" || reason == also)
        << guest.name() << " dropped " << count << " frames: " << reason;
  }
}

struct Case {
  const char* name;
  const char* format;
  bool ipv6_underlay;
};

class Overlay : public testing::TestWithParam<Case> {
 protected:
  // Whether super-frames travelled as TCP-shaped segments; then each was put together.
  static void expect_shaped(Pair& pair, bool shaped) {
    for (lab::Guest* guest : {&pair.left(), &pair.right()}) {
      lab::Guest& other = guest == &pair.left() ? pair.right() : pair.left();
      const uint64_t sent = vnic_counter(*guest, "vnic0", "tx_shaped");
      EXPECT_EQ(sent > 0, shaped) << guest->name();
      const auto arrived = [&] {
        return card_of(other).at("uplinks").at(0).at("counters").at("rx_shaped") >= sent;
      };
      EXPECT_TRUE(eventually(arrived, seconds(10))) << other.name();
      const nlohmann::json uplink = card_of(other).at("uplinks").at(0).at("counters");
      EXPECT_EQ(uplink.at("rx_reassembled") > 0, shaped) << other.name();
      EXPECT_EQ(uplink.at("rx_recovered"), 0u) << "none was lost";
      EXPECT_EQ(card_of(other).at("tables").at("incomplete-frames"), 0u);
    }
  }
};

TEST_P(Overlay, CarriesPingsStreamsAndFragmentsBothWays) {
  PairOptions options;
  options.format = GetParam().format;
  options.ipv6_underlay = GetParam().ipv6_underlay;
  // "quay": no code knows it, the policy file describes it.
  if (options.format == "quay")
    options.formats = nlohmann::json::parse(docs::formats_example())["formats"];
  Pair pair(options);
  const Counts left_before = drops_of(pair.left()), right_before = drops_of(pair.right());
  const uint64_t segments = vnic_counter(pair.left(), "vnic0", "tx_segments");
  lab::Agent& left = pair.left().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  left.check("ping -c 5 -i 0.1 -W 2 " + std::string(kRight4));
  left.check("ping -6 -c 5 -i 0.1 -W 2 " + std::string(kRight6));
  // Larger than the MTU: the guest's own fragments.
  left.check("ping -c 3 -i 0.1 -W 2 -s 8000 " + std::string(kRight4));
  left.check("ping -6 -c 3 -i 0.1 -W 2 -s 8000 " + std::string(kRight6));
  copy_and_compare(pair.left(), pair.right(), kRight4, 8);
  copy_and_compare(pair.right(), pair.left(), kLeft6, 8);
  EXPECT_GT(vnic_counter(pair.left(), "vnic0", "tx_segments"), segments) << "TSO was not used";
  expect_shaped(pair, options.format.starts_with("stt"));
  expect_nothing_lost(left_before, pair.left());
  expect_nothing_lost(right_before, pair.right());
}

INSTANTIATE_TEST_SUITE_P(
    Formats, Overlay,
    testing::Values(Case{"GeneveOverIpv4", "geneve", false}, Case{"GeneveOverIpv6", "geneve", true},
                    Case{"VxlanOverIpv4", "vxlan", false}, Case{"VxlanOverIpv6", "vxlan", true},
                    Case{"GreOverIpv4", "gre", false}, Case{"NvgreOverIpv6", "nvgre", true},
                    Case{"GreWithChecksum", "gre-checksum", false},
                    Case{"SttOverIpv4", "stt", false}, Case{"SttRedundant", "stt-redundant", true},
                    Case{"DescribedByThePolicyAlone", "quay", false}),
    [](const auto& row) { return row.param.name; });

// A wire that loses one frame of a hundred. A stream with a hole is lost whole, of redundant
// segments the others arrive; TCP makes good either way.
class LossyWire : public testing::TestWithParam<const char*> {};

TEST_P(LossyWire, WhatIsLostIsCountedAndTcpGoesOn) {
  PairOptions options;
  options.format = GetParam();
  options.switch_options = {"--loss", "0.01"};
  Pair pair(options);
  pair.left().agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const Counts before = drops_of(pair.right());
  copy_and_compare(pair.left(), pair.right(), kRight4, 4);
  // What is not whole waits for the rest, for a while.
  EXPECT_TRUE(
      eventually([&] { return card_of(pair.right()).at("tables").at("incomplete-frames") == 0; },
                 seconds(10)));
  Counts moved = difference(before, drops_of(pair.right()));
  EXPECT_GT(moved["frame_incomplete"], 0u);
  const nlohmann::json uplink = card_of(pair.right()).at("uplinks").at(0).at("counters");
  EXPECT_GT(uplink.at("rx_reassembled"), 0u);
  const bool redundant = options.format == "stt-redundant";
  EXPECT_EQ(uplink.at("rx_recovered") > 0, redundant) << uplink.at("rx_recovered");
  expect_nothing_lost(before, pair.right(), "frame_incomplete");
}

INSTANTIATE_TEST_SUITE_P(Formats, LossyWire, testing::Values("stt", "stt-redundant"),
                         [](const auto& row) {
                           return std::string(row.param) == "stt" ? "Stt" : "SttRedundant";
                         });

TEST(PathMtu, SenderIsToldAndAdapts) {
  PairOptions options;
  options.underlay_mtu = 1500;  // leaves 1450 for the inner datagram with Geneve over IPv4
  Pair pair(options);
  lab::Agent& left = pair.left().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const Counts before = drops_of(pair.left());
  const lab::CommandResult first = left.run("ping -c 1 -W 2 -M do -s 1472 " + std::string(kRight4));
  EXPECT_NE(first.output.find("mtu = 1450"), std::string::npos) << first.output;
  const lab::CommandResult first6 =
      left.run("ping -6 -c 1 -W 2 -M do -s 1452 " + std::string(kRight6));
  EXPECT_NE(first6.output.find("1450"), std::string::npos) << first6.output;
  EXPECT_EQ(difference(before, drops_of(pair.left())).at("exceeds_mtu"), 2u);
  EXPECT_NE(left.check("ip route get " + std::string(kRight4)).find("mtu 1450"), std::string::npos);
  left.check("ping -c 1 -W 2 -M do -s 1422 " + std::string(kRight4));
  copy_and_compare(pair.left(), pair.right(), kRight4, 4);
  copy_and_compare(pair.left(), pair.right(), kRight6, 4);
}

TEST(PathMtu, DatagramsThatMayBeFragmentedAre) {
  PairOptions options;
  options.underlay_mtu = 1500;
  Pair pair(options);
  lab::Agent& left = pair.left().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const uint64_t before = vnic_counter(pair.left(), "vnic0", "fragments");
  left.check("ping -c 3 -i 0.1 -W 2 -M dont -s 1472 " + std::string(kRight4));
  EXPECT_EQ(vnic_counter(pair.left(), "vnic0", "fragments") - before, 6u);
}

TEST(Jumbo, NineThousandOctetsEndToEnd) {
  PairOptions options;
  options.underlay_mtu = 9216;
  Pair pair(options);
  for (lab::Guest* guest : {&pair.left(), &pair.right()}) {
    guest->agent().check("ip link set eth0 mtu 9000");
    wait_for_carrier(*guest);
  }
  lab::Agent& left = pair.left().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  left.check("ping -c 3 -i 0.1 -W 2 -M do -s 8972 " + std::string(kRight4));
  copy_and_compare(pair.left(), pair.right(), kRight4, 8);
}

// The left guest's segments reach the right one in frames as large as its driver takes, or as they
// came. Each frame of the wire is in one of the counters.
class Coalescing : public testing::TestWithParam<bool> {};

TEST_P(Coalescing, HandsTheDriverFramesAsLargeAsItTakes) {
  const bool jumbo = GetParam();
  PairOptions options;
  options.policy = [](const std::string& side, nlohmann::json& policy) {
    if (side != "right") return;
    policy["vnics"][0]["coalesce"] = true;
    policy["coalesce_hold"] = 2000;  // us: the left guest may be slow
  };
  Pair pair(options);
  if (jumbo) {
    pair.right().agent().check("ip link set eth0 mtu 9000");
    wait_for_carrier(pair.right());
  }
  pair.left().agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const Counts before = drops_of(pair.right());
  copy_and_compare(pair.left(), pair.right(), kRight4, 8);
  copy_and_compare(pair.left(), pair.right(), kRight6, 8);
  const uint64_t made = vnic_counter(pair.right(), "vnic0", "rx_coalesced");
  const uint64_t merged = vnic_counter(pair.right(), "vnic0", "rx_merged");
  if (jumbo) {
    EXPECT_GT(made, 100u);
    EXPECT_GE(merged, 2 * made);
  } else {
    EXPECT_LT(merged, 100u)
        << "a full segment has no room for another, the guests' few small ones have";
  }
  const nlohmann::json coalesce = card_of(pair.right()).at("coalesce");
  EXPECT_EQ(coalesce.at("frames"), merged);
  EXPECT_EQ(coalesce.at("super-frames"), made);
  expect_nothing_lost(before, pair.right());
}

// No code knows "quay", nor did the cards when they were made.
TEST(Formats, AnInventedOneIsLoadedIntoRunningCards) {
  Pair pair;
  pair.right().agent().check("ip link set eth0 mtu 9000");
  wait_for_carrier(pair.right());
  lab::Agent& left = pair.left().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  PairOptions options;
  options.format = "quay";
  options.formats = nlohmann::json::parse(docs::formats_example())["formats"];
  const lab::Topology topology = pair_topology(options);
  for (lab::Guest* guest : {&pair.left(), &pair.right()}) {
    nlohmann::json policy = topology.policy_of(guest->name());
    if (guest == &pair.right()) {
      policy["vnics"][0]["coalesce"] = true;
      policy["coalesce_hold"] = 2000;  // us: the left guest may be slow
    }
    lab::write_file(pair.policy_path(guest->name()), policy.dump(2) + "\n");
    guest->qmp().execute("gatehouse-policy-load",
                         {{"card", "card0"}, {"file", pair.policy_path(guest->name())}});
  }
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const Counts before = drops_of(pair.right());
  const uint64_t segments = vnic_counter(pair.left(), "vnic0", "tx_segments");
  copy_and_compare(pair.left(), pair.right(), kRight4, 8);
  copy_and_compare(pair.left(), pair.right(), kRight6, 8);
  EXPECT_GT(vnic_counter(pair.left(), "vnic0", "tx_segments"), segments + 1000);
  EXPECT_GT(vnic_counter(pair.right(), "vnic0", "rx_coalesced"), 100u);
  expect_nothing_lost(before, pair.right());
}

// What waits goes on before a policy changes, which must not write to memory that stands still.
TEST(HeldFrames, NoPolicyChangesWhileTheMachineStandsStill) {
  PairOptions options;
  options.policy = [](const std::string& side, nlohmann::json& policy) {
    if (side != "right") return;
    policy["vnics"][0]["coalesce"] = true;
    policy["coalesce_hold"] = 1'000'000;  // us: until somebody looks
  };
  Pair pair(options);
  pair.right().agent().check("ip link set eth0 mtu 9000");
  wait_for_carrier(pair.right());
  pair.left().agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  pair.right().agent().start("mkfifo /tmp/open; exec 3<>/tmp/open; nc -l -p 9000 <&3 >/dev/null");
  pair.right().agent().check("gh-wait tcp 9000 20000", seconds(30));
  pair.left().agent().start("bash -c 'cat /dev/zero >/dev/tcp/" + std::string(kRight4) + "/9000'");
  lab::Qmp& qmp = pair.right().qmp();
  const auto held = [&] { return card_of(pair.right()).at("coalesce").at("held-frames"); };
  ASSERT_TRUE(eventually([&] {
    qmp.execute("stop");
    if (held() != 0) return true;
    qmp.execute("cont");
    return false;
  }));
  const nlohmann::json waiting = held();
  const nlohmann::json load = {{"card", "card0"}, {"file", pair.policy_path("right")}};
  const nlohmann::json refused = qmp.execute_raw("gatehouse-policy-load", load);
  EXPECT_NE(refused.at("error").value("desc", "").find("Fix: load it before 'stop'"),
            std::string::npos)
      << refused.dump();
  EXPECT_EQ(held(), waiting);
  qmp.execute("cont");
  qmp.execute("gatehouse-policy-load", load);
}

INSTANTIATE_TEST_SUITE_P(Drivers, Coalescing, testing::Bool(), [](const auto& row) {
  return row.param ? std::string("Jumbo") : std::string("Standard");
});

}  // namespace
}  // namespace gatehouse::scenarios
