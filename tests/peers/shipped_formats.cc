// SPDX-License-Identifier: GPL-2.0-or-later
// tshark reads frames of each shipped format: its dissectors find the tunnel, the network and the
// inner frame, right checksums, and nothing malformed. Needs neither guest nor root.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "hw/core/base/bytes.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tests/unit/core/pipeline/world.hh"
#include "tools/lab/process.hh"

namespace gatehouse::peers {
namespace {

using std::chrono::seconds;
using test::Bytes;
using test::Frame;

// A capture file of Ethernet frames (pcap 2.4).
void write_capture(const std::string& path, const std::vector<Bytes>& frames) {
  std::string file;
  const auto add = [&](uint32_t word) {
    char octets[4];
    store_le(reinterpret_cast<uint8_t*>(octets), word);
    file.append(octets, sizeof octets);
  };
  for (const uint32_t word : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 65535u, 1u}) add(word);
  for (const Bytes& frame : frames) {
    const auto length = static_cast<uint32_t>(frame.size());
    add(0), add(0), add(length), add(length);
    file.append(frame.begin(), frame.end());
  }
  lab::write_file(path, file);
}

// STT is found among TCP by its looks alone, where tshark is told to look. Its dissector takes a
// right checksum for a wrong one (of tshark 4.0: it compares the sum with the field), so that the
// one for TCP checks it.
const std::vector<std::string> kFindStt = {
    "--enable-heuristic",          "stt_ip", "-o",
    "ip.try_heuristic_first:TRUE", "-o",     "ipv6.try_heuristic_first:TRUE"};

// One row for each packet that the filter lets through: the fields, joined by a blank.
std::vector<std::string> dissect(const std::string& file, const std::string& filter,
                                 const std::vector<std::string>& options,
                                 const std::vector<std::string>& fields) {
  std::vector<std::string> command = {"tshark", "-n", "-r",     file, "-Y",
                                      filter,   "-T", "fields", "-E", "separator=/s"};
  for (const char* layer : {"ip", "udp", "tcp"})
    command.insert(command.end(), {"-o", std::string(layer) + ".check_checksum:TRUE"});
  command.insert(command.end(), options.begin(), options.end());
  for (const std::string& field : fields) command.insert(command.end(), {"-e", field});
  std::istringstream output(lab::check_command(command, seconds(60)));
  std::vector<std::string> rows;
  for (std::string row; std::getline(output, row);) {
    if (!row.starts_with("Running as user")) rows.push_back(row);  // tshark's warning to root
  }
  return rows;
}

struct Case {
  const char* name;
  const char* layers;   // of a frame, from the outer IP on, as tshark names them
  const char* network;  // the field in which tshark shows the VNI
  const char* value;    // of VNI 100
  // Hexadecimal digits of the field that stand behind the VNI: a hash of the flow.
  size_t flow = 0;
  const char* inside = ":eth:ethertype:ip";
  friend void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }
};

class ShippedFormat : public testing::TestWithParam<std::tuple<Case, bool>> {};

// `slot` is nobody's standard: what its description says, for tshark.
constexpr char kSlot[] = R"(
local slot = Proto("slot", "Slot tunnel")
local target = ProtoField.uint32("slot.target", "Target slot")
slot.fields = {target}
function slot.dissector(buffer, packet, tree)
  tree:add(slot, buffer(0, 12)):add(target, buffer(8, 4))
  Dissector.get("eth_withoutfcs"):call(buffer(12):tvb(), packet, tree)
end
DissectorTable.get("udp.port"):add(9385, slot)
)";

// tshark has no dissector of Generic UDP Encapsulation: its fixed part, for tshark.
constexpr char kGue[] = R"(
local gue = Proto("gue", "Generic UDP Encapsulation")
local protocol = ProtoField.uint8("gue.protocol", "Protocol")
gue.fields = {protocol}
function gue.dissector(buffer, packet, tree)
  local length = 4 + 4 * bit.band(buffer(0, 1):uint(), 31)
  tree:add(gue, buffer(0, length)):add(protocol, buffer(1, 1))
  DissectorTable.get("ip.proto"):try(buffer(1, 1):uint(), buffer(length):tvb(), packet, tree)
end
DissectorTable.get("udp.port"):add(6080, gue)
)";

// Of one super-frame and an ordinary frame, over VLAN-less IPv4 or IPv6.
std::vector<Bytes> frames_of(const char* format, bool v6) {
  const bool udp = policy::shipped_format(format)->protocol == policy::Format::kUdp;
  test::World a(test::only_red(test::card_a({.kind = format, .v6 = v6, .udp_checksum = udp})));
  constexpr uint32_t kPayload = 5000;
  a.from_vnic(0, Frame().ethernet().ipv4({.tos = 0xb8}).icmp().payload(56).build());
  a.from_vnic(0, Frame().ethernet().ipv4({.dont_fragment = true}).tcp().payload(kPayload).build(),
              {.tso = true,
               .tcp = true,
               .ipv4 = true,
               .mss = 1300,
               .header_length = 54,
               .payload_length = kPayload});
  std::vector<Bytes> frames;
  for (const test::SentFrame& sent : a.sink.sent) frames.push_back(sent.frame);
  return frames;
}

TEST_P(ShippedFormat, IsReadByTsharkAsItWasMeant) {
  if (lab::run_command({"tshark", "--version"}).exit_status != 0)
    GTEST_SKIP() << "skipped: needs tshark";
  const auto& [row, v6] = GetParam();
  lab::WorkDir work("formats");
  const std::string file = work.path("frames.pcap");
  std::vector<std::string> options;
  for (const auto& [name, script] : {std::pair{"slot", kSlot}, std::pair{"gue", kGue}}) {
    if (std::string(row.name) != name) continue;
    lab::write_file(work.path("dissector.lua"), script);
    options = {"-X", "lua_script:" + work.path("dissector.lua")};
  }
  const std::vector<Bytes> frames = frames_of(row.name, v6);
  ASSERT_EQ(frames.size(), 5u);
  write_capture(file, frames);

  const std::string outer = std::string("eth:ethertype:") + (v6 ? "ipv6:" : "ip:") + row.layers;
  const auto bad =
      dissect(file,
              "_ws.malformed || ip.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\" || "
              "tcp.checksum.status == \"Bad\" || gre.checksum.status == \"Bad\"",
              options, {"frame.number"});
  EXPECT_TRUE(bad.empty()) << testing::PrintToString(bad);

  // STT leaves the checksum inside a super-frame to whoever cuts it.
  const bool stream = std::string(row.name) == "stt";
  if (stream) options.insert(options.end(), {"-o", "tcp.check_checksum:FALSE"});
  options.insert(options.end(), kFindStt.begin(), kFindStt.end());
  auto rows = dissect(file, "!_ws.malformed && !(_ws.expert.severity == \"Error\")", options,
                      {row.network, "frame.protocols"});
  ASSERT_EQ(rows.size(), frames.size());
  if (row.flow != 0) {
    const size_t network = std::string(row.value).size();
    const std::string hash = rows[1].substr(0, network + row.flow);
    EXPECT_FALSE(rows[0].starts_with(hash)) << "another flow";
    for (size_t i = 1; i < rows.size(); ++i) EXPECT_TRUE(rows[i].starts_with(hash)) << rows[i];
    for (std::string& shown : rows) shown.erase(network, row.flow);
  }
  const std::string begin = row.value + (" " + outer);
  EXPECT_EQ(rows[0], begin + row.inside + ":icmp:data");
  // The super-frame is one stream, which tshark puts together where its last segment is.
  for (size_t i = 1; i < rows.size(); ++i) {
    const bool whole = !stream || i + 1 == rows.size();
    EXPECT_EQ(rows[i].starts_with(begin + row.inside + ":tcp"), whole) << rows[i];
    EXPECT_NE(rows[i].find(outer), std::string::npos) << rows[i];
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ShippedFormat,
    testing::Combine(testing::Values(Case{"vxlan", "udp:vxlan", "vxlan.vni", "100"},
                                     Case{"geneve", "udp:geneve", "geneve.vni", "0x000064"},
                                     Case{"gre", "gre", "gre.key", "0x00000064"},
                                     Case{"gre-checksum", "gre", "gre.key", "0x00000064"},
                                     Case{"nvgre", "gre", "gre.key", "0x000064", 2},
                                     Case{"slot", "udp:slot", "slot.target", "100"},
                                     Case{"stt", "stt", "stt.context_id", "0x0000000000000064"},
                                     Case{"gre-udp", "udp:gre", "gre.key", "0x00000064"},
                                     Case{"gue", "udp:gue:gre", "gre.key", "0x00000064"},
                                     Case{"gre-ip", "gre", "gre.key", "0x00000064", 0, ":ip"},
                                     // It has no network: what tshark takes for the link.
                                     Case{"ipip", "ip", "frame.encap_type", "1", 0, ""}),
                     testing::Bool()),
    [](const auto& row) {
      return test::test_name(std::get<0>(row.param).name) +
             (std::get<1>(row.param) ? "OverIpv6" : "OverIpv4");
    });

}  // namespace
}  // namespace gatehouse::peers
