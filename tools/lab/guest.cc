// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/guest.hh"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "tools/lab/failure.hh"

namespace gatehouse::lab {
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kEnding(1);  // from the end of QEMU's sockets to its own

std::vector<int> descriptors_in(const std::vector<std::string>& words) {
  constexpr std::string_view kName = ",fd=";
  std::vector<int> found;
  for (const std::string& word : words) {
    for (size_t at = word.find(kName); at != std::string::npos; at = word.find(kName, at + 1))
      found.push_back(std::atoi(word.c_str() + at + kName.size()));
  }
  return found;
}

}  // namespace

std::string Build::directory() {
  static const std::string found = [] {
    if (const char* given = getenv("GATEHOUSE_BUILD")) return fs::absolute(given).string();
    for (fs::path at = fs::read_symlink("/proc/self/exe").parent_path(); at.has_relative_path();
         at = at.parent_path()) {
      if (fs::exists(at / "gatehouse") && fs::exists(at / "hw/spec"))
        return (at / "build").string();
    }
    throw Failure("cannot find the checkout from this program's path; set GATEHOUSE_BUILD");
  }();
  return found;
}

std::string Build::root() { return fs::path(directory()).parent_path().string(); }
std::string Build::qemu() { return directory() + "/qemu/qemu-system-x86_64"; }
std::string Build::qemu_img() { return directory() + "/qemu/qemu-img"; }
std::string Build::firmware(const std::string& name) {
  return directory() + "/core/firmware/" + name + ".elf";
}
std::string Build::plugin(const std::string& file) {
  return directory() + "/qemu/gatehouse/hw/qemu/" + file;
}
std::string Build::tool() { return directory() + "/core/tools/gatehouse-tool"; }

std::string Build::guest_images(const std::string& leaf) {
  return directory() + "/guest-images/" + leaf;
}

std::string Build::guest_image(const std::string& kernel, const std::string& leaf) {
  const std::string path = guest_images("linux-" + kernel + "/" + leaf);
  if (!fs::exists(path)) throw Failure("no guest image at " + path + "; run './gatehouse setup'");
  return path;
}

std::vector<std::string> Build::firmware_path() { return {"-L", guest_images("roms")}; }

Guest::Guest(const WorkDir& work, GuestOptions options)
    : options_(std::move(options)), base_(work.path(options_.name)) {
  started_ = Deadline::Clock::now();
  if (!fs::exists(Build::qemu())) {
    throw Failure("no QEMU at " + Build::qemu() + "; run './gatehouse build'");
  }
  std::vector<std::string> command = {Build::qemu(),
                                      "-name",
                                      options_.name,
                                      "-M",
                                      "q35",
                                      "-accel",
                                      options_.accelerator,
                                      "-cpu",
                                      options_.cpu,
                                      "-smp",
                                      std::to_string(options_.vcpus),
                                      "-m",
                                      std::to_string(options_.memory_mib),
                                      "-nodefaults",
                                      "-no-user-config",
                                      "-display",
                                      "none",
                                      "-vga",
                                      "none",
                                      "-qmp",
                                      "unix:" + base_ + ".qmp,server=on,wait=off",
                                      "-chardev",
                                      options_.interactive
                                          ? "stdio,id=console,mux=on,signal=off"
                                          : "file,id=console,path=" + base_ + ".console",
                                      "-serial",
                                      "chardev:console",
                                      "-chardev",
                                      "socket,id=agent,path=" + base_ + ".agent,server=on,wait=off",
                                      "-serial",
                                      "chardev:agent"};
  const std::vector<std::string> firmware = Build::firmware_path();
  command.insert(command.end(), firmware.begin(), firmware.end());
  if (!options_.kernel.empty()) {
    std::string initrd = Build::guest_image(options_.kernel, "initramfs.cpio");
    if (!options_.overlay.empty()) {
      // The kernel unpacks one archive after the other; QEMU takes one file.
      write_file(base_ + ".cpio", read_file(initrd) + read_file(options_.overlay));
      initrd = base_ + ".cpio";
    }
    const std::vector<std::string> boot = {
        "-kernel", Build::guest_image(options_.kernel, "vmlinux"),   "-initrd", initrd,
        "-append", "console=ttyS0 quiet panic=-1 " + options_.append};
    command.insert(command.end(), boot.begin(), boot.end());
  }
  if (options_.interactive) command.insert(command.end(), {"-mon", "chardev=console"});
  if (options_.paused) command.push_back("-S");
  if (!options_.incoming.empty()) {
    command.insert(command.end(), {"-incoming", options_.incoming});
  }
  command.insert(command.end(), options_.devices.begin(), options_.devices.end());
  process_ = std::make_unique<Process>(command, base_ + ".log", options_.interactive,
                                       descriptors_in(options_.devices));
  try {
    qmp_.connect(base_ + ".qmp", std::chrono::seconds(30), [this] { require_qemu(); });
  } catch (const Failure&) {
    require_qemu(kEnding);
    throw;
  }
}

void Guest::require_qemu(std::chrono::milliseconds grace) {
  process_->wait(grace);
  process_->require_running("QEMU of " + options_.name);
}

void Guest::wait_ready(std::chrono::milliseconds limit) {
  try {
    agent_.connect(base_ + ".agent", limit, [this] { require_qemu(); });
  } catch (const Failure&) {
    require_qemu(kEnding);
    throw;
  }
  seconds_to_ready_ = seconds_since(started_);
}

std::string Guest::console() const { return read_file(base_ + ".console"); }

std::vector<std::string> card_with_vnic(const std::string& uplink_netdev,
                                        const std::string& policy_path,
                                        const std::string& vnic_options) {
  return {"-netdev",
          uplink_netdev,
          "-device",
          "gatehouse-card,id=card0,uplink0=up0,policy=" + policy_path,
          "-device",
          "gatehouse-vnic,id=vnic0,card=card0,romfile=" +
              (vnic_options.empty() ? "" : "," + vnic_options)};
}

std::string stream_netdev(const std::string& id, const std::string& socket_path) {
  return "stream,id=" + id + ",server=off,addr.type=unix,addr.path=" + socket_path +
         ",reconnect-ms=200";
}

}  // namespace gatehouse::lab
