// SPDX-License-Identifier: GPL-2.0-or-later
// The vnic comes, goes, resets, reboots, moves: under traffic, and nothing else notices.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/scenarios/intercepted.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;

// A ping that goes on in the left guest.
class Heartbeat {
 public:
  explicit Heartbeat(lab::Guest& guest)
      : guest_(guest), job_(guest.agent().start("exec ping -i 0.05 -W 1 " + std::string(kRight4))) {
    guest_.agent().expect(job_, "bytes from", seconds(30));
  }
  // Ends it. A request that is under way then counts as lost.
  void expect_no_loss() {
    guest_.agent().kill(job_, SIGINT);  // then ping prints its statistics
    const std::string output = guest_.agent().finish(job_).output;
    const Pinged pinged(output);
    EXPECT_GT(pinged.sent, 0u) << output;
    EXPECT_GE(pinged.received + 1, pinged.sent) << output;
    EXPECT_EQ(pinged.duplicates, 0u) << output;
  }

 private:
  lab::Guest& guest_;
  lab::Agent::Job job_;
};

std::string pci_slot(lab::Guest& guest, const std::string& interface) {
  return guest.agent().check("basename $(readlink -f /sys/class/net/" + interface + "/device)");
}

TEST(HotPlug, SecondVnicComesAndGoesUnderTraffic) {
  PairOptions options;
  options.left_devices = {"-device", "pcie-root-port,id=port0,chassis=1"};
  Pair pair(options);
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  Heartbeat heartbeat(left);
  for (int round = 0; round < 2; ++round) {
    left.qmp().execute("device_add", {{"driver", "gatehouse-vnic"},
                                      {"id", "vnic9"},
                                      {"card", "card0"},
                                      {"bus", "port0"},
                                      {"romfile", ""},
                                      {"mac", "52:54:00:00:00:09"}});
    left.agent().wait_for("test -e /sys/class/net/eth1", seconds(60));
    EXPECT_EQ(left.agent().check("cat /sys/class/net/eth1/address"), "52:54:00:00:00:09\n");
    left.agent().check("ip link set eth1 up");
    wait_for_carrier(left, "eth1");
    EXPECT_EQ(card_of(left).at("vnics").size(), 2u);
    // No policy names it: it sends nothing.
    const uint64_t before = drops_of(left)["vnic_without_policy"];
    left.agent().check(
        "gh-frames send eth1 "
        "ffffffffffff525400000009080600010800060400015254000000090a0000010000000000000a000002");
    EXPECT_TRUE(eventually([&] { return drops_of(left)["vnic_without_policy"] > before; }));
    left.qmp().execute("device_del", {{"id", "vnic9"}});
    ASSERT_TRUE(left.qmp().wait_event("DEVICE_DELETED", seconds(60)).has_value());
    left.agent().wait_for("test ! -e /sys/class/net/eth1", seconds(60));
    EXPECT_EQ(card_of(left).at("vnics").size(), 1u);
  }
  heartbeat.expect_no_loss();
}

TEST(Reset, FunctionLevelResetAndRebindBringTheLinkBack) {
  Pair pair;
  lab::Agent& agent = pair.left().agent();
  std::string slot = pci_slot(pair.left(), "eth0");
  slot.pop_back();
  for (const std::string& method : {std::string("flr"), std::string("pm")}) {
    agent.check("cd /sys/bus/pci/devices/" + slot +
                    "; ip link set eth0 down; cat reset_method; echo " + method +
                    " > reset_method && echo 1 > reset",
                seconds(60));
    agent.check("cd /sys/bus/pci/drivers/e1000e; echo " + slot + " > unbind; echo " + slot +
                    " > bind; "
                    "ip addr add " +
                    kLeft4 + "/24 dev eth0; ip link set eth0 up",
                seconds(60));
    wait_for_carrier(pair.left());
    agent.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  }
}

TEST(Reset, GuestRebootsAndComesBack) {
  Pair pair;
  pair.left().agent().check("ping -c 2 -i 0.2 -W 2 " + std::string(kRight4));
  pair.left().qmp().execute("system_reset");
  pair.left().wait_ready();
  wait_for_carrier(pair.left());
  pair.left().agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
}

TEST(Link, FlapsBySetLinkAndTheDriverNotices) {
  Pair pair;
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  left.qmp().execute("set_link", {{"name", "vnic0"}, {"up", false}});
  left.agent().check("gh-wait no-carrier eth0 30000", seconds(40));
  EXPECT_EQ(card_of(left).at("vnics").at(0).at("link"), false);
  EXPECT_NE(left.agent().run("ping -c 1 -W 1 " + std::string(kRight4)).exit_status, 0);
  // What comes for it meanwhile ends with a reason.
  const uint64_t before = drops_of(left)["vnic_link_down"];
  pair.right().agent().run("ping -c 2 -i 0.2 -W 1 " + std::string(kLeft4));
  EXPECT_GT(drops_of(left)["vnic_link_down"], before);
  left.qmp().execute("set_link", {{"name", "vnic0"}, {"up", true}});
  wait_for_carrier(left);
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
}

TEST(Migration, MovesUnderTrafficThroughAFile) {
  Pair pair;
  lab::Guest& left = pair.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  const lab::Agent::Job server = pair.right().agent().start("iperf3 -s -1 --forceflush");
  pair.right().agent().expect(server, "listening", seconds(20));
  // It goes on in the second QEMU: the job lives in the guest.
  left.agent().check(
      "(iperf3 -J -c " + std::string(kRight4) +
      " -t 12 > /tmp/stream.json 2>&1; echo done > /tmp/stream.done) </dev/null >/dev/null 2>&1 &");
  ASSERT_TRUE(eventually([&] { return vnic_counter(left, "vnic0", "tx_super_frames") > 50; }));
  const std::string image = pair.work().path("state");
  left.qmp().execute("migrate", {{"uri", "file:" + image}});
  ASSERT_TRUE(eventually(
      [&] { return left.qmp().execute("query-migrate").value("status", "") == "completed"; },
      seconds(120)))
      << left.qmp().execute("query-migrate").dump();
  const nlohmann::json before = card_of(left);
  left.qmp().execute("quit");
  ASSERT_GE(left.process().wait(seconds(30)), 0);

  lab::GuestOptions again;
  again.name = "left-2";
  again.memory_mib = 384;
  again.devices = pair.devices("left");
  again.incoming = "file:" + image;
  lab::Guest second(pair.work(), again);
  ASSERT_TRUE(eventually(
      [&] { return second.qmp().execute("query-status").value("status", "") == "running"; },
      seconds(120)));
  EXPECT_GE(vnic_counter(second, "vnic0", "tx_frames"),
            before.at("vnics").at(0).at("counters").at("tx_frames").get<uint64_t>());
  second.wait_ready();
  try {
    second.agent().wait_for("test -e /tmp/stream.done", seconds(90));
  } catch (const lab::Failure& failure) {
    FAIL() << failure.what() << "\n" << story_of(second) << story_of(pair.right());
  }
  const nlohmann::json stream =
      nlohmann::json::parse(second.agent().check("cat /tmp/stream.json"), nullptr, false);
  ASSERT_TRUE(stream.is_object());
  EXPECT_FALSE(stream.contains("error")) << stream.value("error", "");
  second.agent().check("ping -c 3 -i 0.2 -W 2 " + std::string(kRight4));
}

TEST(Snapshot, SaveAndLoadInTheMiddleOfAStream) {
  PairOptions options;
  Pair probe(options);
  const std::string disk = probe.work().path("disk.qcow2");
  lab::check_command({lab::Build::qemu_img(), "create", "-q", "-f", "qcow2", disk, "64M"});
  lab::Guest& left = probe.left();
  left.agent().wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  left.qmp().execute("blockdev-add", {{"driver", "qcow2"},
                                      {"node-name", "disk0"},
                                      {"file", {{"driver", "file"}, {"filename", disk}}}});
  const auto job = [&](const char* command, const char* id) {
    const nlohmann::json arguments = {
        {"job-id", id}, {"tag", "moment"}, {"devices", {"disk0"}}, {"vmstate", "disk0"}};
    left.qmp().execute(command, arguments);
    EXPECT_TRUE(eventually(
        [&] {
          for (const nlohmann::json& row : left.qmp().execute("query-jobs")) {
            if (row.at("id") == id && row.at("status") == "concluded") {
              EXPECT_FALSE(row.contains("error")) << row.dump();
              return true;
            }
          }
          return false;
        },
        seconds(120)));
  };
  Heartbeat heartbeat(left);
  job("snapshot-save", "save");
  const uint64_t at_save = vnic_counter(left, "vnic0", "tx_frames");
  ASSERT_TRUE(eventually([&] { return vnic_counter(left, "vnic0", "tx_frames") > at_save + 20; }));
  left.qmp().execute("stop");
  const uint64_t before_load = vnic_counter(left, "vnic0", "tx_frames");
  job("snapshot-load", "load");
  EXPECT_LT(vnic_counter(left, "vnic0", "tx_frames"), before_load)
      << "the counters are part of the state";
  left.qmp().execute("cont");
  const uint64_t resumed = vnic_counter(left, "vnic0", "rx_frames");
  EXPECT_TRUE(eventually([&] { return vnic_counter(left, "vnic0", "rx_frames") > resumed + 20; }));
}

}  // namespace
}  // namespace gatehouse::scenarios
