// SPDX-License-Identifier: GPL-2.0-or-later
// The file of rules that docs/sequestering.md tells how to write, and files that are none.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "hw/spec/i82574_registers.hh"
#include "hw/spec/pattern_rules.hh"
#include "tests/registers/inspector.hh"
#include "tests/registers/partition.hh"
#include "tests/registers/traffic.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet
using nlohmann::json;
using test::Bytes;
using test::Frame;

constexpr size_t kHeaders = 14 + 20 + 8, kBefore = 60;
const std::string kEvil = "EVIL";

// What the page's text writes.
std::string documented_rules() {
  const std::string page = lab::read_file(lab::Build::root() + "/docs/sequestering.md");
  const std::string begin = "```\npython3 - <<'END'\n", end = "\nEND\n```";
  const size_t at = page.find(begin);
  if (at == std::string::npos) return "";
  const size_t from = at + begin.size();
  lab::WorkDir work("rules");
  lab::write_file(work.path("text.py"), page.substr(from, page.find(end, from) - from) + "\n");
  lab::check_command({"sh", "-c", "cd '" + work.path() + "' && python3 - <text.py"});
  return lab::read_file(work.path("rules.bin"));
}

std::string expected_rules() {
  const partition::PatternHeader header{partition::kPatternMagic, 1, 0};
  const partition::PatternRule rule = partition::make_pattern(
      1, partition::kPatternAlert | partition::kPatternDrop, kEvil, "unwanted");
  std::string image(sizeof header + sizeof rule, '\0');
  std::memcpy(image.data(), &header, sizeof header);
  std::memcpy(image.data() + sizeof header, &rule, sizeof rule);
  return image;
}

// UDP with these octets in the midst of it.
Bytes with(const std::string& text, bool in) {
  const std::string guest = "52:54:00:00:00:01", peer = "52:54:00:00:00:02";
  return Frame()
      .ethernet({.destination = in ? guest : peer, .source = in ? peer : guest})
      .ipv4({.source = in ? "192.168.0.2" : "192.168.0.1",
             .destination = in ? "192.168.0.1" : "192.168.0.2"})
      .udp()
      .payload(test::concat({Bytes(kBefore, '.'), Bytes(text.begin(), text.end()), Bytes(36, '.')}))
      .build();
}

// An interceptor in front of vnic0, with this file, which starts as the page says.
class Intercepted {
 public:
  explicit Intercepted(const std::string& rules)
      : partition_("p1", "interceptor",
                   ",memory=16M,arguments=start,data=" + files_.path("rules.bin")) {
    lab::write_file(files_.path("rules.bin"), rules);
    partition_.unit("redirect", "vnic0").unit("steer", "vnic0");
    machine_ = std::make_unique<Machine>(partition_.options({"-S"}));  // until somebody listens
    machine_->qmp().execute("cont");
  }
  Machine& machine() { return *machine_; }
  const Partition& partition() const { return partition_; }
  bool active(const std::string& kind) {
    return machine_->qmp().execute("query-gatehouse-" + kind).at(0).at("active");
  }

 private:
  lab::WorkDir files_{"data"};
  Partition partition_;
  std::unique_ptr<Machine> machine_;
};

TEST(Rules, AreThoseThatThePageWrites) { EXPECT_EQ(documented_rules(), expected_rules()); }

TEST(Rules, OfThePageDropAndTell) {
  Intercepted bed(documented_rules());
  Machine& machine = bed.machine();
  ASSERT_TRUE(bed.partition().prints(machine, "interceptor: ready\n")) << bed.partition().console();
  EXPECT_TRUE(bed.active("redirects"));
  EXPECT_TRUE(bed.active("steers"));
  Rings rings(machine);
  ASSERT_NO_FATAL_FAILURE(start(machine, rings));
  const auto told = [](const std::string& queue) {
    return "rule 1 \"unwanted\" at " + std::to_string(kHeaders + kBefore) + " of " +
           std::to_string(with(kEvil, false).size()) + " octets, " + queue;
  };

  // Out. The good one, as long as the other, is the first on the wire.
  const uint32_t index = rings.send(with(kEvil, false));
  EXPECT_EQ(bed.partition().alert(machine), told("out queue 0"));
  EXPECT_TRUE(machine.wait([&] { return rings.sent(index); })) << "the guest notices nothing";
  rings.send(with("GOOD", false));
  expect_on_wire(machine, with("GOOD", false));
  expect_nothing_on_wire(machine, with(kEvil, false));
  EXPECT_EQ(machine.vnic()["counters"]["tx_encapsulated"], 1);

  // In: a frame that was damaged on its way, and nothing of it.
  machine.wire().send(encapsulated(with(kEvil, true)));
  EXPECT_EQ(bed.partition().alert(machine), told("in queue 0"));
  ASSERT_TRUE(machine.wait([&] { return rings.received(); }));
  const Bytes descriptor = machine.bus().read_block(Rings::kReceiveRing, kRxDescriptorSize);
  EXPECT_TRUE(get<desc::LEGACY_ERRORS>(descriptor.data()) & RX_ERROR_RXE >> kRxLegacyErrorShift);
  auto received = rings.receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(*received, Bytes(with(kEvil, true).size())) << "nothing but zeros";
  machine.wire().send(encapsulated(with("GOOD", true)));
  received = rings.receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(*received, with("GOOD", true));
  EXPECT_EQ(bed.partition().state(machine).at("alerts"), 2);

  ASSERT_EQ(bed.partition().request(machine, partition::Request::kReport),
            partition::Answer::kDone);
  for (const char* line : {"  inspected 4\n", "  dropped 2\n", "  unseen 0\n", "  rule 1 2\n"})
    EXPECT_NE(bed.partition().console().find(line), std::string::npos)
        << line << bed.partition().console();
}

TEST(Rules, AFileThatIsNoneIsAnAlertAndNothingIsIntercepted) {
  const std::string refusal = "interceptor: the rules are not valid";
  const std::string good = expected_rules();
  const auto spoiled = [&](size_t offset, char octet) {
    std::string bad = good;
    bad.at(offset) = octet;
    return bad;
  };
  const struct {
    const char* text;
    std::string file;
  } rows[] = {
      {"a text", "drop all that is EVIL\n"},
      {"cut off", good.substr(0, good.size() - 1)},
      {"more rules than there are", spoiled(offsetof(partition::PatternHeader, rules), 2)},
      {"a rule that does nothing",
       spoiled(sizeof(partition::PatternHeader) + offsetof(partition::PatternRule, actions), 0)},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    Intercepted bed(row.file);
    Machine& machine = bed.machine();
    EXPECT_EQ(bed.partition().alert(machine), refusal);
    EXPECT_EQ(bed.partition().console(), refusal + "\n");
    EXPECT_FALSE(bed.active("redirects"));
    EXPECT_FALSE(bed.active("steers"));
    // As if there were no partition.
    Rings rings(machine);
    ASSERT_NO_FATAL_FAILURE(start(machine, rings));
    EXPECT_TRUE(rings.sent(rings.send(with(kEvil, false)))) << "at once";
    expect_on_wire(machine, with(kEvil, false));
    machine.wire().send(encapsulated(with(kEvil, true)));
    const auto received = rings.receive();
    ASSERT_TRUE(received);
    EXPECT_EQ(*received, with(kEvil, true));
    EXPECT_EQ(bed.partition().state(machine).at("alerts"), 1);
    EXPECT_TRUE(machine.card()["drops"].empty());
  }
}

}  // namespace
}  // namespace gatehouse::registers
