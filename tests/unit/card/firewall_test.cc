// SPDX-License-Identifier: GPL-2.0-or-later
// A policy file with a firewall, through the whole card: what query-gatehouse shows of it, and that
// connections come along in a snapshot in which the vnics had other numbers.
#include "hw/core/flow/table.hh"
#include "tests/unit/card/world.hh"

namespace gatehouse::card {
namespace {

// Vnic a has a firewall that lets nothing begin from outside but by these rules.
void guard(World& world, const std::string& rules = "") {
  std::string text = kPolicy;
  const std::string vnic = R"("name": "a", )";
  text.insert(text.find(vnic) + vnic.size(), R"("firewall": "shut", )");
  text.insert(text.rfind('}'), R"(, "firewalls": [{"name": "shut", "rules": [)" + rules +
                                   R"(]}], "connections": 5000)");
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

test::Bytes question_of_a(uint16_t port) {
  return test::Frame()
      .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:0a"})
      .ipv4({.source = "10.0.0.10", .destination = "10.0.0.2"})
      .udp({.source = 1000, .destination = port})
      .build();
}

uint64_t counter_of_a(World& world, const char* name) {
  return world.card.state(false)["vnics"][0]["counters"][name];
}

TEST(CardFirewall, LogTellsWhoWantedWhatAndWhatBecameOfIt) {
  World world;
  guard(world, R"({"direction": "out", "protocol": "udp", "ports": ["5"]},
                  {"direction": "out", "name": "web", "protocol": "udp", "ports": ["6"], "log": true},
                  {"direction": "out", "action": "deny", "protocol": "udp", "ports": ["7"], "log": true})");
  for (const uint16_t port : {5, 6, 7, 6, 8}) World::transmit(world.a, question_of_a(port));
  using Log = FakeEvents::Log;
  const std::vector<Log> expected = {
      {"a", "shut", 1, "web", spec::DropReason::none, "10.0.0.10", "10.0.0.2", 6, 0},
      {"a", "shut", 2, "", spec::DropReason::firewall_denied, "10.0.0.10", "10.0.0.2", 7, 0}};
  EXPECT_EQ(world.events.logs, expected) << "neither what no such rule decided nor what goes on";
  EXPECT_EQ(counter_of_a(world, "firewall_logged"), 2u);
  EXPECT_EQ(counter_of_a(world, "firewall_log_suppressed"), 0u);
  // A rule that came later ends the connection, and says so.
  guard(world, R"({"direction": "out", "action": "deny", "name": "shut", "log": true})");
  World::transmit(world.a, question_of_a(5));
  ASSERT_EQ(world.events.logs.size(), 3u);
  EXPECT_EQ(world.events.logs[2], (Log{"a", "shut", 0, "shut", spec::DropReason::firewall_denied,
                                       "10.0.0.10", "10.0.0.2", 5, 0}));
  EXPECT_EQ(counter_of_a(world, "firewall_revoked"), 1u);
}

TEST(CardFirewall, AFloodDoesNotFloodTheLog) {
  World world;
  guard(world, R"({"direction": "in", "action": "deny", "log": true},
                  {"direction": "out", "action": "deny", "log": true})");
  constexpr uint64_t kFlood = 5000;
  for (uint64_t i = 0; i < kFlood / 10; ++i) {
    World::transmit(world.a, question_of_a(7), 10);
    world.clock.now += 1'000'000;
  }
  // Half a second: what may come at once, and 10 a second.
  const uint64_t told = world.events.logs.size();
  EXPECT_GE(told, 20u);
  EXPECT_LE(told, 26u);
  EXPECT_EQ(counter_of_a(world, "firewall_logged"), kFlood);
  EXPECT_EQ(counter_of_a(world, "firewall_log_suppressed"), kFlood - told);
  world.clock.now += 1'000'000'000;
  World::transmit(world.a, question_of_a(7));
  ASSERT_EQ(world.events.logs.size(), told + 1);
  uint64_t suppressed = 0;
  for (const auto& log : world.events.logs) suppressed += log.suppressed;
  EXPECT_EQ(suppressed, kFlood - told) << "each one is told of, or counted by the next one";
}

TEST(CardFirewall, ManyVnicsDoNotFloodTheLogTogether) {
  World world;
  std::string text = kPolicy;
  text.insert(text.rfind('}'), R"(, "firewalls": [{"name": "shut", "rules": [
      {"direction": "out", "action": "deny", "log": true}]}])");
  constexpr unsigned kVnics = 40;
  std::string more;
  for (unsigned i = 0; i < kVnics; ++i) {
    more +=
        R"(, {"name": "v)" + std::to_string(i) +
        R"(", "tenant": "red", "firewall": "shut", "anti_spoof": false, "addresses": ["10.0.1.)" +
        std::to_string(i) + R"("]})";
  }
  text.insert(text.find("],\n  \"mappings\""), more);
  Result<policy::Policy> policy = policy::read_policy(text, "policy.json");
  ASSERT_TRUE(policy.ok()) << policy.status().message();
  ASSERT_TRUE(world.card.load_policy(policy.value()).ok());
  std::vector<FakeGuest> guests(kVnics);
  for (unsigned i = 0; i < kVnics; ++i) {
    char mac[18];
    std::snprintf(mac, sizeof mac, "52:54:00:00:01:%02x", i);
    world.attach(guests[i], "v" + std::to_string(i), mac);
    World::transmit(guests[i], question_of_a(7), 30);
  }
  EXPECT_EQ(world.events.logs.size(), 200u);
  for (FakeGuest& guest : guests) world.card.detach(guest.port);
}

TEST(CardFirewall, ConnectionsMoveByTheVnicsName) {
  World source, destination;
  guard(source), guard(destination);
  World::transmit(source.a, World::from_a("10.0.0.2"));
  destination.clock.now += 12'345'000'000'000;
  ASSERT_TRUE(destination.receive(answer_to_a()));
  destination.run();
  EXPECT_TRUE(destination.a.received.empty()) << "without them";
  pipeline::MovedConnection moved[8];
  uint32_t cursor = 0;
  const Result<size_t> count = source.card.export_connections("a", cursor, moved);
  ASSERT_TRUE(count.ok() && count.value() == 1 && cursor == pipeline::Pipeline::kNoMore);
  EXPECT_EQ(destination.card.import_connections("a", {moved, 1}).value().taken, 1u);
  ASSERT_TRUE(destination.receive(answer_to_a()));
  destination.run();
  EXPECT_EQ(destination.a.received.size(), 1u);
  EXPECT_EQ(source.card.export_connections("x", cursor, moved).status().message(),
            "the card has no vnic named 'x'");
  EXPECT_FALSE(destination.card.import_connections("x", {moved, 1}).ok());
  EXPECT_FALSE(destination.card.import_connections("b", {moved, 1}).ok()) << "no firewall";
}

}  // namespace
}  // namespace gatehouse::card
