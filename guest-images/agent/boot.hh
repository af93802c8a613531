// SPDX-License-Identifier: GPL-2.0-or-later
// What /init does before it serves the host: file systems, settings from the kernel command line,
// network drivers.
#ifndef GUEST_IMAGES_AGENT_BOOT_HH_
#define GUEST_IMAGES_AGENT_BOOT_HH_

#include <sys/types.h>

#include <string>

namespace gatehouse::agent {

// The words `gh.*` of the kernel command line; README.md describes them.
struct Settings {
  std::string modules = "e1000e";  // comma separated
  std::string hostname = "guest";
  std::string address;  // gh.ip=ADDRESS/PREFIX[,...] for eth0
  std::string gateway;
  bool up = true;  // bring every interface up as soon as its driver has made it
  bool shell = false;
  bool poweroff = false;  // when /job has ended
};

void mount_file_systems();
Settings read_settings();

// In a child: loads the modules, then brings the interfaces up, so that the 82574L negotiates its
// link while everything else goes on. Returns the child's pid.
pid_t start_network(const Settings& settings);

// An interactive login shell on /dev/ttyS0; the caller starts it again when it ends.
pid_t start_shell();

}  // namespace gatehouse::agent

#endif  // GUEST_IMAGES_AGENT_BOOT_HH_
