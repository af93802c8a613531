// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/apart.hh"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

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
