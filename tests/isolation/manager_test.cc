// SPDX-License-Identifier: GPL-2.0-or-later
// What a manager's commands let others reach: resets, dumps, snapshots, saved state that somebody
// changed, CPUs that are plugged in.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "tests/isolation/devices.hh"
#include "tools/lab/deadline.hh"

namespace gatehouse::isolation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Manager : public AttackTest {
 protected:
  static void SetUpTestSuite() { expect_all_rows_tested("Manager"); }
  static bool file_holds_treasure(const std::string& path) {
    const std::string file = lab::read_file(path);
    EXPECT_GT(file.size(), 1u << 20);
    // By its first words, wherever they would start.
    for (const uint64_t at :
         {kTreasure, kTreasure + 0x10'0000, partition::kRamBase + kMemory - 8}) {
      const uint64_t word = treasure(at);
      if (file.find(std::string(reinterpret_cast<const char*>(&word), 8)) != std::string::npos)
        return true;
    }
    return false;
  }
};

TEST_F(Manager, ResetStorm) {
  Fort fort;
  for (unsigned i = 0; i < 30; ++i) fort.qmp().execute("system_reset");
  EXPECT_TRUE(fort.guest_lives());
  EXPECT_EQ(fort.starts(), 1u) << "persist=on: it goes on";
  EXPECT_GE(fort.count("guest-resets"), 1u);
  fort.expect_held();
}

TEST_F(Manager, ResetStormWithoutPersistence) {
  FortOptions options;
  options.partition = ",persist=off";
  Fort fort(options);
  for (unsigned i = 0; i < 10; ++i) {
    ASSERT_EQ(fort.ask(kSpoil), kWhole);
    const unsigned starts = fort.starts();
    fort.qmp().execute("system_reset");
    ASSERT_TRUE(fort.guest_lives());
    EXPECT_TRUE(eventually([&] { return fort.starts() > starts; }));
    // Nothing of before is left, and the guest was not faster.
    EXPECT_EQ(fort.load(kTreasure, 8), 0u);
    fort.expect_held();
  }
}

TEST_F(Manager, DumpsTheGuest) {
  Fort fort;
  for (const bool paging : {false, true}) {
    const std::string file = fort.path("dump");
    fort.qmp().execute("dump-guest-memory", {{"paging", paging}, {"protocol", "file:" + file}});
    EXPECT_FALSE(file_holds_treasure(file));
  }
  const std::string file = fort.path("range");
  fort.qmp().execute("pmemsave", {{"val", kTreasure}, {"size", 2 << 20}, {"filename", file}});
  EXPECT_FALSE(file_holds_treasure(file));
  fort.expect_held();
}

TEST_F(Manager, RequestFlood) {
  Fort fort;
  for (unsigned i = 0; i < 1000; ++i) {
    fort.qmp().execute("gatehouse-partition-request",
                       {{"partition", "p0"}, {"request", 0x1000 + i}});
  }
  EXPECT_GE(fort.count("requests"), 1000u);
  EXPECT_LE(fort.count("answers"), fort.count("requests"));
  for (const nlohmann::json& wrong :
       std::vector<nlohmann::json>{{{"partition", "none"}, {"request", 3}},
                                   {{"partition", ""}, {"request", 3}},
                                   {{"partition", std::string(70'000, 'p')}, {"request", 3}},
                                   {{"partition", "p0"}, {"request", -1}},
                                   {{"partition", "p0"}, {"request", 1ll << 40}},
                                   {{"partition", "p0"}}}) {
    EXPECT_TRUE(fort.qmp().execute_raw("gatehouse-partition-request", wrong).contains("error"));
  }
  fort.expect_held();
}

// Resident memory of a process, in KiB.
uint64_t resident(pid_t pid) {
  const std::string status = lab::read_file("/proc/" + std::to_string(pid) + "/status");
  return std::strtoull(status.c_str() + status.find("VmRSS:") + 6, nullptr, 10);
}

// Writes until it is told to wait for so long; returns how many octets were taken.
size_t flood(int socket, size_t octets, milliseconds patience) {
  const std::string text(65536, 'x');
  size_t taken = 0;
  for (pollfd room{socket, POLLOUT, 0};
       taken < octets && poll(&room, 1, static_cast<int>(patience.count())) > 0;) {
    const ssize_t sent = send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) break;
    taken += static_cast<size_t>(sent);
  }
  return taken;
}

TEST_F(Manager, ConsoleFlood) {
  lab::WorkDir work("flood");
  FortOptions options;
  options.devices = {
      "-chardev", "socket,id=flood,path=" + work.path("console") + ",server=on,wait=off", "-device",
      "gatehouse-partition,id=p1,chardev=flood,memory=4M,firmware=" + keeper()};
  Fort fort(options);
  sockaddr_un address{AF_UNIX, {}};
  work.path("console").copy(address.sun_path, sizeof address.sun_path - 1);
  const int console = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(console, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  fort.expect_held();
  const uint64_t before = resident(fort.guest().process().pid());
  EXPECT_LT(flood(console, 64 << 20, milliseconds(500)), 2u << 20);
  // Everybody else goes on meanwhile.
  for (unsigned i = 0; i < 50; ++i) fort.expect_held();
  EXPECT_LT(flood(console, 64 << 20, milliseconds(100)), 65536u) << "somebody reads";
  EXPECT_LT(resident(fort.guest().process().pid()), before + (8 << 10));
  close(console);
  fort.expect_held();
}

TEST_F(Manager, PlugsCpus) {
  FortOptions options;
  options.devices = {"-smp", "1,maxcpus=4"};
  Fort fort(options);
  const nlohmann::json slots = fort.qmp().execute("query-hotpluggable-cpus");
  EXPECT_EQ(slots.size(), 4u);
  for (const nlohmann::json& slot : slots) {
    if (slot.contains("qom-path")) continue;
    nlohmann::json device = slot.at("props");
    device["driver"] = slot.at("type");
    device["id"] = "cpu" + std::to_string(device.at("core-id").get<int>());
    fort.qmp().execute("device_add", device);
    fort.expect_held();
  }
  EXPECT_EQ(fort.qmp().execute("query-cpus-fast").size(), 4u + 3u);
  // Cores themselves, and more partitions, are none of what can be plugged.
  for (const char* type : {"gatehouse-core-x86_64-cpu", "gatehouse-partition", "cpu-cluster"})
    EXPECT_TRUE(
        fort.qmp().execute_raw("device_add", {{"driver", type}, {"id", "x"}}).contains("error"));
  for (const char* id : {"p0", "/machine/peripheral/p0/cluster/core[0]"})
    EXPECT_TRUE(fort.qmp().execute_raw("device_del", {{"id", id}}).contains("error"));
  fort.expect_held();
}

std::string saved_state(Fort& fort) {
  const std::string file = fort.path("state");
  fort.qmp().execute("migrate", {{"uri", "file:" + file}});
  EXPECT_TRUE(eventually(
      [&] { return fort.qmp().execute("query-migrate").value("status", "") == "completed"; },
      seconds(60)));
  return lab::read_file(file);
}

TEST_F(Manager, StopsAndSavesAtAnyMoment) {
  Fort fort;
  for (unsigned i = 0; i < 10; ++i) {
    fort.qmp().execute("stop");
    // Nothing runs meanwhile, and nothing is lost.
    fort.qmp().execute("gatehouse-partition-request",
                       {{"partition", "p0"}, {"request", static_cast<uint32_t>(kReport)}});
    if (i % 2 == 1) {
      EXPECT_FALSE(saved_state(fort).empty());
    }
    fort.qmp().execute("cont");
    fort.expect_held();
  }
}

TEST_F(Manager, LoadsStateThatSomebodyChanged) {
  std::string state;
  {
    Fort fort;
    state = saved_state(fort);
  }
  // The last mention before the description at the end is the section of the device's own state.
  const size_t section = state.rfind("gatehouse-partition", state.find("\"page_size\""));
  ASSERT_NE(section, std::string::npos);
  // Behind the name: instance, version, length, and what the length is of: a tag, a version.
  const size_t version = section + std::strlen("gatehouse-partition") + 4 * 4;
  std::mt19937 random(20261128);
  lab::WorkDir work("state");
  unsigned refused = 0, loaded = 0;
  for (unsigned i = 0; i < 24; ++i) {
    std::string changed = state;
    if (i == 0) changed.resize(section + 40);
    if (i == 1) changed[version] = 0x7f;
    for (unsigned n = 0; i > 0 && n < 1 + i % 4; ++n) {
      const size_t span = std::min<size_t>(changed.size() - section, i % 2 ? 400 : 4000);
      changed[section + random() % span] ^= static_cast<char>(1u << random() % 8);
    }
    const std::string file = work.path("changed");
    lab::write_file(file, changed);
    FortOptions options;
    options.incoming = "defer";
    Fort fort(options);
    fort.qmp().execute("migrate-incoming", {{"uri", "file:" + file}});
    const bool decided = eventually([&] {
      if (!fort.guest().process().running()) return true;
      try {
        const std::string status = fort.qmp().execute("query-migrate").value("status", "");
        return status == "completed" || status == "failed";
      } catch (const std::exception&) {
        return false;  // it ends
      }
    });
    EXPECT_TRUE(decided) << i;
    if (!fort.guest().process().running() ||
        fort.guest().process().wait(std::chrono::milliseconds(0)) >= 0) {
      EXPECT_EQ(fort.guest().process().wait(seconds(5)), 1) << i << fort.guest().process().log();
      ++refused;
    } else {
      ++loaded;
      EXPECT_GT(i, 1u) << "it takes what is cut short or of another version";
      // It may hold another truth now, but QEMU must go on.
      EXPECT_NO_THROW(fort.qmp().execute("query-gatehouse-partitions")) << i;
    }
  }
  EXPECT_GT(refused, 2u) << "no flipped bit was noticed";
  EXPECT_EQ(refused + loaded, 24u);
}

}  // namespace
}  // namespace gatehouse::isolation
