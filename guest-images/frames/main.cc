// SPDX-License-Identifier: GPL-2.0-or-later
// gh-frames: sends raw frames, spoofed ones too, and waits for frames that match a pattern.
// ../README.md has examples.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "guest-images/common/number.hh"
#include "guest-images/frames/hex.hh"
#include "guest-images/frames/port.hh"

namespace gatehouse::frames {
namespace {

constexpr int kFound = 0;
constexpr int kNotFound = 1;
constexpr int kUsage = 2;

int usage() {
  fprintf(
      stderr,
      "usage: gh-frames send INTERFACE [--count N] FRAME...\n"
      "       gh-frames expect INTERFACE LIMIT_MS [--count N] [--promiscuous] PATTERN [FRAME...]\n"
      "       gh-frames refuse INTERFACE TIME_MS [--promiscuous] PATTERN [FRAME...]\n"
      "FRAME: hex from the destination address on, or @FILE with a frame per line.\n"
      "PATTERN: HEX or OFFSET=HEX, several with commas; '.' is any digit; '' any frame.\n"
      "expect prints LISTENING, sends the frames, prints what matches; exit 0 after N (1) "
      "matches,\n"
      "1 if time is up. refuse: 0 if nothing matches in that time, 1 at once if something does.\n");
  return kUsage;
}

int fail(const char* what) {
  fprintf(stderr, "gh-frames: %s: %s\n", what, strerror(errno));
  return kUsage;
}

struct Options {
  unsigned long count = 1;
  bool promiscuous = false;
  std::vector<std::string> words;
};

// Nothing when one of them is not known.
std::optional<Options> read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    if (word == "--count" && i + 1 < argc) {
      const auto count = parse_number(argv[++i], ULONG_MAX);
      if (!count) return std::nullopt;
      options.count = *count;
    } else if (word == "--promiscuous") {
      options.promiscuous = true;
    } else if (word.starts_with("--")) {
      return std::nullopt;
    } else {
      options.words.push_back(word);
    }
  }
  return options;
}

// False, having said why, if a word is no frame.
bool add_frame(const std::string& word, std::vector<Frame>* frames) {
  if (word.starts_with('@')) {
    FILE* file = fopen(word.c_str() + 1, "r");
    if (file == nullptr) return fail(word.c_str() + 1), false;
    char* line = nullptr;
    size_t room = 0;
    bool good = true;
    while (good && getline(&line, &room, file) > 0) {
      std::string text(line);
      text.erase(text.find_last_not_of(" \r\n") + 1);
      if (!text.empty() && text[0] != '#' && text[0] != '@') good = add_frame(text, frames);
    }
    free(line);
    fclose(file);
    return good;
  }
  auto frame = parse_frame(word);
  if (!frame) {
    fprintf(stderr, "gh-frames: not a frame in hex: %s\n", word.c_str());
    return false;
  }
  frames->push_back(std::move(*frame));
  return true;
}

bool send_all(Port& port, const std::vector<Frame>& frames, unsigned long rounds) {
  for (unsigned long round = 0; round < rounds; round++) {
    for (const Frame& frame : frames) {
      if (!port.send(frame)) return fail("send"), false;
    }
  }
  return true;
}

int send_command(const Options& options) {
  std::vector<Frame> frames;
  for (size_t i = 2; i < options.words.size(); i++) {
    if (!add_frame(options.words[i], &frames)) return kUsage;
  }
  Port port;
  if (frames.empty()) return usage();
  if (!port.open(options.words[1].c_str(), false)) return fail(options.words[1].c_str());
  if (!send_all(port, frames, options.count)) return kUsage;
  printf("sent %lu\n", static_cast<unsigned long>(frames.size()) * options.count);
  return 0;
}

// wanted 0: nothing may match.
int listen_command(const Options& options, unsigned long wanted) {
  if (options.words.size() < 4) return usage();
  const auto limit_ms = parse_number(options.words[2], INT_MAX);
  const auto pattern = Pattern::parse(options.words[3]);
  if (!limit_ms || !pattern) return usage();
  std::vector<Frame> frames;
  for (size_t i = 4; i < options.words.size(); i++) {
    if (!add_frame(options.words[i], &frames)) return kUsage;
  }
  Port port;
  if (!port.open(options.words[1].c_str(), options.promiscuous))
    return fail(options.words[1].c_str());
  puts("LISTENING");
  fflush(stdout);
  const auto until = Port::Clock::now() + std::chrono::milliseconds(*limit_ms);
  if (!send_all(port, frames, 1)) return kUsage;
  unsigned long found = 0;
  unsigned long others = 0;
  while (found < std::max(wanted, 1ul)) {
    const auto frame = port.receive(until);
    if (!frame) break;
    if (!pattern->matches(*frame)) {
      others++;
      continue;
    }
    found++;
    puts(to_hex(*frame).c_str());
  }
  if (found >= wanted && (wanted > 0 || found == 0)) return kFound;
  fprintf(stderr, "gh-frames: %lu matched, %lu were wanted; %lu others came\n", found, wanted,
          others);
  return kNotFound;
}

int main(int argc, char** argv) {
  const auto options = read_options(argc, argv);
  if (!options || options->words.size() < 3) return usage();
  if (options->words[0] == "send") return send_command(*options);
  if (options->words[0] == "expect" && options->count > 0)
    return listen_command(*options, options->count);
  if (options->words[0] == "refuse") return listen_command(*options, 0);
  return usage();
}

}  // namespace
}  // namespace gatehouse::frames

int main(int argc, char** argv) { return gatehouse::frames::main(argc, argv); }
