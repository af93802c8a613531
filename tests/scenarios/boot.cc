// SPDX-License-Identifier: GPL-2.0-or-later
// `./gatehouse boot` as a person has it: a terminal, a prompt, the world outside.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "tests/scenarios/pair.hh"
#include "tools/lab/deadline.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;

// A web server of one page on the host's loopback, for one visitor.
class Outside {
 public:
  Outside() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 1);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    server_ = std::thread([this] { serve(); });
  }
  ~Outside() {
    shutdown(listener_, SHUT_RDWR);  // ends accept()
    server_.join();
    close(listener_);
  }
  unsigned port() const { return port_; }

 private:
  void serve() {
    const int visitor = accept(listener_, nullptr, nullptr);
    if (visitor < 0) return;
    char request[512];
    static_cast<void>(recv(visitor, request, sizeof request, 0));
    const std::string page = "HTTP/1.0 200 OK\r\n\r\npage-of-the-host\n";
    static_cast<void>(send(visitor, page.data(), page.size(), MSG_NOSIGNAL));
    close(visitor);
  }
  int listener_;
  unsigned port_ = 0;
  std::thread server_;
};

// The command on a terminal of its own.
class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& command) {
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    pid_ = forkpty(&master_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      execv(words[0], words.data());
      _exit(127);
    }
  }
  ~Terminal() {
    if (pid_ > 0) {
      kill(pid_, SIGTERM);
      waitpid(pid_, nullptr, 0);
    }
    close(master_);
  }

  void type(const std::string& line) {
    const std::string keys = line + "\n";
    ASSERT_EQ(write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // Reads on until `text` has been printed behind what was waited for before.
  bool shows(const std::string& text, std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    for (;;) {
      const size_t found = screen_.find(text, seen_);
      if (found != std::string::npos) {
        seen_ = found + text.size();
        return true;
      }
      if (deadline.expired() || !read_some()) return false;
    }
  }
  // The command's exit status once it has ended; -1: it has not.
  int end(std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (deadline.expired()) return -1;
      read_some();
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& screen() const { return screen_; }

 private:
  bool read_some() {
    pollfd waiting{master_, POLLIN, 0};
    if (poll(&waiting, 1, 100) == 0) return true;
    char text[4096];
    const ssize_t got = read(master_, text, sizeof text);
    if (got > 0) screen_.append(text, static_cast<size_t>(got));
    return got > 0;
  }
  pid_t pid_ = -1;
  int master_ = -1;
  std::string screen_;
  size_t seen_ = 0;
};

struct BootCase {
  const char* kernel;
  const char* format;
};

class Boot : public testing::TestWithParam<BootCase> {};

TEST_P(Boot, PromptOutsideWorldAndPowerOff) {
  Outside outside;
  Terminal terminal({lab::Build::tool(), "boot", "--kernel", GetParam().kernel, "--format",
                     GetParam().format, "--", "-device", "qemu-xhci"});
  ASSERT_TRUE(terminal.shows("gatehouse-guest:~# ", seconds(120))) << terminal.screen();
  terminal.type("uname -r; echo usb:$(lspci -n | grep -c 0c03)");  // the device asked for
  EXPECT_TRUE(terminal.shows(std::string("\n") + GetParam().kernel + ".", seconds(20)));
  EXPECT_TRUE(terminal.shows("usb:1", seconds(20))) << terminal.screen();
  terminal.type(
      "until ip -4 addr show eth0 | grep -q 10.0.2.15; do gh-wait carrier eth0 1000; done");
  terminal.type("wget -qO- http://10.0.2.2:" + std::to_string(outside.port()) + "/");
  EXPECT_TRUE(terminal.shows("page-of-the-host", seconds(60))) << terminal.screen();
  terminal.type("poweroff");
  EXPECT_EQ(terminal.end(seconds(60)), 0) << terminal.screen();
}

INSTANTIATE_TEST_SUITE_P(Kernels, Boot,
                         testing::Values(BootCase{"6.1", "geneve"}, BootCase{"6.12", "vxlan"}),
                         [](const auto& row) { return std::string(row.param.format); });

}  // namespace
}  // namespace gatehouse::scenarios
