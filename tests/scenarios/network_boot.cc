// SPDX-License-Identifier: GPL-2.0-or-later
// iPXE from the vnic's option ROM gets an address through the overlay and loads a kernel over the
// card.
#include <gtest/gtest.h>

#include "tests/scenarios/pair.hh"
#include "tools/boot/boot.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;

TEST(NetworkBoot, OptionRomLoadsAKernelOverTheCard) {
  lab::WorkDir work("ipxe");
  const lab::Topology topology = boot::gateway_topology("geneve");
  const std::string socket = work.path("net");
  lab::Process underlay({lab::Build::tool(), "switch", "--listen", "unix:" + socket},
                        work.path("switch.log"));
  lab::Process gateway(
      {lab::Build::tool(), "gateway", "--underlay", "unix:" + socket, "--policy",
       topology.write_policy("gateway", work.path("gateway.json")), "--vnic", "gateway", "--tftp",
       lab::Build::guest_images("ipxe"), "--bootfile", "boot.ipxe"},
      work.path("gateway.log"));
  lab::GuestOptions options;
  options.kernel = "";  // nothing but the option ROM
  options.devices = {"-netdev",
                     lab::stream_netdev("up0", socket),
                     "-device",
                     "gatehouse-card,id=card0,uplink0=up0,policy=" +
                         topology.write_policy("guest", work.path("guest.json")),
                     "-device",
                     "gatehouse-vnic,id=vnic0,card=card0,bootindex=0",
                     "-no-shutdown"};  // the payload powers off when it has told
  lab::Guest guest(work, options);
  const bool loaded =
      eventually([&] { return guest.console().find("GATEHOUSE-IPXE-BOOTED") != std::string::npos; },
                 seconds(180));
  EXPECT_TRUE(loaded) << guest.console() << gateway.log();
  EXPECT_GT(vnic_counter(guest, "vnic0", "rx_bytes"), 5'000'000u);
}

}  // namespace
}  // namespace gatehouse::scenarios
