// SPDX-License-Identifier: GPL-2.0-or-later
// The shell parts of ./gatehouse and of the guest images' recipe, with stubs for what they start.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tools/lab/guest.hh"
#include "tools/lab/process.hh"

namespace gatehouse {
namespace {

// As `gatehouse` begins, in a build folder of its own.
constexpr char kSetup[] = R"sh(
set -Eeuo pipefail
root=$0 build=$1/build GATEHOUSE_CACHE=$1/cache jobs=1 count=0
stamps=$build/stamps
mkdir -p "$build/logs" "$stamps" "$GATEHOUSE_CACHE"
for part in console arguments machine packages apt meson qemu core fuzz plan; do
  source "$root/tools/setup/$part.bash"
done
ready_machine() { :; }
say() { echo "= $1: $count"; }
)sh";

class Shell : public ::testing::Test {
 protected:
  lab::CommandResult run(const std::string& script) const {
    return lab::run_command({"bash", "-c", script, lab::Build::root(), work_.path()});
  }
  // The lines that a script says.
  static std::string said(const std::string& output) {
    std::istringstream lines(output);
    std::string said;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("= ")) said += line + "\n";
    }
    return said;
  }
  lab::WorkDir work_{"shell"};
};

TEST_F(Shell, StepsThatShareATreeKnowWhatTheOtherBuilt) {
  const lab::CommandResult result = run(std::string(kSetup) + R"sh(
is_configured() { true; }
built() { count=$((count + 1)) && mkdir -p "${core_tool%/*}" && : >"$core_tool"; }
core_build_key() { echo "all of $at"; }
core_tool_key() { echo "tool of $at"; }
at=X && plan core
at=Y && plan tool
at=X && plan core
say "X, Y, X"
plan tool core
say again
(built() { exit 1; } && at=Y && plan core) || plan tool
say "after an interruption"
)sh");
  EXPECT_EQ(said(result.output),
            "= X, Y, X: 3\n"
            "= again: 3\n"
            "= after an interruption: 4\n")
      << result.output;
}

TEST_F(Shell, AStampWithoutItsResultDoesNotCount) {
  const lab::CommandResult result = run(std::string(kSetup) + R"sh(
make() { count=$((count + 1)) && mkdir -p "$build/x" && touch "$build/x/a" "$build/x/b"; }
doing() { step_number=0 step_count=1 && step one text key make "$build/x/a" "$build/x/b"; }
doing
doing
say made
rm "$build/x/b"
doing
say "a part was removed"
rm -r "$build/x"
doing
say "all was removed"
)sh");
  EXPECT_EQ(said(result.output),
            "= made: 1\n"
            "= a part was removed: 2\n"
            "= all was removed: 3\n")
      << result.output;
}

TEST_F(Shell, QemuIsBuiltAgainAfterAnInterruptedChangeOfItsOptions) {
  const lab::CommandResult result = run(std::string(kSetup) + R"sh(
mkdir -p "$qemu_source"
printf '#!/bin/bash\n[[ $* != *--broken* ]] && touch build.ninja\n' >"$qemu_source/configure"
chmod +x "$qemu_source/configure"
qemu_build_key() { cat "$stamps/qemu-configure"; }
built() {
  local target
  count=$((count + 1))
  for target in "${kQemuTargets[@]}"; do
    mkdir -p "$(dirname "$qemu_build/$target")" && touch "$qemu_build/$target"
  done
}
plan configure qemu
say first
(qemu_options+=(--broken) && plan configure qemu) || say interrupted
plan configure qemu
say back
rm -r "$qemu_build"
plan configure qemu
say removed
plan configure qemu
say again
)sh");
  EXPECT_EQ(said(result.output),
            "= first: 1\n"
            "= interrupted: 1\n"
            "= back: 2\n"
            "= removed: 3\n"
            "= again: 3\n")
      << result.output;
}

TEST_F(Shell, ADamagedCacheIsFilledAgain) {
  const lab::CommandResult result = run(std::string(kSetup) + R"sh(
source_in() { (mkdir -p "$1" && cd "$1" && echo source >q.tar.xz && sha256sum q.tar.xz >verified); }
qemu_fetch_step() {
  count=$((count + 1))
  source_in "$GATEHOUSE_CACHE/qemu/1:10.0.9"
  echo 'version: 1:10.0.9' >"$build/qemu-source.txt"
}
dpkg-source() { mkdir -p "$build/src/qemu.new/qapi" && touch "$build/src/qemu.new/configure"; }
patch() { :; }
source_in "$GATEHOUSE_CACHE/qemu/1:10.0.8"
echo 'version: 1:10.0.8' >"$build/qemu-source.txt"
plan patch
say whole
echo damaged >"$GATEHOUSE_CACHE/qemu/1:10.0.8/q.tar.xz"
rm -r "$qemu_source"
plan patch
say damaged
plan patch
say again
rm -r "$GATEHOUSE_CACHE/qemu" "$qemu_source"
plan patch
say lost
)sh");
  EXPECT_EQ(said(result.output),
            "= whole: 0\n"
            "= damaged: 1\n"
            "= again: 1\n"
            "= lost: 2\n")
      << result.output;
}

TEST_F(Shell, FuzzingIsStoppedByASignalAndNotByAFinding) {
  const std::string script = std::string(kSetup) + R"sh(
mkdir -p "$fuzz_build/tests/fuzz"
for target in parse tunnel; do
  printf '#!/bin/bash\nexit %d\n' "$status" >"$(fuzz_program $target)"
  chmod +x "$(fuzz_program $target)"
done
fuzz_run parse tunnel --seconds 1
)sh";
  const lab::CommandResult stopped = run("status=72" + script);
  EXPECT_EQ(stopped.exit_status, 130) << stopped.output;
  EXPECT_EQ(stopped.output.find("tunnel"), std::string::npos) << stopped.output;
  EXPECT_EQ(stopped.output.find("found"), std::string::npos) << stopped.output;
  const lab::CommandResult found = run("status=77" + script);
  EXPECT_EQ(found.exit_status, 1) << found.output;
  EXPECT_NE(found.output.find("2 of 2 targets have findings"), std::string::npos) << found.output;
  EXPECT_EQ(run("status=0" + script).exit_status, 0);
}

TEST_F(Shell, OneAtATimeDownloads) {
  const lab::CommandResult result = run(std::string(kSetup) + R"sh(
is_free() { flock --nonblock "$GATEHOUSE_CACHE/lock" true; }
lock_cache "$GATEHOUSE_CACHE"
lock_cache "$GATEHOUSE_CACHE"
if is_free; then echo free; else echo taken; fi
unlock_cache
if is_free; then echo free; else echo taken; fi
)sh");
  EXPECT_EQ(result.output, "taken\nfree\n");
}

TEST_F(Shell, AnIndexIsOfItsSourcesAndOfToday) {
  const lab::CommandResult result = run(R"sh(
set -euo pipefail
here=$0/guest-images cache=$1/cache parts=$1/parts refresh= count=0
mkdir -p "$cache" "$parts"
declare -A opened=()
for library in common apt; do source "$here/lib/$library.bash"; done
say() { echo "= $1: $count"; }
open() { opened=() && apt_open bookworm; }
archive_address() { echo "http://$archive/debian"; }
apt_in() {
  case "$*" in
    *--print-uris*) echo "'http://$archive/a_1_amd64.deb' a_1_amd64.deb 1" ;;
    *update*) count=$((count + 1)) ;;
    *) return 1 ;;
  esac
}
archive=one && open
open
say today
archive=two && open
say "other sources"
(fetch bookworm a) || say "no package"
open
say "after a failed download"
touch -d '2 days ago' "$cache/apt/bookworm/updated"
open
say "an old one"
)sh");
  EXPECT_EQ(said(result.output),
            "= today: 1\n"
            "= other sources: 2\n"
            "= no package: 2\n"
            "= after a failed download: 3\n"
            "= an old one: 4\n")
      << result.output;
}

}  // namespace
}  // namespace gatehouse
