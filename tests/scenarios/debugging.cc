// SPDX-License-Identifier: GPL-2.0-or-later
// The session of docs/debugging.md: gdb on a guest and on the firmware that intercepts its NIC.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <sstream>

#include "tests/scenarios/intercepted.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;

constexpr const char* kPrompt = "(gdb) ";

// What the page's reader types, in gdb's words.
std::vector<std::string> commands_of(const std::string& page) {
  std::vector<std::string> commands;
  std::istringstream lines(lab::read_file(page));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(kPrompt)) commands.push_back(line.substr(std::strlen(kPrompt)));
  return commands;
}

TEST(Debugging, GuestAndInterceptorInOneSession) {
  lab::WorkDir work("debugging");
  // The page's session is in one folder: the socket and the image.
  std::filesystem::copy(lab::Build::firmware("interceptor"), work.path("interceptor.elf"));
  lab::GuestOptions options;
  options.memory_mib = 384;
  options.devices = interceptor("nic0", work.path("partition"), ",arguments=start");
  options.devices.insert(
      options.devices.end(),
      {"-netdev", "user,id=n0,restrict=on", "-device", "e1000e,id=nic0,netdev=n0,romfile=", "-gdb",
       "unix:" + work.path("gdb.sock") + ",server=on,wait=off"});
  options.append = "gh.ip=10.0.2.15/24";
  lab::Guest guest(work, options);
  guest.wait_ready();
  wait_for_carrier(guest);
  const lab::Agent::Job pings = guest.agent().start("exec ping -i 0.1 10.0.2.2");
  guest.agent().expect(pings, "bytes from", seconds(30));

  std::vector<std::string> gdb = {"gdb", "-nx", "-q", "-batch", "-cd", work.path()};
  const std::vector<std::string> commands = commands_of(lab::Build::root() + "/docs/debugging.md");
  ASSERT_GT(commands.size(), 10u);
  for (const std::string& command : commands) gdb.insert(gdb.end(), {"-ex", command});
  const std::string transcript = lab::check_command(gdb, seconds(60));

  // In this order.
  size_t at = 0;
  for (const char* text :
       {"Thread 1.1 (max-x86_64-cpu",  // the guest comes first
        "process 2", "Thread 2.2 (gatehouse-core-x86_64-cpu core[0]", "hit Breakpoint 1",
        "follow_transmit (queue=0", "Interceptor<gatehouse::hal::MmioBus>::poll",
        "in gatehouse::hal::start_core", "0x8000", "$2 = ", "Thread 1.1",
        "Inferior 1 (process 1) detached", "Inferior 2 (process 2) detached"}) {
    const size_t found = transcript.find(text, at);
    ASSERT_NE(found, std::string::npos) << text << " is not in\n" << transcript;
    at = found;
  }
  // Nobody is left behind: the guest's frames go on through the partition.
  guest.agent().kill(pings);
  const lab::CommandResult after = guest.agent().run("ping -q -i 0.05 -w 60 -c 10 10.0.2.2");
  expect_no_loss(after);
  EXPECT_EQ(request(guest, partition::Request::kReport), partition::Answer::kDone);
  EXPECT_NE(lab::read_file(work.path("partition")).find("interceptor: started"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::scenarios
