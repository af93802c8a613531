// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/boot/boot.hh"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>

#include "hw/core/policy/shipped_formats.hh"
#include "tools/common/options.hh"
#include "tools/lab/apart.hh"
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

// Puts the terminal back as it was: QEMU does so itself, unless it is killed.
class TerminalKeeper {
 public:
  TerminalKeeper()
      : is_terminal_(tcgetattr(STDIN_FILENO, &before_) == 0),
        flags_(fcntl(STDIN_FILENO, F_GETFL)) {}
  ~TerminalKeeper() {
    // From the background it would stop this process.
    if (!is_terminal_ || tcgetpgrp(STDIN_FILENO) != getpgrp()) return;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    fcntl(STDIN_FILENO, F_SETFL, flags_);
  }
  TerminalKeeper(const TerminalKeeper&) = delete;
  TerminalKeeper& operator=(const TerminalKeeper&) = delete;

 private:
  termios before_{};
  bool is_terminal_;
  int flags_;
};

// A guest may be slow, or paused in the monitor. Throws lab::Failure when QEMU has ended.
void wait_ready(lab::Guest& guest) {
  for (bool said = false;; said = true) {
    try {
      return guest.wait_ready();
    } catch (const lab::Failure&) {
      if (!guest.process().running()) throw;
    }
    if (!said)
      std::fprintf(stderr, "gatehouse boot: the guest is not ready yet; it is waited for\n");
  }
}

void get_address(lab::Guest& guest, lab::Process& gateway) {
  const lab::CommandResult lease = guest.agent().run(
      "gh-wait carrier eth0 30000 && udhcpc -i eth0 -q -n -t 10 -T 1", seconds(60));
  if (lease.exit_status == 0) return;
  gateway.require_running("the overlay's gateway");
  throw lab::Failure("the guest got no address: " + lease.output);
}

// Until the guest is left, which may happen at any time.
int attend(lab::Guest& guest, lab::Process& gateway) {
  try {
    wait_ready(guest);
    get_address(guest, gateway);
  } catch (const lab::Failure& failure) {
    // Its sockets are closed before it has ended.
    if (guest.process().wait(seconds(2)) < 0)
      std::fprintf(stderr, "gatehouse boot: %s\n", failure.what());
  }
  const int status = guest.process().wait(hours(24 * 365));
  if (status != 0) std::fprintf(stderr, "gatehouse boot: QEMU ended with status %d\n", status);
  return status;
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
  return attend(guest, gateway);
}

int boot_or_say_why(const common::Options& options) {
  try {
    return boot(options);
  } catch (const lab::Failure& failure) {
    std::fprintf(stderr, "gatehouse boot: %s\n", failure.what());
    return 1;
  }
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
  const TerminalKeeper terminal;
  const lab::WorkDir work("run");
  return lab::run_apart(work, [&] { return boot_or_say_why(options.value()); });
}

}  // namespace gatehouse::boot
