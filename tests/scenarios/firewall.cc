// SPDX-License-Identifier: GPL-2.0-or-later
// A guest behind its vnic's firewall and a peer in another guest: what passes, what ends and why,
// and that nothing else moves; through a change of rules, a snapshot and a move to another card.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/scenarios/pair.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::scenarios {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using test::Bytes;
using Counts = std::map<std::string, uint64_t>;

constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;
constexpr const char* kNobody4 = "192.168.0.9";  // an address of the left vnic's, not of its guest
constexpr const char* kSilent4 = "192.168.0.3";  // one of the right vnic's, not of its guest
constexpr const char* kStranger4 = "192.168.0.66";  // nobody's

void add_mapping(json& policy, const char* destination) {
  json mapping = policy["mappings"][0];
  mapping["destination"] = destination;
  policy["mappings"].push_back(mapping);
}

// The left vnic has a firewall with these rules; the right one has none, and may lie.
PairOptions guarded(const json& rules = json::array(), const json& limits = json::object()) {
  PairOptions options;
  options.policy = [=](const std::string& side, json& policy) {
    json& vnic = policy["vnics"][0];
    if (side == "left") {
      json firewall = {{"name", "shut"}, {"rules", rules}};
      firewall.update(limits);
      policy["firewalls"] = {firewall};
      vnic["firewall"] = "shut";
      vnic["addresses"].push_back(kNobody4);
      add_mapping(policy, kSilent4);
    } else {
      vnic["anti_spoof"] = false;
      vnic["addresses"].push_back(kSilent4);
      add_mapping(policy, kNobody4);
    }
  };
  return options;
}

// Neighbours of their own in both guests, and no IPv6: what moves then is what the test sends.
void quieten(Pair& pair) {
  const auto quiet = [](lab::Guest& guest, const char* ip, const char* mac) {
    guest.agent().check("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1; ip neigh replace " +
                        std::string(ip) + " lladdr " + mac + " dev eth0 nud permanent");
  };
  quiet(pair.left(), kRight4, kRightMac);
  quiet(pair.right(), kLeft4, kLeftMac);
}

// What guests do by themselves: questions and their own multicast.
Counts without_noise(Counts counts) {
  for (const char* reason : {"answered", "no_broadcast_peer", "link_local", "not_forwarded"})
    counts.erase(reason);
  return counts;
}

// From the right guest's NIC, as it is.
void send_raw(Pair& pair, const std::vector<Bytes>& frames) {
  std::string words;
  for (const Bytes& frame : frames) words += " " + hex(frame);
  pair.right().agent().check("printf '%s\\n'" + words +
                             " >/tmp/frames; gh-frames send eth0 @/tmp/frames");
}

test::Frame to_left(const char* source = kRight4, const test::Ipv4& more = {}) {
  test::Ipv4 ip = more;
  ip.source = source;
  ip.destination = kLeft4;
  return test::Frame().ethernet({.destination = kLeftMac, .source = kRightMac}).ipv4(ip);
}

Bytes segment(uint8_t flags, uint32_t sequence, uint32_t ack, uint16_t from, uint16_t to,
              uint32_t payload = 0) {
  return to_left()
      .tcp({.source = from,
            .destination = to,
            .sequence = sequence,
            .acknowledgement = ack,
            .flags = flags})
      .payload(payload)
      .build();
}

json connections_of(lab::Guest& guest, const std::string& card = "card0",
                    const std::string& vnic = "vnic0") {
  return guest.qmp()
      .execute("gatehouse-connections-export", {{"card", card}, {"vnic", vnic}})
      .at("connections");
}

// One TCP connection, from `caller` to `listener` at port 9000, on which both write lines.
class Conversation {
 public:
  Conversation(lab::Guest& caller, lab::Guest& listener, const std::string& address)
      : caller_(caller), listener_(listener) {
    const std::string open =
        "mkfifo /tmp/say.$$; echo /tmp/say.$$ >/tmp/say; exec 3<>/tmp/say.$$; ";
    hears_listener_ = listener.agent().start(open + "nc -l -p 9000 <&3");
    listener.agent().check("gh-wait tcp 9000 20000", seconds(30));
    hears_caller_ = caller.agent().start(open + "nc " + address + " 9000 <&3");
    caller.agent().wait_for("test -p \"$(cat /tmp/say)\"", seconds(20));
    says_from_caller("hello");
    says_from_listener("welcome");
  }
  void say(lab::Guest& who, const std::string& line) {
    who.agent().check("echo " + line + " >$(cat /tmp/say)");
  }
  void says_from_caller(const std::string& line) {
    say(caller_, line);
    listener_.agent().expect(hears_listener_, line, seconds(60));
  }
  void says_from_listener(const std::string& line) {
    say(listener_, line);
    caller_.agent().expect(hears_caller_, line, seconds(60));
  }
  lab::Agent::Job listener_job() const { return hears_listener_; }

 private:
  lab::Guest& caller_;
  lab::Guest& listener_;
  lab::Agent::Job hears_listener_, hears_caller_;
};

TEST(Firewall, NothingComesInUnaskedAndAnswersDo) {
  Pair pair(guarded());
  lab::Agent &left = pair.left().agent(), &right = pair.right().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const std::string to = kLeft4;
  const struct {
    const char* what;
    std::string script;
  } kTries[] = {
      {"ping", "ping -c 1 -W 1 " + to},
      {"ping, IPv6", "ping -6 -c 1 -W 1 " + std::string(kLeft6)},
      {"TCP", "timeout 10 bash -c 'echo >/dev/tcp/" + to + "/22'"},
      {"UDP", "bash -c 'echo >/dev/udp/" + to + "/53'; false"},
  };
  for (const auto& attempt : kTries) {
    SCOPED_TRACE(attempt.what);
    const Counts before = drops_of(pair.left());
    const uint64_t received = vnic_counter(pair.left(), "vnic0", "rx_frames");
    EXPECT_NE(right.run(attempt.script).exit_status, 0);
    Counts moved;
    EXPECT_TRUE(eventually([&] {
      moved = without_noise(difference(before, drops_of(pair.left())));
      return !moved.empty();
    }));
    EXPECT_GE(moved["firewall_denied"], 1u);
    EXPECT_EQ(moved.size(), 1u) << json(moved).dump();
    EXPECT_EQ(vnic_counter(pair.left(), "vnic0", "rx_frames"), received);
  }
  const Counts before = drops_of(pair.left()), right_before = drops_of(pair.right());
  left.check("ping -c 3 -i 0.1 -W 2 " + std::string(kRight4));
  left.check("ping -6 -c 3 -i 0.1 -W 2 " + std::string(kRight6));
  left.check("ping -c 2 -i 0.1 -W 2 -s 8000 " + std::string(kRight4));  // fragments both ways
  copy_and_compare(pair.left(), pair.right(), kRight4, 4);
  const lab::Agent::Job server = right.start("exec gh-load serve 7000");
  right.expect(server, "LISTENING", seconds(20));
  const json echoes = json::parse(
      left.check("gh-load udp-rr " + std::string(kRight4) + " 7000 0.5"), nullptr, false);
  EXPECT_TRUE(echoes.is_object() && echoes.value("rate", 0.0) > 0) << echoes.dump();
  // A closed port: the peer's ICMP error belongs to the question.
  const uint64_t related = vnic_counter(pair.left(), "vnic0", "firewall_related");
  const std::string errors = "$(awk \"/^Icmp:/ {n = \\$5} END {print n}\" /proc/net/snmp)";
  const lab::CommandResult refused =
      left.run("bash -c 'exec 3<>/dev/udp/" + std::string(kRight4) + "/9; n=" + errors +
               "; echo >&3; for i in {1..400}; do [ " + errors +
               " = $n ] || break; sleep 0.05; done; echo >&3' 2>&1");
  EXPECT_NE(refused.output.find("refused"), std::string::npos) << refused.output;
  EXPECT_EQ(vnic_counter(pair.left(), "vnic0", "firewall_related"), related + 1);
  EXPECT_EQ(without_noise(difference(before, drops_of(pair.left()))), Counts{});
  EXPECT_EQ(without_noise(difference(right_before, drops_of(pair.right()))), Counts{});
}

TEST(Firewall, AttacksEndWithTheirReasonsAndMoveNothing) {
  Pair pair(guarded());
  pair.left().agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  quieten(pair);
  Conversation talk(pair.left(), pair.right(), kRight4);
  json live;
  for (const json& row : connections_of(pair.left())) {
    if (row.at("protocol") == 6) live = row;
  }
  ASSERT_EQ(live.value("state", ""), "established");
  const uint16_t port = live.at("local-port");
  const json& us = live.at("ends").at(0);  // left
  const json& them = live.at("ends").at(1);
  const uint32_t next = them.at("end"), limit = them.at("limit"), acked = them.at("acked"),
                 sent = us.at("end");
  constexpr uint32_t kFar = 1 << 24;
  Bytes wrong_sum = to_left().udp().payload(20).build();
  wrong_sum.back() ^= 1;
  // What an error quotes: a segment of the live connection, as if left had sent it long ago.
  const auto quoting = [&](const Bytes& frame) {
    return to_left()
        .icmp({.type = 3, .code = 1})
        .payload(Bytes(frame.begin() + 14, frame.begin() + 14 + 28))
        .build();
  };
  const auto from_left = [&](uint16_t to, uint32_t sequence) {
    return test::Frame()
        .ethernet()
        .ipv4({.source = kLeft4, .destination = kRight4})
        .tcp({.source = port, .destination = to, .sequence = sequence})
        .build();
  };
  const struct {
    const char* what;
    Bytes frame;
    const char* reason;
  } kAttacks[] = {
      {"SYN", segment(kSyn, 1, 0, 4000, 22), "firewall_denied"},
      {"ACK alone", segment(kAck, 1, 1, 4000, 22), "firewall_no_connection"},
      {"SYN and ACK to nobody", segment(kSyn | kAck, 1, 1, 4000, 22), "firewall_no_connection"},
      {"RST to nobody", segment(kRst, 1, 1, 4000, 22), "firewall_no_connection"},
      {"FIN to nobody", segment(kFin | kAck, 1, 1, 4000, 22), "firewall_no_connection"},
      {"SYN and FIN", segment(kSyn | kFin, 1, 0, 4000, 22), "firewall_bad_flags"},
      {"no flags", segment(0, 1, 0, 4000, 22), "firewall_bad_flags"},
      {"UDP", to_left().udp().payload(20).build(), "firewall_denied"},
      {"UDP with a wrong sum", wrong_sum, "firewall_bad_checksum"},
      {"echo request", to_left().icmp({.type = 8}).build(), "firewall_denied"},
      {"echo reply", to_left().icmp({.type = 0, .rest = 77}).build(), "firewall_no_connection"},
      {"a protocol of its own", to_left(kRight4, {.protocol = 99}).payload(20).build(),
       "firewall_denied"},
      {"error about nothing", quoting(from_left(4001, 1)), "firewall_no_connection"},
      {"error about what is not under way", quoting(from_left(9000, sent + kFar)),
       "firewall_bad_window"},
      {"a fragment without its first",
       to_left(kRight4, {.fragment_offset = 1480, .protocol = 17}).payload(100).build(),
       "firewall_fragment"},
      {"RST beyond the window", segment(kRst, limit + kFar, 0, 9000, port), "firewall_bad_window"},
      {"RST before it", segment(kRst, next - kFar, 0, 9000, port), "firewall_bad_window"},
      {"data beyond the window", segment(kAck, limit + kFar, acked, 9000, port, 100),
       "firewall_bad_window"},
      {"ACK of what was not sent", segment(kAck, next, sent + kFar, 9000, port),
       "firewall_bad_window"},
      {"a source that is nobody's",
       to_left(kStranger4).tcp({.destination = 22, .flags = kSyn}).build(), "remote_spoof"},
      {"the victim's own address", to_left(kLeft4).tcp({.destination = 22, .flags = kSyn}).build(),
       "remote_spoof"},
  };
  for (const auto& attack : kAttacks) {
    SCOPED_TRACE(attack.what);
    const Counts before = drops_of(pair.left()), right_before = drops_of(pair.right());
    const uint64_t received = vnic_counter(pair.left(), "vnic0", "rx_frames");
    const uint64_t sent_before = vnic_counter(pair.left(), "vnic0", "tx_frames");
    const json connections = card_of(pair.left()).at("vnics").at(0).at("connections");
    send_raw(pair, {attack.frame});
    EXPECT_TRUE(eventually([&] { return !difference(before, drops_of(pair.left())).empty(); }));
    EXPECT_EQ(difference(before, drops_of(pair.left())), (Counts{{attack.reason, 1}}));
    EXPECT_EQ(difference(right_before, drops_of(pair.right())), Counts{});
    EXPECT_EQ(vnic_counter(pair.left(), "vnic0", "rx_frames"), received);
    EXPECT_EQ(vnic_counter(pair.left(), "vnic0", "tx_frames"), sent_before);
    EXPECT_EQ(card_of(pair.left()).at("vnics").at(0).at("connections"), connections);
  }
  talk.says_from_listener("still-here");
  talk.says_from_caller("so-am-i");
}

// ACKs, RSTs and answers that belong to nothing, sources that are nobody's, as fast as a guest can
// send them: a transfer beside them arrives whole, and each ends with its reason.
TEST(Firewall, FloodsOfWhatBelongsToNothingTouchNoTransfer) {
  constexpr uint64_t kEach = 3000;
  Pair pair(guarded());
  pair.left().agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  quieten(pair);
  const std::vector<Bytes> flood = {
      segment(kAck, 1, 1, 4000, 22), segment(kRst, 1, 0, 4000, 22),
      segment(kSyn | kAck, 1, 1, 4000, 22), to_left().icmp({.type = 0, .rest = 77}).build(),
      to_left(kStranger4).tcp({.destination = 22, .flags = kAck}).build()};
  std::string words;
  for (const Bytes& frame : flood) words += " " + hex(frame);
  const Counts before = drops_of(pair.left()), right_before = drops_of(pair.right());
  const uint64_t opened = vnic_counter(pair.left(), "vnic0", "firewall_opened");
  lab::Agent& right = pair.right().agent();
  const lab::Agent::Job job =
      right.start("gh-frames send eth0 --count " + std::to_string(kEach) + words);
  copy_and_compare(pair.left(), pair.right(), kRight4, 8);
  EXPECT_EQ(right.finish(job, seconds(120)).exit_status, 0);
  // What the wire had no room for is its loss, and counted there.
  const auto ended = [&] {
    uint64_t frames = 0;
    for (const auto& [reason, count] : without_noise(difference(before, drops_of(pair.left()))))
      frames += count;
    for (const auto& [reason, count] :
         without_noise(difference(right_before, drops_of(pair.right()))))
      frames += count;
    return frames;
  };
  EXPECT_TRUE(eventually([&] { return ended() == flood.size() * kEach; })) << ended();
  Counts reasons = without_noise(difference(before, drops_of(pair.left())));
  EXPECT_GT(reasons["firewall_no_connection"], 3 * kEach);
  EXPECT_GT(reasons["remote_spoof"], kEach / 2);
  EXPECT_EQ(reasons.size(), 2u) << json(reasons).dump();
  EXPECT_EQ(vnic_counter(pair.left(), "vnic0", "firewall_opened"), opened + 1) << "the transfer";
  EXPECT_EQ(vnic_counter(pair.left(), "vnic0", "firewall_evicted"), 0u);
}

TEST(Firewall, AFloodOfSynsPushesOutItself) {
  constexpr unsigned kHalfOpen = 16, kFlood = 200;
  Pair pair(guarded(json::array({{{"direction", "in"}, {"protocol", "tcp"}, {"ports", {"80"}}}}),
                    {{"half_open", kHalfOpen}}));
  pair.left().agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  quieten(pair);
  Conversation talk(pair.left(), pair.right(), kRight4);
  const auto tracked = [&] {
    return card_of(pair.left()).at("vnics").at(0).at("connections").get<unsigned>();
  };
  const unsigned before = tracked();
  const Counts drops = drops_of(pair.left());
  std::vector<Bytes> flood;
  for (uint16_t port = 1; port <= kFlood; ++port) {
    // Neither end answers for these addresses.
    flood.push_back(test::Frame()
                        .ethernet({.destination = kLeftMac, .source = kRightMac})
                        .ipv4({.source = kSilent4, .destination = kNobody4})
                        .tcp({.source = port, .destination = 80, .flags = kSyn})
                        .build());
  }
  send_raw(pair, flood);
  EXPECT_TRUE(eventually([&] {
    return vnic_counter(pair.left(), "vnic0", "firewall_evicted") == kFlood - kHalfOpen;
  })) << card_of(pair.left()).dump(1);
  EXPECT_EQ(tracked(), before + kHalfOpen);
  EXPECT_EQ(difference(drops, drops_of(pair.left())), Counts{}) << "the oldest makes room";
  talk.says_from_listener("still-here");
  talk.says_from_caller("so-am-i");
}

TEST(Firewall, ANewRuleEndsWhatTheOldOneLetBegin) {
  const json open = {{"direction", "in"}, {"protocol", "tcp"}, {"ports", {"9000"}}};
  Pair pair(guarded(json::array({open})));
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  Conversation talk(pair.right(), left, kLeft4);
  json policy = json::parse(std::ifstream(pair.policy_path("left")));
  const auto load = [&](const json& rules, const std::string& firewall) {
    policy["firewalls"][0]["rules"] = rules;
    policy["vnics"][0]["firewall"] = firewall;
    const std::string path = pair.work().path("next.json");
    lab::write_file(path, policy.dump());
    return left.qmp().execute_raw("gatehouse-policy-load", {{"card", "card0"}, {"file", path}});
  };
  EXPECT_NE(load({}, "shutt").at("error").value("desc", "").find("next.json"), std::string::npos);
  talk.says_from_caller("a-wrong-policy-changes-nothing");
  ASSERT_TRUE(load(json::array({{{"direction", "out"}}, open}), "shut").contains("return"));
  talk.says_from_caller("still-allowed");
  EXPECT_EQ(vnic_counter(left, "vnic0", "firewall_revoked"), 0u);
  const json shut = {
      {"direction", "in"}, {"action", "deny"}, {"name", "closed-at-night"}, {"log", true}};
  ASSERT_TRUE(load(json::array({shut}), "shut").contains("return"));
  EXPECT_EQ(card_of(left).at("policy"), pair.work().path("next.json"));
  const Counts before = drops_of(left);
  talk.say(pair.right(), "too-late");
  EXPECT_TRUE(eventually([&] { return vnic_counter(left, "vnic0", "firewall_revoked") == 1; }));
  EXPECT_GE(difference(before, drops_of(left))["firewall_denied"], 1u);
  const std::optional<json> event = left.qmp().wait_event("GATEHOUSE_FIREWALL_LOG", seconds(10));
  ASSERT_TRUE(event.has_value());
  json data = event->at("data");
  EXPECT_TRUE(data["remote-port"].is_number());
  data.erase("remote-port");
  EXPECT_EQ(data, json({{"card", "card0"},
                        {"vnic", "vnic0"},
                        {"firewall", "shut"},
                        {"rule", 0},
                        {"name", "closed-at-night"},
                        {"direction", "in"},
                        {"reason", "firewall_denied"},
                        {"protocol", 6},
                        {"local", kLeft4},
                        {"remote", kRight4},
                        {"local-port", 9000},
                        {"suppressed", 0}}));
}

TEST(Firewall, AFloodIsToldOfAtABoundedRate) {
  constexpr unsigned kFlood = 500;
  Pair pair(guarded(json::array({{{"direction", "in"}, {"action", "deny"}, {"log", true}}})));
  pair.left().agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  quieten(pair);
  send_raw(pair, std::vector<Bytes>(kFlood, to_left().udp().payload(20).build()));
  EXPECT_TRUE(
      eventually([&] { return vnic_counter(pair.left(), "vnic0", "firewall_logged") == kFlood; }));
  const uint64_t suppressed = vnic_counter(pair.left(), "vnic0", "firewall_log_suppressed");
  EXPECT_GT(suppressed, kFlood / 2);
  for (uint64_t told = 0; told < kFlood - suppressed; ++told) {
    const std::optional<json> event =
        pair.left().qmp().wait_event("GATEHOUSE_FIREWALL_LOG", seconds(10));
    ASSERT_TRUE(event.has_value()) << told;
    EXPECT_EQ(event->at("data").at("reason"), "firewall_denied");
    EXPECT_EQ(event->at("data").at("remote"), kRight4);
  }
  EXPECT_FALSE(pair.left().qmp().wait_event("GATEHOUSE_FIREWALL_LOG", seconds(0)).has_value());
}

TEST(Firewall, ASnapshotInTheMiddleOfATransferLosesNothing) {
  Pair pair(guarded());
  const std::string disk = pair.work().path("disk.qcow2");
  lab::check_command({lab::Build::qemu_img(), "create", "-q", "-f", "qcow2", disk, "64M"});
  const auto plug = [&](lab::Guest& guest) {
    guest.qmp().execute("blockdev-add", {{"driver", "qcow2"},
                                         {"node-name", "disk0"},
                                         {"file", {{"driver", "file"}, {"filename", disk}}}});
  };
  const auto job = [&](lab::Guest& guest, const char* command) {
    guest.qmp().execute(
        command,
        {{"job-id", command}, {"tag", "moment"}, {"devices", {"disk0"}}, {"vmstate", "disk0"}});
    EXPECT_TRUE(eventually(
        [&] {
          const json rows = guest.qmp().execute("query-jobs");
          if (rows.empty() || rows.at(0).at("status") != "concluded") return false;
          EXPECT_FALSE(rows.at(0).contains("error")) << rows.dump();
          return true;
        },
        seconds(120)));
  };
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const lab::Agent::Job sink = pair.right().agent().start(
      "mkfifo /tmp/open.$$; exec 3<>/tmp/open.$$; nc -l -p 9000 <&3 | sha256sum");
  pair.right().agent().check("gh-wait tcp 9000 20000", seconds(30));
  left.agent().check(
      "dd if=/dev/urandom of=/tmp/data bs=1M count=24 2>/dev/null; (for i in 1 2 3 4; do cat "
      "/tmp/data; done | nc " +
      std::string(kRight4) + " 9000) </dev/null >/dev/null 2>&1 &");
  ASSERT_TRUE(eventually([&] { return vnic_counter(left, "vnic0", "tx_super_frames") > 50; }));
  plug(left);
  left.qmp().execute("stop");
  const json before = connections_of(left);
  const uint64_t opened = vnic_counter(left, "vnic0", "firewall_opened");
  job(left, "snapshot-save");
  left.qmp().execute("quit");
  ASSERT_GE(left.process().wait(seconds(30)), 0);

  lab::GuestOptions again;
  again.name = "left-2";
  again.memory_mib = 384;
  again.devices = pair.devices("left");
  again.paused = true;
  lab::Guest second(pair.work(), again);
  EXPECT_EQ(connections_of(second), json::array());
  plug(second);
  job(second, "snapshot-load");
  const auto sorted = [](json rows) {
    std::sort(rows.begin(), rows.end());
    return rows;
  };
  EXPECT_EQ(sorted(connections_of(second)), sorted(before));
  second.qmp().execute("cont");
  second.wait_ready();
  const lab::CommandResult received = pair.right().agent().finish(sink, seconds(120));
  const std::string sent =
      second.agent().check("(for i in 1 2 3 4; do cat /tmp/data; done) | sha256sum", seconds(60));
  EXPECT_EQ(received.output, sent) << received.exit_status;
  EXPECT_EQ(vnic_counter(second, "vnic0", "firewall_opened"), opened);
  EXPECT_EQ(without_noise(drops_of(second)), Counts{});
}

// One guest with two cards: its address, and its connection, move from one to the other.
TEST(Firewall, AConnectionGoesOnThroughAnotherCard) {
  lab::WorkDir work{"move"};
  PairOptions options = guarded();
  const auto adjust = options.policy;
  const std::string other = work.path("card1.json");
  options.policy = [=](const std::string& side, json& policy) {
    adjust(side, policy);
    if (side != "left") return;
    json moved = policy;
    moved["vnics"][0]["name"] = "vnic1";
    lab::write_file(other, moved.dump());
  };
  options.left_devices = {"-netdev", "hubport,id=up1,hubid=1",
                          "-device", "gatehouse-card,id=card1,uplink0=up1,policy=" + other,
                          "-device", "gatehouse-vnic,id=vnic1,card=card1,romfile="};
  Pair pair(options);
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  Conversation talk(left, pair.right(), kRight4);
  // The old card loses its wire, the new one gets it, the guest's address moves.
  left.qmp().execute("set_link", {{"name", "up0"}, {"up", false}});
  json wire = {{"type", "stream"}, {"id", "wire1"}, {"server", false}};
  wire["addr"] = {{"type", "unix"}, {"path", pair.underlay_socket()}};
  left.qmp().execute("netdev_add", wire);
  left.qmp().execute("netdev_add",
                     {{"type", "hubport"}, {"id", "port1"}, {"hubid", 1}, {"netdev", "wire1"}});
  left.agent().check("ip link set eth0 down; ip addr flush dev eth0; ip addr add " +
                     std::string(kLeft4) + "/24 dev eth1; ip link set eth1 up");
  wait_for_carrier(left, "eth1");
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const auto drops_of_card1 = [&] {
    Counts drops;
    for (const json& card : left.qmp().execute("query-gatehouse")) {
      if (card.at("id") != "card1") continue;
      for (const json& drop : card.at("drops")) drops[drop.at("reason")] = drop.at("count");
    }
    return drops;
  };
  talk.say(left, "second");
  EXPECT_TRUE(eventually([&] { return drops_of_card1()["firewall_no_connection"] >= 2; }))
      << json(drops_of_card1()).dump();

  const auto import = [&](const json& connections) {
    return left.qmp().execute_raw(
        "gatehouse-connections-import",
        {{"card", "card1"}, {"vnic", "vnic1"}, {"connections", connections}});
  };
  const json moved = connections_of(left);
  json talk_row;
  for (const json& row : moved) {
    if (row.at("protocol") == 6) talk_row = row;
  }
  ASSERT_TRUE(talk_row.is_object()) << moved.dump();
  // What cannot be is refused with what could be.
  const struct {
    const char* member;
    json value;
    const char* says;
  } kWrong[] = {
      {"local", "192.168.0", "connections[1]: local and remote"},
      {"remote", "fd00::2", "connections[1]: local and remote"},
      {"state", "open", "connections[1]: state: 'open' is none"},
      {"state", "udp_asked", "connections[1]: such a connection cannot be"},
      {"identifier", 5, "connections[1]: an ICMP echo has"},
      {"protocol", 50, "connections[1]: TCP and UDP have"},
      {"protocol", 256, "Parameter 'protocol'"},
      {"left", -1, "Parameter 'left'"},
      {"ends", json::array(), "connections[1]: TCP has two ends"},
      {"ends", json::array({talk_row["ends"][0], talk_row["ends"][0], talk_row["ends"][0]}),
       "connections[1]: TCP has two ends"},
      {"unknown", 1, "Parameter 'connections[1].unknown'"},
  };
  for (const auto& row : kWrong) {
    json wrong = talk_row;
    wrong[row.member] = row.value;
    const json answer = import({talk_row, wrong});
    EXPECT_EQ(answer.value("error", json::object()).value("desc", "").find(row.says), 0u)
        << answer.dump();
  }
  json wild = talk_row;
  wild["ends"][0]["scale"] = 15;
  EXPECT_TRUE(import({wild}).contains("error"));
  EXPECT_TRUE(import(json(std::vector<json>(4097, talk_row))).contains("error"));
  EXPECT_TRUE(left.qmp()
                  .execute_raw("gatehouse-connections-export",
                               {{"card", "card0"}, {"vnic", "vnic0"}, {"limit", 0}})
                  .contains("error"));
  const uint64_t refused = drops_of_card1()["firewall_no_connection"];
  EXPECT_TRUE(
      eventually([&] { return drops_of_card1()["firewall_no_connection"] > refused; }, seconds(60)))
      << "none of these let it pass";

  const json taken = import({talk_row, talk_row});
  EXPECT_EQ(taken.value("return", json()), json({{"taken", 1}, {"present", 1}, {"no-room", 0}}))
      << taken.dump();
  pair.right().agent().expect(talk.listener_job(), "second", seconds(120));
  // All that is told of a connection is taken, whatever it is.
  json odd = talk_row;
  odd["local-port"] = 1;
  odd["ends"] = json::array({{{"syn", true},
                              {"syn-acked", true},
                              {"start", 1},
                              {"end", 4000},
                              {"end-at-most", true},
                              {"limit", 5000},
                              {"max-window", 900},
                              {"scale", 3},
                              {"scales", true},
                              {"acked", 200},
                              {"fin-acked", false},
                              {"again-start", 90},
                              {"again-scale", 2}},
                             {{"syn", true},
                              {"syn-acked", true},
                              {"start", 100},
                              {"end", 300},
                              {"limit", 400},
                              {"max-window", 1},
                              {"scale", 0},
                              {"scales", false},
                              {"acked", 2000},
                              {"fin-end", 300},
                              {"fin-acked", true}}});
  const json odd_taken = import(json::array({odd}));
  EXPECT_EQ(odd_taken.value("return", json()), json({{"taken", 1}, {"present", 0}, {"no-room", 0}}))
      << odd_taken.dump();
  json back;
  for (const json& row : connections_of(left, "card1", "vnic1")) {
    if (row.value("local-port", 0) == 1) back = row;
  }
  ASSERT_TRUE(back.is_object());
  EXPECT_EQ(back.at("ends"), odd.at("ends"));
  talk.says_from_listener("third");
  talk.says_from_caller("fourth");
}

}  // namespace
}  // namespace gatehouse::scenarios
