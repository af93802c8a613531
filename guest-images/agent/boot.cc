// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/boot.hh"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace gatehouse::agent {
namespace {

void mount_one(const char* type, const char* where, const char* options = nullptr) {
  mkdir(where, 0755);
  mount(type, where, type, 0, options);
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool run(std::vector<std::string> words) {
  const pid_t pid = fork();
  if (pid == 0) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

void set_up(int control, const std::string& interface) {
  ifreq request{};
  strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0) return;
  request.ifr_flags |= IFF_UP;
  ioctl(control, SIOCSIFFLAGS, &request);
}

// Physical interfaces only (they have a device behind them), besides lo: tunnels come up by hand.
void bring_up_interfaces(bool all) {
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  set_up(control, "lo");
  DIR* folder = all ? opendir("/sys/class/net") : nullptr;
  while (const dirent* entry = folder != nullptr ? readdir(folder) : nullptr) {
    const std::string name = entry->d_name;
    if (access(("/sys/class/net/" + name + "/device").c_str(), F_OK) == 0) set_up(control, name);
  }
  if (folder != nullptr) closedir(folder);
  close(control);
}

void configure_network(const Settings& settings) {
  std::vector<std::string> modules = split(settings.modules, ",");
  if (!modules.empty()) {
    modules.insert(modules.begin(), {"modprobe", "-a"});
    run(modules);
  }
  bring_up_interfaces(settings.up);
  for (const std::string& address : split(settings.address, ",")) {
    std::vector<std::string> words = {"ip", "address", "add", address, "dev", "eth0"};
    // Duplicate address detection would keep an IPv6 address unusable for a second or more.
    if (address.find(':') != std::string::npos) words.emplace_back("nodad");
    run(words);
  }
  for (const std::string& gateway : split(settings.gateway, ",")) {
    run({"ip", "route", "add", "default", "via", gateway});
  }
}

void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void mount_file_systems() {
  mount_one("proc", "/proc");
  mount_one("sysfs", "/sys");
  mount_one("devtmpfs", "/dev");
  mount_one("devpts", "/dev/pts");
  mount_one("tmpfs", "/dev/shm");
  mount_one("tmpfs", "/run");
  mkdir("/run/netns", 0755);
  mount_one("tmpfs", "/tmp");
  mount_one("debugfs", "/sys/kernel/debug");
  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  setenv("HOME", "/root", 1);
  setenv("TERM", "linux", 0);
}

Settings read_settings() {
  Settings settings;
  char text[4096];
  const int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  const ssize_t got = file < 0 ? -1 : read(file, text, sizeof text);
  if (file >= 0) close(file);
  if (got <= 0) return settings;
  for (const std::string& word : split(std::string_view(text, static_cast<size_t>(got)), " \n")) {
    const size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, equals);
    const std::string value = equals < word.size() ? word.substr(equals + 1) : "";
    if (name == "gh.modules") settings.modules = value;
    if (name == "gh.hostname") settings.hostname = value;
    if (name == "gh.ip") settings.address = value;
    if (name == "gh.gateway") settings.gateway = value;
    if (name == "gh.up") settings.up = value != "0";
    if (name == "gh.shell") settings.shell = true;
    if (name == "gh.poweroff") settings.poweroff = true;
  }
  sethostname(settings.hostname.data(), settings.hostname.size());
  return settings;
}

pid_t start_network(const Settings& settings) {
  const pid_t pid = fork();
  if (pid == 0) {
    unblock_signals();
    configure_network(settings);
    _exit(0);
  }
  return pid;
}

pid_t start_shell() {
  const pid_t pid = fork();
  if (pid == 0) {
    unblock_signals();
    setsid();
    const int console = open("/dev/ttyS0", O_RDWR);
    ioctl(console, TIOCSCTTY, 1);
    for (int fd = 0; fd < 3; fd++) dup2(console, fd);
    if (console > 2) close(console);
    if (chdir("/root") != 0) _exit(126);
    execl("/bin/bash", "-bash", nullptr);
    _exit(127);
  }
  return pid;
}

}  // namespace gatehouse::agent
