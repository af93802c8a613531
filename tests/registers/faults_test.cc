// SPDX-License-Identifier: GPL-2.0-or-later
// Firmware makes a mistake: its core says what and where, and halts. The partition's other cores,
// other partitions and the guest go on. The firmware is firmware/trial.
#include <gtest/gtest.h>

#include <cstring>
#include <regex>

#include "hw/core/base/bytes.hh"
#include "tests/registers/inspector.hh"
#include "tests/registers/partition.hh"
#include "tests/registers/probe.hh"
#include "tests/registers/traffic.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr unsigned kCore = 1;  // which makes it

struct Mistake {
  const char* name;
  const char* exception;
  const char* address;  // as a regular expression
  const char* known;    // among the registers
  // Octets of the instruction, so far behind its begin; none: the compiler may choose.
  size_t behind;
  const char* octets;
};
constexpr Mistake kMistakes[] = {
    {"fault", "14 (page fault)", "0x10000000000", "", 0, ""},
    {"divide", "0 (division)", ".*", "rax 0x0000000000000001", 1, "\xf7"},
    // A processor would call it a stack fault, TCG does not.
    {"overflow", "13 (general protection)", ".*", "rsp 0x8000000000000000", 0, "\x50"},
};

std::string literally(const std::string& text) {
  return std::regex_replace(text, std::regex(R"([()])"), R"(\$&)");
}

// What an image has from this address on; empty: no code.
std::string code_at(const std::string& image, uint64_t address) {
  constexpr uint32_t kLoad = 1, kExecutable = 1;
  const auto* octets = reinterpret_cast<const uint8_t*>(image.data());
  const uint64_t table = load_le<uint64_t>(octets + 32);
  for (unsigned row = 0; row < load_le<uint16_t>(octets + 56); ++row) {
    const uint8_t* header = octets + table + row * 56;
    if (load_le<uint32_t>(header) != kLoad || !(load_le<uint32_t>(header + 4) & kExecutable))
      continue;
    const uint64_t begin = load_le<uint64_t>(header + 16), size = load_le<uint64_t>(header + 32);
    if (address < begin || address - begin >= size) continue;
    return image.substr(load_le<uint64_t>(header + 8) + (address - begin),
                        size - (address - begin));
  }
  return "";
}

// The partition p1 of three cores; core 0 gives back what comes on its console.
class Mistakes : public testing::TestWithParam<Mistake> {
 protected:
  Mistakes()
      : partition_("p1", "trial",
                   std::string(",cores=3,arguments=echo,,") + GetParam().name + "=" +
                       std::to_string(kCore),
                   "socket,server=on,wait=off,path=" + files_.path("echo")),
        machine_(partition_.options({"-S"})) {
    // What is said before somebody listens is lost.
    EXPECT_TRUE(console_.connect(files_.path("echo"), lab::Deadline(seconds(20))));
    EXPECT_TRUE(machine_.wait([&] { return console_is_open(); }));
    machine_.qmp().execute("cont");
  }

  bool console_is_open() {
    for (const json& row : machine_.qmp().execute("query-chardev")) {
      if (row.at("label") == "p1c")
        return !row.at("filename").get<std::string>().starts_with("disconnected:");
    }
    return false;
  }
  bool prints(const std::string& text) {
    const lab::Deadline deadline(seconds(20));
    while (printed_.find(text) == std::string::npos) {
      const auto line = console_.read_line(deadline);
      if (!line) return false;
      printed_ += *line + "\n";
    }
    return true;
  }
  std::string core_state(unsigned core) {
    return partition_.state(machine_).at("cores").at(core).at("state");
  }

  lab::WorkDir files_{"faults"};
  Partition partition_;
  Machine machine_;
  lab::LineSocket console_;
  std::string printed_;
};

INSTANTIATE_TEST_SUITE_P(OfFirmware, Mistakes, testing::ValuesIn(kMistakes),
                         [](const auto& row) { return row.param.name; });

TEST_P(Mistakes, EndTheirCoreAloneWhichSaysWhatAndWhere) {
  const Mistake& mistake = GetParam();
  const std::string alert = partition_.alert(machine_);
  const std::regex pattern("core " + std::to_string(kCore) + ": exception " +
                           literally(mistake.exception) + " at 0x([0-9a-f]+), error 0x0, address " +
                           mistake.address);
  std::smatch parts;
  ASSERT_TRUE(std::regex_match(alert, parts, pattern)) << alert;
  const std::string code = code_at(lab::read_file(lab::Build::firmware("trial")),
                                   std::stoull(parts[1].str(), nullptr, 16));
  ASSERT_FALSE(code.empty()) << "there is no code of the firmware";
  EXPECT_EQ(code.compare(mistake.behind, std::strlen(mistake.octets), mistake.octets), 0)
      << "another instruction stands there";

  // The console has the same line, and all registers behind it.
  ASSERT_TRUE(prints(" r15 0x")) << printed_;
  EXPECT_NE(printed_.find(alert + "\n  rax 0x"), std::string::npos) << printed_;
  for (const char* name : {"rax ", "rbx ", "rcx ", "rdx ", "rsi ", "rdi ", "rbp ", "rsp ", "r8  ",
                           "r9  ", "r10 ", "r11 ", "r12 ", "r13 ", "r14 ", "r15 "})
    EXPECT_NE(printed_.find(std::string(" ") + name + "0x"), std::string::npos) << name;
  EXPECT_NE(printed_.find(mistake.known), std::string::npos) << printed_;

  // The others go on.
  EXPECT_TRUE(machine_.wait([&] { return core_state(kCore) == "halted"; }));
  ASSERT_TRUE(prints("echo: ready\n")) << printed_;
  console_.send_line("and now?");
  EXPECT_TRUE(prints("AND NOW?\n")) << printed_;
  Probe probe(machine_);
  EXPECT_EQ(probe.read(partition::kMmioBase, 8), partition::kMagic);
  Rings rings(machine_);
  ASSERT_NO_FATAL_FAILURE(start(machine_, rings));
  rings.send(datagram());
  expect_on_wire(machine_, datagram());

  // It was told once, and nothing else is amiss.
  EXPECT_EQ(core_state(kCore), "halted");
  const json state = partition_.state(machine_);
  EXPECT_EQ(state.at("alerts"), 1);
  for (const char* count :
       {"alerts-suppressed", "console-lost", "ipis-refused", "messages-refused", "guest-resets"})
    EXPECT_EQ(state.at(count), 0) << count;
  EXPECT_FALSE(
      machine_.qmp().wait_event("GATEHOUSE_PARTITION_FAULT", std::chrono::milliseconds(0)));
  EXPECT_EQ(printed_.find("exception"), printed_.rfind("exception")) << printed_;
}

}  // namespace
}  // namespace gatehouse::registers
