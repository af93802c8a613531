// SPDX-License-Identifier: GPL-2.0-or-later
// The agent's parts on a pseudo terminal in place of the serial port.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-images/agent/base64.hh"
#include "guest-images/agent/jobs.hh"
#include "guest-images/agent/serial.hh"

namespace gatehouse::agent {
namespace {

constexpr int kLimitMs = 5000;

TEST(Base64, ComesBackForEveryLengthAndByte) {
  std::string bytes;
  for (int i = 0; i < 300; i++) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes) << i;
    bytes += static_cast<char>(i * 37);
  }
  // RFC 4648, section 10.
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_encode("foob"), "Zm9vYg==");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* text : {"A", "AAA", "AA=A", "A===", "AA A", "AA\n=", "===="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

class AgentTest : public testing::Test {
 protected:
  void SetUp() override {
    int terminal = -1;
    char name[64];
    ASSERT_EQ(openpty(&host_, &terminal, name, nullptr, nullptr), 0);
    ASSERT_TRUE(serial_.open(name));
    close(terminal);
  }
  void TearDown() override {
    close(host_);
    close(serial_.fd());
  }

  void host_says(const std::string& text) {
    ASSERT_EQ(write(host_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  // The next line that the agent's side reads, or "(none)".
  std::string agent_hears() {
    std::string line;
    while (!serial_.next_line(&line)) {
      pollfd ready{serial_.fd(), POLLIN, 0};
      if (poll(&ready, 1, kLimitMs) <= 0) return "(none)";
      serial_.receive();
    }
    return line;
  }

  // The next line that the agent's side sent.
  std::string host_hears() {
    size_t end;
    while ((end = heard_.find('\n')) == std::string::npos) {
      pollfd ready{host_, POLLIN, 0};
      char chunk[4096];
      if (poll(&ready, 1, kLimitMs) <= 0) return "(none)";
      const ssize_t got = read(host_, chunk, sizeof chunk);
      if (got <= 0) return "(closed)";
      heard_.append(chunk, static_cast<size_t>(got));
    }
    const std::string line = heard_.substr(0, end);
    heard_.erase(0, end + 1);
    return line;
  }

  // Waits for the one child there is and tells the jobs.
  void reap(Jobs& jobs) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, 0);
    std::string id;
    ASSERT_TRUE(jobs.ended(pid, status, &id));
  }

  int host_ = -1;
  Serial serial_;
  std::string heard_;
};

TEST_F(AgentTest, SerialYieldsWholeLinesWithoutCarriageReturns) {
  host_says("one\r\n\ntwo\nthr");
  EXPECT_EQ(agent_hears(), "one");
  EXPECT_EQ(agent_hears(), "");
  EXPECT_EQ(agent_hears(), "two");
  host_says("ee\n");
  EXPECT_EQ(agent_hears(), "three");
}

TEST_F(AgentTest, SerialPassesOverALineThatIsTooLong) {
  const std::string part(1000, 'x');
  for (size_t sent = 0; sent <= Serial::kMaxLine + part.size(); sent += part.size()) {
    host_says(part);
    serial_.receive();
    std::string line;
    ASSERT_FALSE(serial_.next_line(&line));
  }
  host_says("\nafter\n");
  EXPECT_EQ(agent_hears(), "after");
}

TEST_F(AgentTest, SerialNeitherEchoesNorTranslates) {
  host_says("HELLO\n");
  EXPECT_EQ(agent_hears(), "HELLO");
  serial_.send_line("answer");
  EXPECT_EQ(host_hears(), "answer");
}

TEST_F(AgentTest, AJobsOutputAndCodeComeBack) {
  Jobs jobs(serial_);
  jobs.run("a", "echo out; echo err >&2; exit 3");
  EXPECT_TRUE(host_hears().starts_with("BEGIN a "));
  reap(jobs);
  EXPECT_EQ(host_hears(), "OUT a " + base64_encode("out\nerr\n"));
  EXPECT_EQ(host_hears(), "END a 3");
}

TEST_F(AgentTest, AnIdIsInUseUntilItsEnd) {
  Jobs jobs(serial_);
  jobs.run("a", "exec sleep 1000");
  EXPECT_TRUE(host_hears().starts_with("BEGIN a "));
  jobs.run("a", "true");
  EXPECT_EQ(host_hears(), "ERR a id in use");
  EXPECT_TRUE(jobs.kill("a", SIGTERM));
  reap(jobs);
  EXPECT_EQ(host_hears(), "END a 143");
  EXPECT_FALSE(jobs.kill("a", SIGTERM));
  jobs.run("a", "true");
  EXPECT_TRUE(host_hears().starts_with("BEGIN a "));
  reap(jobs);
  EXPECT_EQ(host_hears(), "END a 0");
}

TEST_F(AgentTest, ALeftOverChildDoesNotHoldTheEndBack) {
  Jobs jobs(serial_);
  jobs.run("a", "sleep 1000 & echo $!");
  EXPECT_TRUE(host_hears().starts_with("BEGIN a "));
  reap(jobs);
  const std::string output = host_hears();
  ASSERT_TRUE(output.starts_with("OUT a ")) << output;
  EXPECT_EQ(host_hears(), "END a 0");
  std::vector<pollfd> polled;
  jobs.add_poll(&polled);
  EXPECT_EQ(polled.size(), 1u) << "its pipe is still read, so that it does not stop";
  const auto text = base64_decode(output.substr(6));
  ASSERT_TRUE(text);
  kill(static_cast<pid_t>(std::stol(*text)), SIGKILL);
}

}  // namespace
}  // namespace gatehouse::agent
