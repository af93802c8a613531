// SPDX-License-Identifier: GPL-2.0-or-later
// `-trace 'gatehouse_*'` names the stages that a frame walks, as docs/packet-path.md has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <utility>

#include "hw/spec/stages.hh"
#include "tests/registers/rings.hh"
#include "tests/registers/traffic.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;
using test::Bytes;
using test::Frame;
using Names = std::vector<std::string>;

const std::string kPrefix = "gatehouse_";

bool is_stage(const std::string& name) {
  for (unsigned i = 0; i < static_cast<unsigned>(spec::Stage::kCount); ++i) {
    if (name == spec::stage_name(static_cast<spec::Stage>(i))) return true;
  }
  return false;
}

// The stages that a section of the document describes, in its order, without these.
Names documented(const std::string& section, const Names& without) {
  const std::string page = lab::read_file(lab::Build::root() + "/docs/packet-path.md");
  const size_t begin = page.find("\n## " + section + "\n");
  if (begin == std::string::npos) return {};
  const std::string text = page.substr(begin, page.find("\n## ", begin + 1) - begin);
  const std::regex bold(R"(\*\*(\w+)\*\*)");
  Names names;
  for (auto word = std::sregex_iterator(text.begin(), text.end(), bold);
       word != std::sregex_iterator(); ++word) {
    const std::string name = (*word)[1];
    if (is_stage(name) && std::find(without.begin(), without.end(), name) == without.end())
      names.push_back(name);
  }
  return names;
}

// Something for every stage to do.
json full_policy() {
  json policy = Machine::default_policy();
  policy["firewalls"] = json::parse(R"([{"name": "open"}])");
  policy["meters"] = json::parse(
      R"([{"name": "gold", "committed_rate": 1000000, "committed_burst": 100000,
           "peak_rate": 1000000, "peak_burst": 100000}])");
  policy["vnics"][0].update({{"firewall", "open"}, {"meter", "gold"}, {"coalesce", true}});
  return policy;
}

class Trace : public testing::Test {
 protected:
  Trace()
      : machine_({.policy = full_policy(), .more = {"-trace", kPrefix + "*"}}), rings_(machine_) {
    machine_.place_bars();
    rings_.start();
    look();
  }

  // What was logged since the last call. A line is there before what it tells of goes on.
  std::string look() {
    const std::string log = machine_.process().log();
    return log.substr(std::exchange(looked_at_, log.size()));
  }
  // Of that, the stages that one frame has walked.
  static Names stages(const std::string& log) {
    Names names;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(kPrefix)) continue;
      const size_t space = line.find(' ');
      const std::string name = line.substr(kPrefix.size(), space - kPrefix.size());
      if (!is_stage(name)) continue;  // registers, interrupts
      names.push_back(name);
      EXPECT_EQ(line.substr(space), " card0: port 0: 1 frames") << line;
    }
    return names;
  }

  Machine machine_;
  Rings rings_;
  size_t looked_at_ = 0;
};

TEST_F(Trace, NamesTheStagesBothWays) {
  rings_.send(datagram());
  ASSERT_TRUE(machine_.wire().receive());
  // This format has no segments of its own.
  EXPECT_EQ(stages(look()), documented("Out", {"stateless"}));

  // Of the connection that the firewall let begin.
  const Bytes frame =
      Frame()
          .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
          .ipv4({.source = "192.168.0.2", .destination = "192.168.0.1"})
          .udp({.source = 5000, .destination = 40000})
          .payload(100)
          .build();
  machine_.wire().send(encapsulated(frame));
  const auto received = rings_.receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(*received, frame);
  // Neither the wire nor the rings are told of on this way; the frame is no ARP.
  EXPECT_EQ(stages(look()), documented("In", {"uplink", "underlay", "stateless", "vnic"}));
  EXPECT_TRUE(machine_.card()["drops"].empty());
}

TEST_F(Trace, EndsWhereTheFrameDoesAndSaysWhy) {
  Bytes frame = datagram();
  frame[11] = 0x99;  // Ethernet source
  rings_.send(frame);
  const std::string log = look();
  EXPECT_EQ(stages(log), (Names{"vnic", "parse", "spoof"}));
  EXPECT_NE(log.find("gatehouse_spoof_drop card0: vnic 0: spoofed_mac\n"), std::string::npos)
      << log;
  EXPECT_TRUE(machine_.wire().idle());

  machine_.wire().send(encapsulated(reply(), "00138a00"));
  machine_.wait_received(1);
  const std::string wire = look();
  EXPECT_EQ(stages(wire), (Names{"parse", "decapsulate"}));
  EXPECT_NE(wire.find("gatehouse_decapsulate_drop card0: uplink 0: unknown_vni\n"),
            std::string::npos)
      << wire;
}

TEST(WithoutTrace, NothingIsLogged) {
  Machine machine;
  machine.place_bars();
  Rings rings(machine);
  rings.start();
  rings.send(datagram());
  ASSERT_TRUE(machine.wire().receive());
  EXPECT_EQ(machine.process().log().find(kPrefix), std::string::npos) << machine.process().log();
}

}  // namespace
}  // namespace gatehouse::registers
