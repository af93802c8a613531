// SPDX-License-Identifier: GPL-2.0-or-later
// A partition's control block: firmware's accesses, the machine's requests and console input, time,
// resets, saved states that lie. Text and alerts are bounded, an answer has its request, and only
// private RAM is read.
#include "hw/partition/control_block.hh"

#include "tests/fuzz/ram_steps.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {
namespace {

using namespace partition;  // NOLINT

constexpr unsigned kMostSteps = 200;

struct Machine final : ControlPort {
  int64_t now_ns() override { return now; }
  void console_write(std::span<const uint8_t> octets) override {
    require(octets.size() <= kMaxConsoleText, "a line of text");
    written += octets.size();
  }
  void console_ready() override {}
  void answered(uint32_t request, uint32_t) override {
    require(open && request == asked, "an answer has its request");
    open = false;
  }
  void alerted(const std::string& text, uint64_t) override {
    require(text.size() <= kMaxAlertText, "a short text");
    for (const char c : text) require(c >= ' ' && c < 0x7f, "which a terminal bears");
    ++alerts;
  }

  int64_t now = 5'000'000'000;
  size_t written = 0;
  uint32_t asked = 0;
  bool open = false;
  unsigned alerts = 0;
};

class Play {
 public:
  explicit Play(Input& input) : input_(input) {}

  void run() {
    int64_t second = machine_.now;
    for (unsigned steps = 0; steps < kMostSteps && !input_.empty(); ++steps) {
      machine_.written = 0;
      step();
      require(machine_.written <= kMaxConsoleText, "no more work than a line of text");
      require(block_.console_room() <= 256, "input has a place");
      if (machine_.now - second > 1'000'000'000) second = machine_.now, machine_.alerts = 0;
      // A second of the block's own begins when it likes: two of them touch.
      require(machine_.alerts <= 2 * kAlertsPerSecond || lied_, "alerts are few");
    }
  }

 private:
  void step() {
    switch (input_.below(12)) {
      case 0:
        block_.request(machine_.asked = input_.take());
        machine_.open = true;
        break;
      case 1: {
        const Bytes octets = input_.octets(input_.below(64));
        block_.console_input(
            std::span(octets).first(std::min(octets.size(), block_.console_room())));
        break;
      }
      case 2:
        machine_.now += input_.take<uint32_t>();
        break;
      case 3:
        block_.guest_reset();
        break;
      case 4:
        if (input_.below(8) == 0) {
          block_.reset();
          machine_.open = false;
        }
        break;
      case 5:
        spoiled();
        break;
      case 6:
        poke(input_, ram_);
        break;
      case 7:
      case 8:
        text();
        break;
      case 9:
        static_cast<void>(
            block_.read(input_.below(kPage), 1u << input_.below(4), input_.below(kMaxCores)));
        break;
      default:
        block_.write(input_.below(kPage), input_.take<uint64_t>(), 1u << input_.below(4));
        break;
    }
  }

  void text() {
    const bool alert = input_.flag();
    block_.write(alert ? reg::ALERT : reg::CONSOLE_TEXT, take_address(input_), 8);
    block_.write(alert ? reg::ALERT_LENGTH : reg::CONSOLE_LENGTH,
                 input_.take<uint32_t>() >> input_.below(32), 4);
  }

  void spoiled() {
    const Bytes saved = saved_by(block_);
    load_spoiled(block_, saved, input_);
    // A lie may say that a request is open.
    machine_.asked = block_.last_request();
    machine_.open = true;
    lied_ = true;
  }

  Input& input_;
  FakeRam ram_;
  FakeInterrupts interrupts_;
  Machine machine_;
  ControlBlock block_{{ram_, interrupts_, machine_}, FakeRam::kOctets, "inspect=all"};
  bool lied_ = false;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  Play(input).run();
}

}  // namespace gatehouse::fuzz
