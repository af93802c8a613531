// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/boot/boot.hh"

#include <cstdio>

#include "hw/core/policy/shipped_formats.hh"
#include "tools/common/options.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::boot {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr char kText[] =
    "A guest on a card at this terminal; the outside world is behind the overlay's gateway.";
constexpr common::OptionRow kOptions[] = {
#include "tools/boot/options.inc"
};

lab::GuestOptions guest_options(const common::Options& options) {
  lab::GuestOptions guest;
  guest.kernel = options.get("--kernel", guest.kernel);
  guest.vcpus = static_cast<unsigned>(options.number("--vcpus", guest.vcpus));
  guest.memory_mib = static_cast<unsigned>(options.number("--memory", guest.memory_mib));
  guest.interactive = true;
  guest.append = " gh.shell gh.poweroff gh.hostname=gatehouse-guest";
  return guest;
}

int boot(const common::Options& options) {
  lab::WorkDir work("boot");
  const std::string format = options.get("--format", "geneve");
  const lab::Topology topology = gateway_topology(format);
  const std::string socket = work.path("net");
  lab::Process underlay({lab::Build::tool(), "switch", "--listen", "unix:" + socket},
                        work.path("switch.log"));
  lab::Process gateway(
      {lab::Build::tool(), "gateway", "--underlay", "unix:" + socket, "--policy",
       topology.write_policy("gateway", work.path("gateway.json")), "--vnic", "gateway"},
      work.path("gateway.log"));
  lab::GuestOptions machine = guest_options(options);
  machine.devices = lab::card_with_vnic(lab::stream_netdev("up0", socket),
                                        topology.write_policy("guest", work.path("guest.json")));
  const std::vector<std::string>& words = options.all("--");
  machine.devices.insert(machine.devices.end(), words.begin(), words.end());
  std::printf(
      "Booting Debian's %s kernel; its address comes by DHCP through the %s overlay.\n"
      "Leave with 'poweroff', or Ctrl-A X. Ctrl-A C switches to QEMU's monitor; 'info qtree' shows "
      "the card.\n",
      machine.kernel.c_str(), format.c_str());
  std::fflush(stdout);
  lab::Guest guest(work, machine);
  guest.wait_ready();
  const lab::CommandResult lease = guest.agent().run(
      "gh-wait carrier eth0 30000 && udhcpc -i eth0 -q -n -t 10 -T 1", seconds(60));
  if (lease.exit_status != 0) {
    gateway.require_running("the overlay's gateway");
    std::fprintf(stderr, "gatehouse boot: the guest got no address: %s\n", lease.output.c_str());
  }
  return guest.process().wait(hours(24 * 365));
}

}  // namespace

lab::Topology gateway_topology(const std::string& format) {
  lab::Topology topology;
  topology.underlay_mtu = 1650;
  // Some formats have no room for a VNI.
  const policy::Format* shipped = policy::shipped_format(format);
  const unsigned vni = shipped && !shipped->tenant ? 0 : 1;
  topology.tenants = {
      {.name = "lab", .vni = vni, .format = format, .broadcast_peer = "10.99.0.254"}};
  topology.hosts = {{.name = "guest",
                     .mac = "02:00:00:00:20:01",
                     .underlay = {"10.99.0.1/24"},
                     .endpoints = {{.vnic = "vnic0",
                                    .tenant = "lab",
                                    .mac = "52:54:00:12:34:56",
                                    .addresses = {"10.0.2.15"}}}},
                    {.name = "gateway",
                     .mac = "02:00:00:00:20:fe",
                     .underlay = {"10.99.0.254/24"},
                     .endpoints = {{.vnic = "gateway",
                                    .tenant = "lab",
                                    .mac = "52:55:0a:00:02:02",
                                    .addresses = {"10.0.2.2", "10.0.2.3"},
                                    .anti_spoof = false,
                                    .default_route = true}}}};
  return topology;
}

int run(const std::vector<std::string>& arguments) {
  const Result<common::Options> options = common::Options::parse(kOptions, arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "gatehouse boot: %s\n", options.status().message().c_str());
    return 1;
  }
  if (options.value().has("--help")) {
    std::fputs(common::usage("boot", kText, kOptions).c_str(), stdout);
    return 0;
  }
  try {
    return boot(options.value());
  } catch (const lab::Failure& failure) {
    std::fprintf(stderr, "gatehouse boot: %s\n", failure.what());
    return 1;
  }
}

}  // namespace gatehouse::boot
