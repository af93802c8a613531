// SPDX-License-Identifier: GPL-2.0-or-later
// What tells of a program that has ended, what it inherits, and one run at a time.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "tools/common/descriptor.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"
#include "tools/lab/process.hh"
#include "tools/lab/qmp.hh"
#include "tools/lab/run_lock.hh"

namespace gatehouse::lab {
namespace {

using std::chrono::seconds;

std::string complaint_of(Process& process) {
  process.wait(seconds(20));
  try {
    process.require_running("it");
    return "";
  } catch (const Failure& failure) {
    return failure.what();
  }
}

TEST(Process, TellsTheEndOfItsLog) {
  const WorkDir work("lab");
  Process process({"sh", "-c", "echo bad luck; exit 3"}, work.path("log"));
  EXPECT_EQ(complaint_of(process), "it ended with status 3; its log ends with:\nbad luck\n");
}

TEST(Process, HasNoLogWithTheCallersTerminal) {
  Process process({"false"}, "/nowhere/log", /*terminal=*/true);
  EXPECT_EQ(complaint_of(process), "it ended with status 1");
}

TEST(Process, InheritsOnlyTheDescriptorsThatAreNamed) {
  const WorkDir work("lab");
  const common::Descriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string look = "test -e /proc/$$/fd/" + std::to_string(null.get());
  Process without({"sh", "-c", look}, work.path("log"));
  EXPECT_EQ(without.wait(seconds(20)), 1);
  Process with({"sh", "-c", look}, work.path("log"), /*terminal=*/false, {null.get()});
  EXPECT_EQ(with.wait(seconds(20)), 0);
}

TEST(Qmp, ConnectingEndsWithQemu) {
  const WorkDir work("lab");
  Process qemu({"sh", "-c", "echo no such device; exit 1"}, work.path("log"));
  Qmp qmp;
  const auto start = Deadline::Clock::now();
  EXPECT_THROW(qmp.connect(work.path("qmp"), seconds(60), [&] { qemu.require_running("QEMU"); }),
               Failure);
  EXPECT_LT(seconds_since(start), 30);
}

TEST(RunLock, IsHeldWhileItLives) {
  const std::string file = Build::directory() + "/logs/unit-test.lock";
  const std::vector<std::string> take = {"flock", "--nonblock", file, "true"};
  {
    const RunLock lock("unit-test");
    EXPECT_EQ(run_command(take).exit_status, 1);
  }
  EXPECT_EQ(run_command(take).exit_status, 0);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace gatehouse::lab
