// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/apart.hh"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "tools/lab/netns.hh"

namespace gatehouse::lab {
namespace {

namespace fs = std::filesystem;

TEST(RunApart, AnswersTheStatusAndKeepsDirectoriesTogether) {
  const WorkDir directory("apart");
  const auto work = [&] {
    const WorkDir inner("inner");
    return inner.path().starts_with(directory.path() + "/") ? 7 : 8;
  };
  EXPECT_EQ(run_apart(directory, work), 7);
  EXPECT_FALSE(std::string(getenv("GATEHOUSE_RUN") ? getenv("GATEHOUSE_RUN") : "")
                   .starts_with(directory.path()));
}

TEST(RunApart, EndsTheWorkAndItsChildrenBySignal) {
  const WorkDir directory("apart");
  const pid_t parent = getpid();
  const std::string pids = directory.path("child");
  const auto work = [&] {
    const Process child({"sleep", "600"}, directory.path("log"));
    write_file(pids, std::to_string(child.pid()));
    kill(parent, SIGTERM);  // which is what run_apart() waits for
    pause();
    return 0;
  };
  EXPECT_EQ(run_apart(directory, work), 128 + SIGTERM);
  // What has ended has no words any more, even while nobody has reaped it.
  const std::string words = "/proc/" + read_file(pids) + "/cmdline";
  for (int i = 0; i < 1000 && !read_file(words).empty(); ++i) usleep(10'000);
  EXPECT_EQ(read_file(words), "");
}

TEST(RunApart, EndsWhatChildrenLeaveBehind) {
  const WorkDir directory("apart");
  const pid_t parent = getpid();
  const std::string pids = directory.path("grandchild");
  const auto work = [&] {
    // The shell ends with the work; nothing of its own ends what it has started.
    const Process child({"sh", "-c", "sleep 600 & echo $! >" + pids + "; wait"},
                        directory.path("log"));
    while (read_file(pids).find('\n') == std::string::npos) usleep(1000);
    kill(parent, SIGTERM);
    pause();
    return 0;
  };
  EXPECT_EQ(run_apart(directory, work), 128 + SIGTERM);
  EXPECT_EQ(kill(std::stoi(read_file(pids)), 0), -1);
}

TEST(RunApart, EndsWhatWorkThatHasEndedLeavesBehind) {
  const WorkDir directory("apart");
  const auto work = [&] {
    write_file(directory.path("pid"), check_command({"sh", "-c", "sleep 600 >&- 2>&- & echo $!"}));
    return 5;
  };
  EXPECT_EQ(run_apart(directory, work), 5);
  EXPECT_EQ(kill(std::stoi(read_file(directory.path("pid"))), 0), -1);
}

TEST(RunApart, AnExceptionOfTheWorkIsAFailure) {
  const WorkDir directory("apart");
  EXPECT_EQ(run_apart(directory, []() -> int { throw std::runtime_error("no luck"); }), 1);
}

TEST(RunApart, RemovesNamespacesOfWorkThatEndedBadly) {
  if (std::string why; !Netns::available(&why)) GTEST_SKIP() << why;
  const WorkDir directory("apart");
  const std::string name = directory.path("name");
  const auto work = [&] {
    const Netns net("apart");
    write_file(name, net.name());
    return raise(SIGKILL);
  };
  EXPECT_EQ(run_apart(directory, work), 128 + SIGKILL);
  ASSERT_FALSE(read_file(name).empty());
  EXPECT_FALSE(fs::exists("/run/netns/" + read_file(name)));
}

}  // namespace
}  // namespace gatehouse::lab
