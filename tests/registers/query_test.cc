// SPDX-License-Identifier: GPL-2.0-or-later
// Seeing in: query-gatehouse, taps, the errors of devices that can't be made.
#include <gtest/gtest.h>

#include "hw/spec/counters.hh"
#include "hw/spec/drop_reasons.hh"
#include "tests/registers/rings.hh"
#include "tests/registers/traffic.hh"
#include "tests/unit/core/frames.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;

TEST(Query, ShowsThePolicyAndTheVnic) {
  Machine machine({.card = ",link-rate=1000000000,latency=5000"});
  const json card = machine.card();
  EXPECT_EQ(card["id"], "card0");
  EXPECT_EQ(card["tables"]["tenants"], 1);
  EXPECT_EQ(card["tables"]["vnics"], 1);
  const json& uplink = card["uplinks"][0];
  EXPECT_EQ(uplink["name"], "uplink0");
  EXPECT_EQ(uplink["rate"], 1000000000);
  EXPECT_EQ(uplink["latency"], 5000);
  EXPECT_EQ(uplink["mac"], "02:00:00:00:00:01");
  EXPECT_EQ(uplink["addresses"], json({"10.1.0.1/24"}));
  EXPECT_EQ(uplink["neighbours"],
            json({{{"address", "10.1.0.2"}, {"mac", "02:00:00:00:00:02"}, {"state", "static"}}}));
  const json& vnic = card["vnics"][0];
  EXPECT_EQ(vnic["name"], "vnic0");
  EXPECT_EQ(vnic["tenant"], "red");
  EXPECT_EQ(vnic["vni"], 5001);
  EXPECT_EQ(vnic["format"], "vxlan");
  EXPECT_EQ(vnic["mac"], "52:54:00:00:00:01");
  EXPECT_EQ(vnic["overlay-mtu"], 1450);
  EXPECT_EQ(vnic["anti-spoof"], true);
}

TEST(Query, ShowsEveryCounterOfTheSpecAndEveryReasonOnRequest) {
  Machine machine;
  const json card = machine.card(true);
  for (const spec::CounterRow& row : spec::kVnicCounters)
    EXPECT_TRUE(card["vnics"][0]["counters"].contains(row.name)) << row.name;
  for (const spec::CounterRow& row : spec::kUplinkCounters) {
    EXPECT_TRUE(card["uplinks"][0]["counters"].contains(row.name)) << row.name;
  }
  ASSERT_EQ(card["drops"].size(), std::size(spec::kDropReasons));
  for (size_t i = 0; i < std::size(spec::kDropReasons); ++i) {
    EXPECT_EQ(card["drops"][i]["reason"], spec::kDropReasons[i].name);
    EXPECT_EQ(card["drops"][i]["text"], spec::kDropReasons[i].text);
    EXPECT_EQ(card["drops"][i]["count"], 0);
  }
  EXPECT_TRUE(machine.card(false)["drops"].empty());
}

TEST(Query, ShowsRingsWithoutTouchingThem) {
  Machine machine;
  machine.place_bars();
  Rings rings(machine);
  rings.start();
  machine.set_reg(i82574::reg::ICS, i82574::ICR_LSC);
  const json first = machine.vnic();
  EXPECT_EQ(first["device"]["rings"]["rx0"]["tail"], Rings::kDescriptors - 1);
  EXPECT_EQ(first["device"]["rings"]["tx0"]["base"], "0x0000000000110000");
  EXPECT_EQ(first["link"], true);
  EXPECT_NE(machine.vnic()["device"]["interrupts"]["icr"], "0x00000000") << "LSC";
  EXPECT_EQ(machine.vnic(), first) << "looking clears nothing";
  EXPECT_TRUE(machine.reg(i82574::reg::ICR) & i82574::ICR_LSC);
}

TEST(Tap, RecordsFramesAndWhyTheyWereDropped) {
  Machine machine;
  machine.place_bars();
  Rings rings(machine);
  rings.start();
  const std::string file = machine.path("tap.pcapng");
  machine.qmp().execute("gatehouse-tap-start",
                        {{"card", "card0"}, {"file", file}, {"points", {"outer", "drops"}}});
  test::Bytes frame =
      test::Frame()
          .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
          .ipv4({.source = "192.168.0.1", .destination = "192.168.0.2"})
          .udp()
          .payload(100)
          .build();
  rings.send(frame);
  const auto wire = machine.wire().receive();
  ASSERT_TRUE(wire);
  frame[11] = 0x99;
  rings.send(frame);
  EXPECT_EQ(machine.card()["tap"]["frames"], 2);
  machine.qmp().execute("gatehouse-tap-stop", {{"card", "card0"}});
  EXPECT_FALSE(machine.card().contains("tap"));
  rings.send(frame);
  const std::string octets = lab::read_file(file);
  EXPECT_NE(octets.find(std::string(wire->begin(), wire->end())), std::string::npos)
      << "the frame as it was on the wire";
  EXPECT_NE(octets.find(std::string(frame.begin(), frame.end())), std::string::npos)
      << "the dropped frame";
  EXPECT_NE(octets.find(spec::drop_row(spec::DropReason::spoofed_mac)->name), std::string::npos)
      << "its reason";
}

// A guest that nobody answers, and whoever looks at the file meanwhile.
TEST(Tap, WhatTheGuestSendsIsSoonInTheFile) {
  Machine machine;
  machine.place_bars();
  Rings rings(machine);
  rings.start();
  const std::string file = machine.path("tap.pcapng");
  machine.qmp().execute("gatehouse-tap-start",
                        {{"card", "card0"}, {"file", file}, {"points", {"guest"}}});
  const test::Bytes frame = datagram(100);
  rings.send(frame);
  EXPECT_TRUE(machine.wait([&] {
    return lab::read_file(file).find(std::string(frame.begin(), frame.end())) != std::string::npos;
  }));
}

TEST(Tap, SaysWhyItCannotStart) {
  Machine machine;
  const json no_card =
      machine.qmp().execute_raw("gatehouse-tap-start", {{"card", "card7"}, {"file", "/dev/null"}});
  EXPECT_EQ(no_card["error"]["class"], "DeviceNotFound");
  const json no_file = machine.qmp().execute_raw(
      "gatehouse-tap-start", {{"card", "card0"}, {"file", machine.path("no/such/folder")}});
  EXPECT_NE(no_file["error"]["desc"].get<std::string>().find("no/such/folder"), std::string::npos);
}

struct RefusalRow {
  const char* name;
  std::vector<std::string> options;
  const char* says;
};

class Refusals : public testing::TestWithParam<RefusalRow> {};

lab::CommandResult run_qemu(const std::vector<std::string>& options) {
  std::vector<std::string> command = {lab::Build::qemu(), "-M",       "q35", "-accel", "qtest",
                                      "-nodefaults",      "-display", "none"};
  for (const std::string& word : lab::Build::firmware_path()) command.push_back(word);
  command.insert(command.end(), options.begin(), options.end());
  return lab::run_command(command);
}

TEST_P(Refusals, NameTheFix) {
  const lab::CommandResult result = run_qemu(GetParam().options);
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_NE(result.output.find(GetParam().says), std::string::npos) << result.output;
}

const RefusalRow kRefusals[] = {
    {"VnicWithoutCard",
     {"-device", "gatehouse-vnic"},
     "add -device gatehouse-card,id=card0,uplink0=NETDEV,policy=FILE"},
    {"MissingPolicy", {"-device", "gatehouse-card,policy=/no/such/file"}, "/no/such/file"},
    {"TooLongAQueue",
     {"-device", "gatehouse-card,queue=100000"},
     "queue= must be 1 to 1024 frames"},
    {"TooLongALatency",
     {"-device", "gatehouse-card,latency=100000000000"},
     "latency= is in nanoseconds"},
    {"UnknownNetdev", {"-device", "gatehouse-card,uplink0=none"}, "none"},
};

INSTANTIATE_TEST_SUITE_P(Devices, Refusals, testing::ValuesIn(kRefusals),
                         [](const auto& row) { return row.param.name; });

TEST(Policy, ErrorsHaveLineAndColumn) {
  lab::WorkDir work("policy");
  const std::string file = work.path("policy.json");
  lab::write_file(
      file,
      "{\n  \"vnics\": [{\"name\": \"vnic0\", \"tenant\": \"red\", \"mac\": \"52:54\"}]\n}\n");
  const lab::CommandResult result = run_qemu({"-device", "gatehouse-card,policy=" + file});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_NE(result.output.find("policy.json:2:"), std::string::npos) << result.output;
}

}  // namespace
}  // namespace gatehouse::registers
