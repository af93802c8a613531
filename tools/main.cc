// SPDX-License-Identifier: GPL-2.0-or-later
// The binary `gatehouse-tool`: one table of subcommands. `./gatehouse` at the root is what people
// call; it calls this.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/ally.hh"
#include "tools/bench/core.hh"
#include "tools/bench/loss.hh"
#include "tools/bench/net.hh"
#include "tools/bench/options.hh"
#include "tools/boot/boot.hh"
#include "tools/demo/demo.hh"
#include "tools/docs/docs.hh"
#include "tools/gateway/gateway.hh"
#include "tools/policy/check.hh"
#include "tools/switch/switch.hh"
#include "tools/test/test.hh"

namespace {

struct Command {
  const char* name;
  int (*run)(const std::vector<std::string>& arguments);  // returns the exit status
  const char* help;
};

constexpr Command kBenches[] = {
#include "tools/bench/names.inc"
};

int bench(const std::vector<std::string>& arguments) {
  const bool asked = std::find(arguments.begin(), arguments.end(), "--help") != arguments.end();
  for (const Command& one : kBenches) {
    if (!asked && !arguments.empty() && arguments[0] == one.name)
      return one.run({arguments.begin() + 1, arguments.end()});
  }
  FILE* const to = asked ? stdout : stderr;
  std::fputs(gatehouse::bench::usage().c_str(), to);
  for (const Command& one : kBenches) std::fprintf(to, "  %-24s%s\n", one.name, one.help);
  return asked ? 0 : 2;
}

constexpr Command kCommands[] = {
    {"demo", gatehouse::demo::run, "three guests on three cards, two tenants, one report"},
    {"boot", gatehouse::boot::run, "an interactive guest on a card"},
    {"test", gatehouse::test::run, "runs the tests, all or by group or name"},
    {"bench", bench, "figures beside their peers'; --help lists them"},
    {"switch", gatehouse::ethernet_switch::run, "a learning Ethernet switch between QEMUs"},
    {"gateway", gatehouse::gateway::run,
     "the overlay's far end: from a tenant into this machine's network"},
    {"policy", gatehouse::policy_check::run, "whether a card takes these policy files"},
    {"docs", gatehouse::docs::run, "pages made from the tables"},
};

int help(FILE* to) {
  std::fputs("usage: gatehouse-tool COMMAND [options]; COMMAND --help tells its options\n\n", to);
  for (const Command& command : kCommands)
    std::fprintf(to, "  %-10s %s\n", command.name, command.help);
  return to == stdout ? 0 : 2;
}

// What no command expects: files of another user's run, a full disk.
int run(const Command& command, const std::vector<std::string>& arguments) {
  try {
    return command.run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gatehouse %s: %s\n", command.name, error.what());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) return help(stderr);
  if (words[0] == "help" || words[0] == "--help") return help(stdout);
  for (const Command& command : kCommands) {
    if (words[0] == command.name) return run(command, {words.begin() + 1, words.end()});
  }
  std::fprintf(stderr, "gatehouse-tool: no command is called '%s'\n", words[0].c_str());
  return help(stderr);
}
