// SPDX-License-Identifier: GPL-2.0-or-later
// Seeing in: query-gatehouse, taps, trace. Looking changes nothing.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/scenarios/pair.hh"
#include "tools/report/capture_file.hh"

namespace gatehouse::scenarios {
namespace {

using report::CapturedFrame;
using std::chrono::seconds;

TEST(Query, ShowsTheCardAndChangesNothing) {
  Pair pair;
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  left.qmp().execute("stop");
  const nlohmann::json first = card_of(left), second = card_of(left);
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.at("id"), "card0");
  const nlohmann::json& vnic = first.at("vnics").at(0);
  EXPECT_EQ(vnic.at("name"), "vnic0");
  EXPECT_EQ(vnic.at("tenant"), "red");
  EXPECT_EQ(vnic.at("mac"), kLeftMac);
  EXPECT_EQ(vnic.at("link"), true);
  EXPECT_GT(vnic.at("counters").at("tx_encapsulated").get<uint64_t>(), 0u);
  EXPECT_EQ(first.at("uplinks").at(0).at("name"), "uplink0");
  EXPECT_GT(first.at("uplinks").at(0).at("counters").at("rx_decapsulated").get<uint64_t>(), 0u);
}

TEST(Taps, EachPointShowsItsFramesAndDropsTellTheReason) {
  Pair pair;
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const std::string file = pair.work().path("taps.pcapng");
  left.qmp().execute(
      "gatehouse-tap-start",
      {{"card", "card0"}, {"points", {"guest", "inner", "outer", "drops"}}, {"file", file}});
  left.agent().check("ping -c 2 -i 0.1 -W 2 -p a5a5 " + std::string(kRight4));
  left.agent().check(
      "gh-frames send eth0 "
      "5254000000025254000000ee08004500001c000040004011b97dc0a80001c0a800021000100000080000");
  EXPECT_TRUE(eventually([&] { return drops_of(left)["spoofed_mac"] > 0; }));
  left.qmp().execute("gatehouse-tap-stop", {{"card", "card0"}});
  const auto frames = report::read_capture(file);
  const auto echoes = [&](const std::string& point, size_t icmp_type_offset) {
    return std::count_if(frames.begin(), frames.end(), [&](const CapturedFrame& frame) {
      return frame.interface_name.find(point) != std::string::npos &&
             frame.octets.size() > icmp_type_offset + 20 && frame.octets.back() == 0xa5 &&
             (frame.octets[icmp_type_offset] == 8 || frame.octets[icmp_type_offset] == 0);
    });
  };
  constexpr size_t kInnerType = 34, kOuterHeaders = 14 + 20 + 8 + 8;
  EXPECT_EQ(echoes("guest", kInnerType), 4);
  EXPECT_EQ(echoes("inner", kInnerType), 4);
  EXPECT_EQ(echoes("outer", kOuterHeaders + kInnerType), 4);
  const auto is_drop = [](const CapturedFrame& frame) {
    return frame.interface_name.find("drops") != std::string::npos;
  };
  constexpr size_t kSource = 6;
  const std::vector<uint8_t> liar = {0x52, 0x54, 0, 0, 0, 0xee};
  const auto dropped = std::find_if(frames.begin(), frames.end(), [&](const CapturedFrame& frame) {
    return is_drop(frame) && frame.octets.size() >= kSource + liar.size() &&
           std::equal(liar.begin(), liar.end(), frame.octets.begin() + kSource);
  });
  ASSERT_NE(dropped, frames.end());
  EXPECT_TRUE(dropped->comment.starts_with("spoofed_mac: ")) << dropped->comment;
  for (const CapturedFrame& frame : frames)
    EXPECT_EQ(frame.comment.empty(), !is_drop(frame)) << frame.interface_name << frame.comment;
  // Off is off.
  left.agent().check("ping -c 1 -W 2 " + std::string(kRight4));
  EXPECT_EQ(report::read_capture(file).size(), frames.size());
}

TEST(Taps, WrongRequestsGetClearErrors) {
  Pair pair;
  const auto error = [&](const nlohmann::json& arguments) {
    return pair.left()
        .qmp()
        .execute_raw("gatehouse-tap-start", arguments)
        .at("error")
        .value("desc", "");
  };
  EXPECT_NE(error({{"card", "card7"}, {"points", {"guest"}}, {"file", "/dev/null"}}).find("card7"),
            std::string::npos);
  EXPECT_NE(error({{"card", "card0"}, {"points", {"guest"}}, {"file", "/nonexistent/x"}})
                .find("/nonexistent/x"),
            std::string::npos);
}

}  // namespace
}  // namespace gatehouse::scenarios
