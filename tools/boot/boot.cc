// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/boot/boot.hh"

#include <charconv>
#include <cstdio>

#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::boot {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct Options {
  lab::GuestOptions guest;
  std::string format = "geneve";
};

unsigned number_of(const std::string& option, const std::string& text, unsigned low,
                   unsigned high) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    throw lab::Failure(option + " takes a number from " + std::to_string(low) + " to " +
                       std::to_string(high) + ", not '" + text + "'");
  }
  return value;
}

Options read_options(const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    if (option == "--") {
      options.guest.devices.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                   arguments.end());
      break;
    }
    const std::string value = i + 1 < arguments.size() ? arguments[++i] : "";
    if (option == "--kernel" && (value == "6.1" || value == "6.12")) {
      options.guest.kernel = value;
    } else if (option == "--vcpus") {
      options.guest.vcpus = number_of(option, value, 1, 8);
    } else if (option == "--memory") {
      options.guest.memory_mib = number_of(option, value, 256, 65536);
    } else if (option == "--format" && (value == "geneve" || value == "vxlan")) {
      options.format = value;
    } else {
      throw lab::Failure(
          "'" + option + (value.empty() ? "" : " " + value) +
          "' is not understood; options are --kernel 6.1|6.12, --vcpus N, --memory MIB, "
          "--format geneve|vxlan, and -- before QEMU's own");
    }
  }
  return options;
}

int boot(Options options) {
  lab::WorkDir work("boot");
  const lab::Topology topology = gateway_topology(options.format);
  const std::string socket = work.path("net");
  lab::Process underlay({lab::Build::tool(), "switch", "--listen", "unix:" + socket},
                        work.path("switch.log"));
  lab::Process gateway(
      {lab::Build::tool(), "gateway", "--underlay", "unix:" + socket, "--policy",
       topology.write_policy("gateway", work.path("gateway.json")), "--vnic", "gateway"},
      work.path("gateway.log"));
  std::vector<std::string> devices = lab::card_with_vnic(
      lab::stream_netdev("up0", socket), topology.write_policy("guest", work.path("guest.json")));
  devices.insert(devices.end(), options.guest.devices.begin(), options.guest.devices.end());
  options.guest.devices = std::move(devices);
  options.guest.interactive = true;
  options.guest.append += " gh.shell gh.poweroff gh.hostname=gatehouse-guest";
  std::printf(
      "Booting Debian's %s kernel; its address comes by DHCP through the %s overlay.\n"
      "Leave with 'poweroff', or Ctrl-A X. Ctrl-A C switches to QEMU's monitor; 'info qtree' shows "
      "the card.\n",
      options.guest.kernel.c_str(), options.format.c_str());
  std::fflush(stdout);
  lab::Guest guest(work, options.guest);
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
  topology.tenants = {{.name = "lab", .vni = 1, .format = format, .broadcast_peer = "10.99.0.254"}};
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
  try {
    return boot(read_options(arguments));
  } catch (const lab::Failure& failure) {
    std::fprintf(stderr, "gatehouse boot: %s\n", failure.what());
    return 1;
  }
}

}  // namespace gatehouse::boot
