// SPDX-License-Identifier: GPL-2.0-or-later
// A policy file with a firewall, through the whole card: what query-gatehouse shows of it, and that
// connections come along in a snapshot in which the vnics had other numbers.
#include "tests/unit/card/world.hh"

namespace gatehouse::card {
namespace {

// Vnic a has a firewall that lets nothing begin from outside.
void guard(World& world) {
  std::string text = kPolicy;
  const std::string vnic = R"("name": "a", )";
  text.insert(text.find(vnic) + vnic.size(), R"("firewall": "shut", )");
  text.insert(text.rfind('}'), R"(, "firewalls": [{"name": "shut"}], "connections": 5000)");
  Result<policy::Policy> policy = policy::read_policy(text, "policy.json");
  ASSERT_TRUE(policy.ok()) << policy.status().message();
  const Status loaded = world.card.load_policy(policy.value());
  ASSERT_TRUE(loaded.ok()) << loaded.message();
}

// The answer to from_a(): ports the other way round.
test::Bytes answer_to_a() {
  test::Bytes frame = World::tunnel_to_a();
  constexpr size_t kInnerUdp = 50 + 14 + 20;
  std::swap(frame[kInnerUdp], frame[kInnerUdp + 2]);
  std::swap(frame[kInnerUdp + 1], frame[kInnerUdp + 3]);
  return frame;
}

TEST(CardFirewall, IsShownAndComesAlongInASnapshot) {
  World source;
  guard(source);
  ASSERT_TRUE(source.receive(answer_to_a()));
  source.run();
  EXPECT_TRUE(source.a.received.empty()) << "nobody asked";
  EXPECT_EQ(source.drops(spec::DropReason::firewall_denied), 1u);
  World::transmit(source.a, World::from_a("10.0.0.2"));
  ASSERT_TRUE(source.receive(answer_to_a()));
  source.run();
  EXPECT_EQ(source.a.received.size(), 1u);
  const nlohmann::json state = source.card.state(false);
  EXPECT_EQ(state["tables"]["connections"], 1);
  EXPECT_EQ(state["tables"]["connection-room"], 5000);
  EXPECT_EQ(state["vnics"][0]["firewall"], "shut");
  EXPECT_EQ(state["vnics"][0]["connections"], 1);
  EXPECT_EQ(state["vnics"][0]["counters"]["firewall_opened"], 1);
  EXPECT_FALSE(state["vnics"][1].contains("firewall"));

  source.card.drain();
  Archive saved;
  source.card.archive(saved);
  World destination;
  guard(destination);
  destination.card.detach(destination.a.port);
  destination.card.detach(destination.b.port);
  destination.attach(destination.b, "b", "52:54:00:00:00:0b");
  destination.attach(destination.a, "a", "52:54:00:00:00:0a");
  destination.clock.now = source.clock.now;
  Archive loading{std::span<const uint8_t>(saved.bytes())};
  destination.card.archive(loading);
  ASSERT_TRUE(loading.ok() && loading.at_end()) << loading.error();
  destination.card.loaded();
  EXPECT_EQ(destination.card.state(false)["vnics"], source.card.state(false)["vnics"]);
  ASSERT_TRUE(destination.receive(answer_to_a()));
  ASSERT_TRUE(destination.receive(World::tunnel_to_a()));
  destination.run();
  EXPECT_EQ(destination.a.received.size(), 1u) << "the answer, and not the other";
}

}  // namespace
}  // namespace gatehouse::card
