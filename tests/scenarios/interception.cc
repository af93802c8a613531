// SPDX-License-Identifier: GPL-2.0-or-later
// A partition takes over the NIC of a running, unmodified guest, and hands it back: our vnic and
// QEMU's own e1000e. No frame is lost, whatever the driver does meanwhile.
#include <gtest/gtest.h>

#include <cstring>

#include "hw/spec/pattern_rules.hh"
#include "tests/scenarios/intercepted.hh"

namespace gatehouse::scenarios {
namespace {

using partition::Answer, partition::Request;
using std::chrono::seconds;

class Interception : public testing::TestWithParam<Nic> {};
INSTANTIATE_TEST_SUITE_P(Of, Interception, testing::ValuesIn(kNics),
                         [](const auto& nic) { return name_of(nic.param); });

std::string carrier_changes(Intercepted& bed) {
  return bed.agent().check("cat /sys/class/net/eth0/carrier_changes");
}

std::string load(const char* mode) {
  return std::string("gh-load ") + mode + " " + kRight4 + " 7000 1";
}

// Again and again, with requests and streams both ways.
void take_over_and_hand_back(Intercepted& bed) {
  const std::string carrier = carrier_changes(bed);
  const lab::Agent::Job server = bed.peer().agent().start("exec gh-load serve 7000");
  bed.peer().agent().expect(server, "LISTENING", seconds(20));
  for (const char* mode : {"tcp-out", "tcp-in"}) {
    const lab::Agent::Job pings = bed.agent().start(ping(50));
    const lab::Agent::Job stream = bed.agent().start(load(mode));
    for (unsigned round = 0; round < 8; ++round) {
      EXPECT_EQ(request(bed.guest(), Request::kStart), Answer::kDone);
      EXPECT_EQ(request(bed.guest(), Request::kStop), Answer::kDone);
    }
    expect_no_loss(bed.agent().finish(pings));
    const lab::CommandResult result = bed.agent().finish(stream);
    EXPECT_EQ(result.exit_status, 0) << mode << ": " << result.output;
  }
  bed.peer().agent().kill(server);
  EXPECT_EQ(carrier_changes(bed), carrier) << "the link was lost";
  EXPECT_EQ(bed.report()["started"], 0u);
}

// What the guest's administrator does, and what then must be so.
struct Step {
  const char* script;
  bool resets;  // the driver resets the NIC
};
constexpr Step kSteps[] = {
    {"ethtool -G eth0 rx 1024 tx 512", true},
    {"ip link set eth0 down; ip link set eth0 up", true},
    {"ip link set eth0 mtu 1400", true},
    {"ethtool -C eth0 rx-usecs 0", false},
    {"ethtool -r eth0", true},
    {"rmmod e1000e; modprobe e1000e; gh-wait interface eth0 20000; ip link set eth0 up; "
     "ip addr replace 192.168.0.1/24 dev eth0",
     true},
};

// The driver's own: every bit of its registers, its own rings, loopback, interrupts one by one.
lab::CommandResult self_test(Intercepted& bed) {
  const lab::CommandResult result = bed.agent().run("ethtool -t eth0 offline", seconds(120));
  wait_for_carrier(bed.guest());
  return result;
}

void follow_the_driver(Intercepted& bed) {
  for (const Step& step : kSteps) {
    SCOPED_TRACE(step.script);
    auto before = bed.report();
    bed.agent().check(step.script);
    wait_for_carrier(bed.guest());
    expect_no_loss(bed.agent().run(ping(20)));
    auto after = bed.report();
    if (step.resets) {
      EXPECT_GT(after["resets"], before["resets"]);
    }
    EXPECT_GE(after["transmit_descriptors"], before["transmit_descriptors"] + 20);
    EXPECT_GE(after["messages"], before["messages"] + 20);
  }
}

// Its driver then takes frames by packet-split descriptors. Rules have nothing against the pattern.
void follow_jumbo_frames(Intercepted& bed) {
  for (lab::Guest* guest : {&bed.guest(), &bed.peer()})
    guest->agent().check("ip link set eth0 mtu 4000");
  for (lab::Guest* guest : {&bed.guest(), &bed.peer()}) wait_for_carrier(*guest);
  expect_no_loss(bed.agent().run(ping(20, "-M do -p e1 -s 3900")));
  expect_no_loss(bed.agent().run(ping(20, "-p e1 -s 20000")));
}

void follow_the_cable(Intercepted& bed) {
  bed.guest().qmp().execute("set_link", {{"name", "vnic0"}, {"up", false}});
  bed.agent().check("gh-wait no-carrier eth0 30000", seconds(40));
  EXPECT_EQ(Pinged(bed.agent().run("ping -q -c 1 -W 1 " + std::string(kRight4)).output).received,
            0u);
  bed.guest().qmp().execute("set_link", {{"name", "vnic0"}, {"up", true}});
  wait_for_carrier(bed.guest());
  expect_no_loss(bed.agent().run(ping(20)));
}

// The partition outlives the guest and is there when its driver comes back.
void follow_a_reboot(Intercepted& bed) {
  auto before = bed.report();
  bed.guest().qmp().execute("system_reset");
  bed.guest().wait_ready();
  wait_for_carrier(bed.guest());
  expect_no_loss(bed.agent().run(ping(20)));
  auto after = bed.report();
  EXPECT_EQ(after["started"], 1u);
  EXPECT_GE(after["transmit_descriptors"], before["transmit_descriptors"] + 20);
}

TEST_P(Interception, FollowsTheGuestThroughItsLife) {
  Intercepted bed(GetParam(), ",persist=on");
  expect_no_loss(bed.agent().run(ping(20)));
  const lab::CommandResult verdict = self_test(bed);
  take_over_and_hand_back(bed);
  ASSERT_EQ(request(bed.guest(), Request::kStart), Answer::kDone);
  expect_no_loss(bed.agent().run(ping(20, "-s 8000")));
  follow_the_driver(bed);
  // QEMU's own e1000e does not pass all of it; it must be the same with and without us.
  const lab::CommandResult intercepted = self_test(bed);
  EXPECT_EQ(intercepted.output, verdict.output);
  EXPECT_EQ(intercepted.exit_status, GetParam() == Nic::kVnic ? 0 : verdict.exit_status)
      << intercepted.output;
  expect_no_loss(bed.agent().run(ping(20)));
  if (GetParam() == Nic::kStock) follow_jumbo_frames(bed);
  follow_the_cable(bed);
  EXPECT_EQ(bed.agent().check("dmesg").find("Hardware Unit Hang"), std::string::npos);
  follow_a_reboot(bed);
  ASSERT_EQ(request(bed.guest(), Request::kStop), Answer::kDone);
  expect_no_loss(bed.agent().run(ping(20)));
  EXPECT_EQ(bed.report()["overruns"], 0u);
}

constexpr uint32_t kAlert = 7, kDrop = 8;

std::string rules() {
  using partition::make_pattern;
  const partition::PatternRule list[] = {
      make_pattern(kAlert, partition::kPatternAlert, "\xa1\xa2\xa3\xa4", "seen"),
      make_pattern(kDrop, partition::kPatternDrop, "\xd1\xd2\xd3\xd4", "unwanted"),
  };
  const partition::PatternHeader header{partition::kPatternMagic, std::size(list), 0};
  std::string image(sizeof header + sizeof list, '\0');
  std::memcpy(image.data(), &header, sizeof header);
  std::memcpy(image.data() + sizeof header, list, sizeof list);
  return image;
}

void expect_rules(Intercepted& bed) {
  const std::string lost = "ping -q -i 0.05 -W 1 -c 4 -p d1d2d3d4 " + std::string(kRight4);
  auto before = bed.report();
  EXPECT_EQ(Pinged(bed.agent().run(ping(4, "-p a1a2a3a4")).output).received, 4u);
  EXPECT_EQ(Pinged(bed.agent().run(lost).output).received, 0u);
  EXPECT_EQ(Pinged(bed.agent().run(ping(4, "-p e1e2e3e4")).output).received, 4u);
  auto after = bed.report();
  EXPECT_EQ(after["started"], 1u);
  EXPECT_EQ(after["dropped"], before["dropped"] + 4);
  EXPECT_EQ(after["rule 7"], before["rule 7"] + 8);  // out and in
  EXPECT_EQ(after["rule 8"], before["rule 8"] + 4);
}

// Survives the agent's connection: a migrated guest's agent has another.
void start_in_background(Intercepted& bed, const std::string& command, const std::string& name) {
  bed.agent().check("rm -f /tmp/" + name + ".done; (" + command + " > /tmp/" + name +
                    " 2>&1; echo $? > /tmp/" + name + ".done) < /dev/null > /dev/null 2>&1 &");
}
std::string finish_in_background(Intercepted& bed, const std::string& name) {
  bed.agent().wait_for("test -s /tmp/" + name + ".done", seconds(60));
  return bed.agent().check("cat /tmp/" + name + "; test $(cat /tmp/" + name + ".done) = 0");
}

// Waits until so many more descriptors went to the NIC.
bool sends(Intercepted& bed, uint64_t more) {
  const uint64_t before = bed.report()["transmit_descriptors"];
  return eventually([&] { return bed.report()["transmit_descriptors"] >= before + more; });
}

// A frame may be under way at the moment of a snapshot: on the old wire it arrives, on the new one
// it never does.
constexpr uint64_t kUnderWay = 2;

void expect_no_loss_but_under_way(const std::string& output, uint64_t moments) {
  const Pinged pinged(output);
  EXPECT_GT(pinged.sent, 0u) << output;
  EXPECT_GE(pinged.received + moments * kUnderWay, pinged.sent) << output;
  EXPECT_LE(pinged.duplicates, moments * kUnderWay) << output;
}

// Requests and a stream are in the middle of it when the guest goes back to a snapshot, and when it
// goes on elsewhere. The rules hold before and afterwards.
TEST_P(Interception, GoesOnAfterSnapshotAndMigration) {
  lab::WorkDir files("rules");
  const std::string image = files.path("rules"), disk = files.path("disk.qcow2");
  lab::write_file(image, rules());
  lab::check_command({lab::Build::qemu_img(), "create", "-q", "-f", "qcow2", disk, "16M"});
  Intercepted bed(GetParam(), ",arguments=start,data=" + image,
                  {"-drive", "if=none,format=qcow2,file=" + disk});
  expect_rules(bed);
  const auto alert = bed.guest().qmp().wait_event("GATEHOUSE_PARTITION_ALERT", seconds(20));
  ASSERT_TRUE(alert.has_value());
  EXPECT_TRUE(alert->at("data").at("text").get<std::string>().starts_with("rule 7 \"seen\""))
      << alert->dump();

  start_in_background(bed, ping(100, "-i 0.1"), "pings");
  ASSERT_TRUE(sends(bed, 20));
  EXPECT_EQ(bed.guest().qmp().human("savevm one"), "");
  auto saved = bed.report();
  ASSERT_TRUE(sends(bed, 40));
  EXPECT_EQ(bed.guest().qmp().human("loadvm one"), "");
  EXPECT_LT(bed.report()["transmit_descriptors"], saved["transmit_descriptors"] + 40);
  expect_no_loss_but_under_way(finish_in_background(bed, "pings"), 1);
  expect_rules(bed);

  const lab::Agent::Job server = bed.peer().agent().start("exec gh-load serve 7000");
  bed.peer().agent().expect(server, "LISTENING", seconds(20));
  start_in_background(bed, ping(40, "-i 0.1"), "pings");
  start_in_background(bed, "gh-load tcp-out " + std::string(kRight4) + " 7000 3", "stream");
  ASSERT_TRUE(sends(bed, 200));
  saved = bed.report();
  bed.move();
  EXPECT_GE(bed.report()["transmit_descriptors"], saved["transmit_descriptors"]);
  const std::string stream = finish_in_background(bed, "stream");
  EXPECT_NE(stream.find("\"rate\""), std::string::npos) << stream;
  expect_no_loss_but_under_way(finish_in_background(bed, "pings"), 1);
  expect_rules(bed);
  ASSERT_EQ(request(bed.guest(), Request::kStop), Answer::kDone);
  expect_no_loss(bed.agent().run(ping(20)));
  EXPECT_EQ(bed.agent().check("dmesg").find("Hardware Unit Hang"), std::string::npos);
}

// Every frame is sealed; a driver that plays fair notices nothing, whatever else happens.
TEST(SealedInterception, LosesNothingAndHoldsInAnotherProcess) {
  lab::WorkDir files("rules");
  const std::string image = files.path("rules");
  lab::write_file(image, rules());
  Intercepted bed(Nic::kVnic, ",arguments=seal=on,data=" + image);
  take_over_and_hand_back(bed);
  ASSERT_EQ(request(bed.guest(), Request::kStart), Answer::kDone);
  expect_rules(bed);
  bed.move();
  expect_rules(bed);
  expect_no_loss(bed.agent().run(ping(20)));
  auto counts = bed.report();
  EXPECT_GT(counts["inspected"], 50u);
  EXPECT_EQ(counts["tampered"], 0u);
  EXPECT_EQ(counts["seals_broken"], 0u);
  ASSERT_EQ(request(bed.guest(), Request::kStop), Answer::kDone);
  expect_no_loss(bed.agent().run(ping(20)));
}

TEST(SealedInterception, IsRefusedInFrontOfAStockNic) {
  lab::WorkDir files("rules");
  const std::string image = files.path("rules");
  lab::write_file(image, rules());
  Intercepted bed(Nic::kStock, ",arguments=seal=on,data=" + image);
  EXPECT_EQ(request(bed.guest(), Request::kStart), Answer::kFailed);
  expect_no_loss(bed.agent().run(ping(20)));
}

// On the console: the alert may come before there is anybody to hear it.
void expect_refusal(Intercepted& bed, const std::string& words) {
  EXPECT_TRUE(
      eventually([&] { return lab::read_file(bed.console()) == words + "\n"; }, seconds(20)))
      << lab::read_file(bed.console());
}

// Else somebody would believe that frames are inspected.
TEST(SealedInterception, AsksForRules) {
  Intercepted bed(Nic::kVnic, ",arguments=start,,seal=on");
  expect_refusal(bed,
                 "interceptor: seal=on and copy=on are for inspected frames; add rules by data=");
  expect_no_loss(bed.agent().run(ping(20)));
}

class CopiedInterception : public testing::TestWithParam<Nic> {};
INSTANTIATE_TEST_SUITE_P(Of, CopiedInterception, testing::ValuesIn(kNics),
                         [](const auto& nic) { return name_of(nic.param); });

// Every frame goes through private memory; the guest notices nothing, whatever it does.
TEST_P(CopiedInterception, LosesNothingAndFollowsTheDriver) {
  lab::WorkDir files("rules");
  const std::string image = files.path("rules");
  lab::write_file(image, rules());
  Intercepted bed(GetParam(), ",arguments=copy=on,data=" + image);
  take_over_and_hand_back(bed);
  ASSERT_EQ(request(bed.guest(), Request::kStart), Answer::kDone);
  expect_rules(bed);
  expect_no_loss(bed.agent().run(ping(20, "-p e1 -s 8000")));
  follow_the_driver(bed);
  if (GetParam() == Nic::kStock) follow_jumbo_frames(bed);
  expect_rules(bed);
  bed.move();
  expect_rules(bed);
  auto counts = bed.report();
  EXPECT_GT(counts["inspected"], 50u);
  EXPECT_EQ(counts["unseen"], 0u);
  EXPECT_EQ(counts["unusable_rings"], 0u);
  ASSERT_EQ(request(bed.guest(), Request::kStop), Answer::kDone);
  expect_no_loss(bed.agent().run(ping(20)));
  EXPECT_EQ(bed.agent().check("dmesg").find("Hardware Unit Hang"), std::string::npos);
}

TEST(CopiedInterception, SaysHowMuchMemoryItNeeds) {
  lab::WorkDir files("rules");
  const std::string image = files.path("rules");
  lab::write_file(image, rules());
  Intercepted bed(Nic::kStock, ",arguments=copy=on,memory=4M,data=" + image);
  expect_refusal(bed,
                 "interceptor: too little private memory, give the partition memory=5M or more");
  expect_no_loss(bed.agent().run(ping(20)));
}

}  // namespace
}  // namespace gatehouse::scenarios
