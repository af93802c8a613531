// SPDX-License-Identifier: GPL-2.0-or-later
// What `./gatehouse` says to arguments before it builds anything, and that the programs agree.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hw/core/policy/reader.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tools/boot/boot.hh"
#include "tools/lab/guest.hh"
#include "tools/lab/process.hh"

namespace gatehouse {
namespace {

// Not ./gatehouse itself: where the check fails to refuse, that would begin to build.
lab::CommandResult check_arguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {
      "bash", "-c",
      "set -Eeuo pipefail; root=$0; usage() { echo '  boot  a guest'; }; "
      "for part in console arguments; do source \"$root/tools/setup/$part.bash\"; done; "
      "check_arguments \"$@\"; echo accepted",
      lab::Build::root()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return lab::run_command(command);
}

TEST(Arguments, AcceptsWhatTheProgramsTake) {
  const std::vector<std::string> kCases[] = {
      {"boot"},
      {"boot", "--kernel", "6.12", "--vcpus=8", "--format", "vxlan", "--memory", "256"},
      {"boot", "--", "--help", "-device", "x"},
      {"bench", "net"},
      {"bench", "core", "--pairs", "100", "--rows", "a,b", "--json=f"},
      {"fuzz"},
      {"fuzz", "parse", "pipeline", "--seconds=5"},
      {"fuzz", "--seconds", "5", "parse"},
      {"policy", "/dev/null", "/dev/null"},
      {"test"},
      {"test", "unit", "peers"},
      {"test", "Arguments"},
      {"test", "Arguments.Accepts*:*HelpLists?veryRow-Options.*"},
      {"test", "Formats/GatewayTest.*/1"},
      {"test", "inclusive_end"},
      {"demo"},
      {"docs"},
      {"docs", "--check"},
      {"docs", "registers"},
      {"docs", "policy", "f"},
      {"build"},
      {"build", "core"},
  };
  for (const auto& arguments : kCases) {
    EXPECT_EQ(check_arguments(arguments).output, "accepted\n") << testing::PrintToString(arguments);
  }
}

TEST(Arguments, BootTakesEachFormatThatIsShippedAndNoOther) {
  std::string all;
  for (const policy::Format& format : policy::shipped_formats()) {
    all += (all.empty() ? "" : "|") + format.name;
    EXPECT_EQ(check_arguments({"boot", "--format", format.name}).output, "accepted\n");
    const std::string guest = boot::gateway_topology(format.name).policy_of("guest").dump();
    const Result<policy::Policy> policy = policy::read_policy(guest, "guest.json");
    EXPECT_TRUE(policy.ok()) << policy.status().message();
  }
  EXPECT_NE(check_arguments({"boot", "--format", "quay"}).output.find("takes " + all + ","),
            std::string::npos);
}

TEST(Arguments, RefusesWithOneLineThatNamesTheFix) {
  const struct {
    std::vector<std::string> arguments;
    const char* says;
  } kCases[] = {
      {{"boot", "--kernl", "6.1"}, "boot has no option '--kernl'. Fix: use --kernel 6.1|6.12, "},
      {{"boot", "@"}, "boot has no option '@'. Fix: use --kernel "},
      {{"boot", "--kernel", "6.3"}, "--kernel takes 6.1|6.12, not '6.3'\n"},
      {{"boot", "--kernel", "6.1|6.12"}, "--kernel takes 6.1|6.12, not '6.1|6.12'\n"},
      {{"boot", "--vcpus=9"}, "--vcpus takes 1..8, not '9'\n"},
      {{"boot", "--memory"}, "--memory takes 256..65536, not ''\n"},
      {{"boot", "--vcpus", "1", "--vcpus", "1"}, "--vcpus stands twice. Fix: remove one\n"},
      {{"bench"}, "bench takes one of net, ally, loss, core. Fix: ./gatehouse bench --help\n"},
      {{"bench", "nett"}, "bench takes one of net, ally, loss, core, not 'nett'. Fix: "},
      {{"bench", "net", "core"}, "bench has no option 'core'. Fix: use --json FILE, "},
      {{"fuzz", "parser"}, "no fuzz target is called 'parser'. Fix: use parse tunnel "},
      {{"fuzz", "parse", "--seconds", "0"}, "--seconds takes 1..86400, not '0'\n"},
      {{"fuzz", "--seconds", "5", "parser"}, "no fuzz target is called 'parser'. Fix: use parse "},
      {{"fuzz", "parse", "--seconds"}, "--seconds takes 1..86400, not ''\n"},
      {{"fuzz", "--second", "parse"}, "fuzz has no option '--second'. Fix: use --seconds "},
      {{"policy"}, "policy takes the names of files. Fix: ./gatehouse policy policy.json\n"},
      {{"policy", "no/such.json"}, "there is no file 'no/such.json'. Fix: name a policy file, "},
      {{"test", "unit", "peer5"}, "no test is called 'peer5'. Fix: use a group (unit, "},
      {{"test", "Arguments.Nope"}, "no test is called 'Arguments.Nope'. Fix: "},
      {{"test", "--json"}, "no test is called '--json'. Fix: "},
      {{"docs", "nopage"}, "docs has no page 'nopage'. Fix: use one of: registers policy "},
      {{"docs", "--check", "x"}, "docs --check takes nothing else, not 'x'\n"},
      {{"docs", "policy", "f", "g"}, "docs takes a page and a file, not 'policy f g'\n"},
      {{"build", "cores"}, "build knows 'core' and nothing else, not 'cores'. Fix: "},
      {{"build", "core", "x"}, "build takes one word, not 'core x'. Fix: ./gatehouse build core\n"},
      {{"demo", "--keep"}, "demo takes no arguments, not '--keep'\n"},
  };
  for (const auto& row : kCases) {
    const lab::CommandResult result = check_arguments(row.arguments);
    EXPECT_EQ(result.exit_status, 1) << result.output;
    EXPECT_EQ(result.output.find(std::string("gatehouse: ") + row.says), 0u) << result.output;
    EXPECT_EQ(result.output.find('\n'), result.output.size() - 1) << result.output;
  }
}

TEST(Arguments, BenchesRefuseBeforeTheyMeasure) {
  const auto refuses = [](const std::vector<std::string>& arguments, const std::string& says) {
    std::vector<std::string> command = {lab::Build::tool(), "bench"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const lab::CommandResult result = lab::run_command(command, std::chrono::seconds(10));
    EXPECT_EQ(result.exit_status, 1) << result.output;
    EXPECT_EQ(result.output, "gatehouse bench " + arguments[0] + ": " + says + "\n");
  };
  for (const char* bench : {"net", "ally", "loss", "core"})
    refuses({bench, "--rows", "e,quay"}, "--rows: no row has 'quay' in its name");
  for (const char* bench : {"net", "ally", "core"})
    refuses({bench, "--directory", "d"}, "--directory is for bench loss alone");
  refuses({"loss", "--json", "f"},
          "--json is for the other benches; --directory DIR writes loss.csv");
}

TEST(Arguments, HelpListsTheRowsThatTheProgramWasCompiledFrom) {
  const lab::CommandResult help = check_arguments({"boot", "--vcpus", "--help"});
  EXPECT_EQ(help.exit_status, 0);
  EXPECT_EQ(help.output.find("./gatehouse boot  a guest\n  --kernel 6.1|6.12 "), 0u) << help.output;
  testing::internal::CaptureStdout();
  EXPECT_EQ(boot::run({"--help"}), 0);
  EXPECT_TRUE(
      testing::internal::GetCapturedStdout().ends_with(help.output.substr(help.output.find('\n'))))
      << help.output;
  EXPECT_EQ(boot::run({"--kernl", "6.1"}), 1);
}

}  // namespace
}  // namespace gatehouse
