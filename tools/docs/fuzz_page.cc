// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/docs/fuzz_page.hh"

#include <iterator>
#include <string_view>

namespace gatehouse::docs {
namespace {

constexpr struct {
  std::string_view name;
  const char* input;
  const char* promise;
} kTargets[] = {
#include "tools/fuzz/targets.inc"
};

constexpr struct {
  std::string_view name;
  const char *minutes, *thousands;
} kTally[] = {
#include "tools/fuzz/tally.inc"
};
static_assert(
    [] {
      for (size_t i = 0; i < std::size(kTargets); ++i)
        if (kTargets[i].name != kTally[i].name) return false;
      return std::size(kTargets) == std::size(kTally);
    }(),
    "each target has its row in tally.inc, in the same order");

constexpr char kHead[] = R"(# Fuzzing

Made by `gatehouse-tool docs fuzzing` from tools/fuzz/targets.inc and tally.inc: do not edit.

Guests, the wire, policy files and saved states are hostile. For each parser and table that reads them there is a target in tests/fuzz: it
plays an input's octets against the code and ends the program when a promise of the code's header does not hold.

```
./gatehouse fuzz                              # every target, a minute each
./gatehouse fuzz parse pipeline --seconds 600
./gatehouse test fuzz                         # replays the corpora; no clang needed, part of ./gatehouse test
```

Fuzzing needs clang and its libFuzzer, which `setup` does not install: on Debian 12 `apt-get install --no-install-recommends clang-14
libclang-rt-14-dev`, on Debian 13 the same of 19; the command says so where they are missing.
The targets run under the address and undefined-behaviour sanitizers. Inputs that reach something new are kept in build/fuzz-corpus; those
that find something go to build/fuzz-findings, and the command that repeats them is printed. What is mended keeps its input as a named file in
tests/fuzz/corpus/TARGET, besides the test of its room. To renew a corpus, at most 64 KiB of it: `build/fuzz/tests/fuzz/fuzz-TARGET -merge=1
EMPTY-FOLDER tests/fuzz/corpus/TARGET build/fuzz-corpus/TARGET`. Minutes tell little about a target that does not reach its room: the same program
with `-runs=0 -print_coverage=1` and a corpus lists the functions that no input has called.

| target | an input is | what is held |
|---|---|---|
)";

constexpr char kTallyHead[] = R"(
Without a target are what QEMU reads before the card sees it (JSON of QMP, options), the header that the host's kernel writes in front of
a frame of a tap, and tools that are not part of the card.

What its developers have run so far, on the code as it was then; what was found is mended. Inputs of `pipeline`, `saved`, `vnic` and the
like are whole sessions of a card, hence few a second.

| target | minutes of processor time | inputs, thousands |
|---|---|---|
)";

}  // namespace

std::string fuzz_page() {
  std::string text = kHead;
  for (const auto& target : kTargets)
    text +=
        "| `" + std::string(target.name) + "` | " + target.input + " | " + target.promise + " |\n";
  text += kTallyHead;
  for (const auto& row : kTally)
    text += "| `" + std::string(row.name) + "` | " + row.minutes + " | " + row.thousands + " |\n";
  return text;
}

}  // namespace gatehouse::docs
