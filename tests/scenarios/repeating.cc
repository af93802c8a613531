// SPDX-License-Identifier: GPL-2.0-or-later
// Under -icount a run repeats exactly, the interception of a guest's NIC included. What comes from
// outside must repeat, too: here nothing does. Both ends are NICs of one guest, its clock starts at
// a given date, QEMU's randomness has a seed, and the guest takes its orders from its own image.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/scenarios/intercepted.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;

// eth1 goes to a namespace of its own: what it says to eth0 goes over the wire. At the end both are
// down: drivers have timers, and the manager's report comes at any time.
constexpr const char* kBegin = R"(#!/bin/sh
exec > /dev/ttyS0 2>&1
gh-wait interface eth1 60000 && gh-wait carrier eth0 60000
ip netns add peer && ip link set eth1 netns peer
)";
constexpr const char* kPlain = R"(
ip -n peer addr add 192.168.0.2/24 dev eth1 && ip -n peer link set eth1 up
)";
// As the underlay's other host.
constexpr const char* kTunnel = R"(
ip -n peer link set eth1 mtu 1700 address 02:00:00:00:00:02 up && ip -n peer addr add 10.99.0.2/24 dev eth1
modprobe geneve && ip -n peer link add tun0 type geneve id 4242 remote 10.99.0.1
ip -n peer link set tun0 address 52:54:00:00:00:02 up && ip -n peer addr add 192.168.0.2/24 dev tun0
)";
constexpr const char* kEnd = R"(
ip netns exec peer gh-wait carrier eth1 60000
ip netns exec peer gh-load serve 7000 > /dev/null &
ping -q -c 20 -i 0.01 -w 10 192.168.0.2 | grep received
for mode in tcp-out tcp-in; do gh-load $mode 192.168.0.2 7000 0.3; done
grep eth /proc/interrupts
ip link set eth0 down; ip -n peer link set eth1 down
echo the job is done
)";

class Repeating : public testing::TestWithParam<Nic> {
 protected:
  std::string make_overlay() {
    const std::string folder = work_.path("overlay"), job = folder + "/job";
    std::filesystem::create_directory(folder);
    const bool vnic = GetParam() == Nic::kVnic;
    lab::write_file(job, std::string(kBegin) + (vnic ? kTunnel : kPlain) + kEnd);
    std::filesystem::permissions(job, std::filesystem::perms::owner_all);
    lab::check_command(
        {lab::Build::root() + "/guest-images/make-overlay", folder, work_.path("job.cpio")});
    return work_.path("job.cpio");
  }

  lab::GuestOptions options_of(const std::string& name, const std::string& overlay) {
    lab::GuestOptions options;
    options.name = name;
    options.memory_mib = 384;
    options.accelerator = "tcg,thread=single";
    options.paused = true;
    options.overlay = overlay;
    options.append = std::string("gh.ip=") + kLeft4 + "/24";
    const std::string near = "hubport,id=up0,hubid=0";
    if (GetParam() == Nic::kVnic) {
      options.devices = lab::card_with_vnic(
          near, pair_topology({}).write_policy("left", work_.path("left.json")));
    } else {
      options.devices = {"-netdev", near, "-device",
                         std::string("e1000e,id=vnic0,netdev=up0,romfile=,mac=") + kLeftMac};
    }
    for (const std::string& word : interceptor("vnic0", console_, ",arguments=start"))
      options.devices.push_back(word);
    options.devices.insert(options.devices.end(),
                           {"-netdev", "hubport,id=up1,hubid=0", "-device",
                            std::string("e1000e,netdev=up1,romfile=,mac=") + kRightMac, "-icount",
                            "shift=2,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm"});
    return options;
  }

  // All that can be seen of a run.
  std::string run(const std::string& name, const std::string& overlay) {
    lab::Guest guest(work_, options_of(name, overlay));
    guest.qmp().execute("cont");
    EXPECT_TRUE(eventually(
        [&] { return guest.console().find("the job is done") != std::string::npos; }, seconds(90)))
        << guest.console();
    EXPECT_EQ(request(guest, partition::Request::kReport), partition::Answer::kDone);
    std::string seen = guest.console() + lab::read_file(console_);
    seen += guest.qmp().execute("query-gatehouse-redirects").dump(1);
    if (GetParam() == Nic::kVnic) seen += card_of(guest).dump(1);
    return seen;
  }

  lab::WorkDir work_{"repeating"};
  const std::string console_ = work_.path("partition");
};

INSTANTIATE_TEST_SUITE_P(Of, Repeating, testing::ValuesIn(kNics),
                         [](const auto& nic) { return name_of(nic.param); });

TEST_P(Repeating, InterceptionUnderIcount) {
  const std::string overlay = make_overlay();
  const std::string first = run("first", overlay);
  EXPECT_NE(first.find("20 received"), std::string::npos) << first;
  EXPECT_NE(first.find("\"rate\""), std::string::npos) << first;
  EXPECT_NE(first.find("interceptor: started, result 0"), std::string::npos) << first;
  EXPECT_EQ(run("second", overlay), first);
}

}  // namespace
}  // namespace gatehouse::scenarios
