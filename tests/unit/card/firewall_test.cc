// SPDX-License-Identifier: GPL-2.0-or-later
// A policy file with a firewall, through the whole card: what query-gatehouse shows of it, and that
// connections come along in a snapshot in which the vnics had other numbers.
#include "hw/core/flow/table.hh"
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

// Questions of vnic a that all want one bucket of the table, while it is small, under this seed.
std::vector<test::Bytes> questions_of_one_bucket(uint64_t seed, size_t count) {
  const flow::Table table(1, 1, seed);
  std::vector<test::Bytes> frames;
  for (uint16_t port = 1; frames.size() < count; ++port) {
    const test::Bytes frame =
        test::Frame()
            .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:0a"})
            .ipv4({.source = "10.0.0.10", .destination = "10.0.0.2"})
            .udp({.source = port, .destination = 7})
            .build();
    const FlowEnds ends{&frame[26], &frame[30], &frame[34], false, 17};
    const FlowKey key = flow_key(ends, FlowDirection::kOut, 0);
    if (table.hash(key) % table.buckets() == 0) frames.push_back(frame);
  }
  return frames;
}

TEST(CardFirewall, WhoKnowsAnotherCardsSeedFillsNoBucketOfThisOne) {
  constexpr uint64_t kKnown = 4711, kOther = 4712;
  constexpr size_t kQuestions = 60;
  const std::vector<test::Bytes> questions = questions_of_one_bucket(kKnown, kQuestions);
  World known({.present = true}, kKnown), other({.present = true}, kOther);
  for (World* world : {&known, &other}) {
    guard(*world);
    for (const test::Bytes& question : questions) World::transmit(world->a, question);
  }
  const uint64_t refused = known.drops(spec::DropReason::flow_table_full);
  EXPECT_GT(refused, 0u) << "the seed does not reach the table";
  EXPECT_EQ(other.drops(spec::DropReason::flow_table_full), 0u);
  EXPECT_EQ(other.card.state(false)["tables"]["connections"], kQuestions);

  // Saved under one seed, loaded under another: all of them are found there.
  known.card.drain();
  Archive saved;
  known.card.archive(saved);
  World loaded({.present = true}, kOther);
  guard(loaded);
  loaded.clock.now = known.clock.now;
  Archive loading{std::span<const uint8_t>(saved.bytes())};
  loaded.card.archive(loading);
  ASSERT_TRUE(loading.ok() && loading.at_end()) << loading.error();
  EXPECT_EQ(loaded.card.state(false)["tables"]["connections"], kQuestions - refused);
  for (const test::Bytes& question : questions) World::transmit(loaded.a, question);
  const nlohmann::json counters = loaded.card.state(false)["vnics"][0]["counters"];
  EXPECT_EQ(counters["firewall_opened"], kQuestions) << "none of those that came along began anew";
}

}  // namespace
}  // namespace gatehouse::card
