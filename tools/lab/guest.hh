// SPDX-License-Identifier: GPL-2.0-or-later
// One QEMU with one guest, usually on a card of its own.
#ifndef GATEHOUSE_TOOLS_LAB_GUEST_HH_
#define GATEHOUSE_TOOLS_LAB_GUEST_HH_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tools/lab/agent.hh"
#include "tools/lab/process.hh"
#include "tools/lab/qmp.hh"

namespace gatehouse::lab {

// Where the build put things; found from the running program's own path, or $GATEHOUSE_BUILD.
struct Build {
  static std::string root();       // the checkout
  static std::string directory();  // build/
  static std::string qemu();       // qemu-system-x86_64
  static std::string qemu_img();
  static std::string tool();                             // gatehouse-tool
  static std::string firmware(const std::string& name);  // an image for a partition
  static std::string plugin(const std::string& file);    // a TCG plugin
  static std::string guest_image(const std::string& kernel, const std::string& leaf);
  static std::string guest_images(const std::string& leaf);
  // Options that let QEMU find its firmware and option ROMs.
  static std::vector<std::string> firmware_path();
};

struct GuestOptions {
  std::string name = "guest";
  std::string kernel = "6.1";  // which of guest-images; empty: no -kernel, whatever `extra` boots
  std::string cpu = "max,-erms,-fsrm";
  unsigned vcpus = 1;
  unsigned memory_mib = 512;
  std::vector<std::string>
      devices;  // everything with which the scenario composes its machine, as QEMU's own words
  std::string append;   // more of the kernel's command line
  std::string overlay;  // a second cpio, appended to the image's
  std::string accelerator = "tcg,thread=multi";
  bool paused = false;
  bool interactive = false;  // console and monitor on the caller's terminal
  std::string incoming;      // URI; the guest waits for a migration
};

class Guest {
 public:
  // Starts QEMU and waits for its QMP. Logs, consoles and sockets are in `work`. QEMU inherits the
  // descriptors that its words name ("...,fd=3").
  Guest(const WorkDir& work, GuestOptions options);

  // Waits until the guest's agent answers. Throws Failure: when QEMU has ended, with what it said.
  void wait_ready(std::chrono::milliseconds limit = std::chrono::seconds(120));

  Qmp& qmp() { return qmp_; }
  Agent& agent() { return agent_; }
  Process& process() { return *process_; }
  const std::string& name() const { return options_.name; }
  std::string console() const;  // what the guest wrote on its first serial port
  double seconds_to_ready() const { return seconds_to_ready_; }

 private:
  // Throws Failure with what QEMU said when it has ended, or ends so soon.
  void require_qemu(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

  GuestOptions options_;
  std::string base_;
  std::unique_ptr<Process> process_;
  Qmp qmp_;
  Agent agent_;
  Deadline::Clock::time_point started_;
  double seconds_to_ready_ = 0;
};

// The words that make a card with one uplink, on a netdev whose id is "up0", and one vnic on a
// guest's command line.
std::vector<std::string> card_with_vnic(const std::string& uplink_netdev,
                                        const std::string& policy_path,
                                        const std::string& vnic_options = "");

// `-netdev stream` to the underlay switch's socket; it connects again and again, so that the switch
// may come later.
std::string stream_netdev(const std::string& id, const std::string& socket_path);

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_GUEST_HH_
