// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/docs/isolation_page.hh"

#include "tests/isolation/attacks.hh"

namespace gatehouse::docs {
namespace {

using isolation::Attack;

constexpr struct {
  const char* name;
  const char* text;
} kSuites[] = {
    {"Cpu", "The guest's CPU, with no operating system in its way: 64-bit mode, SMM, MSRs, ports."},
    {"Device",
     "Devices, by DMA and by where their BARs are put: without an IOMMU, with one, and with "
     "interrupt remapping."},
    {"Interrupt", "Interrupts of each kind, to each ID, from wherever a PC has them."},
    {"Core", "The other way round: firmware of a partition attacks the guest and its manager."},
    {"Guest", "An unmodified Debian guest, as its root."},
    {"Uefi", "A guest that UEFI firmware (OVMF, built for SMM) has started."},
    {"Sealed",
     "A guest's driver that waits until its frame has been inspected: our vnic, seals demanded."},
    {"Copied", "The same where every frame is copied (copy=on), as on a NIC that checks nothing."},
    {"Interceptor",
     "Hands in the guest that write to its NIC behind the driver's back, while firmware intercepts "
     "a stream: our vnic and QEMU's e1000e."},
    {"Manager", "What a manager's commands let others reach."},
    {"Start", "Whoever writes the firmware file and the options."},
};

}  // namespace

std::string isolation_page() {
  std::string text =
      "# Attacks on a partition\n\n"
      "Made by `gatehouse-tool docs isolation` from tests/isolation/attacks.inc: do not edit.\n\n"
      "`./gatehouse test isolation` makes each of these attacks on the built QEMU and prints a "
      "line "
      "for each: what was tried, held or\n"
      "BROKEN. Alone: `./gatehouse test Cpu.ReadsPrivateRam`. How to know that nothing was "
      "touched: "
      "the partition's firmware fills its RAM\n"
      "with a pattern, opens all interrupts, and answers after each attack whether the pattern is "
      "whole, each core still runs, and nothing\n"
      "came that it did not send itself. A core that faults would have raised "
      "`GATEHOUSE_PARTITION_FAULT`; each refused access is counted by who\n"
      "made it (`query-gatehouse-partitions`, `boundary`) and told by `GATEHOUSE_BOUNDARY`.\n";
  for (const auto& suite : kSuites) {
    text += std::string("\n## ") + suite.name + "\n\n" + suite.text +
            "\n\n| attack | what is tried | why it fails |\n|---|---|---|\n";
    isolation::for_each_attack([&](const Attack& attack) {
      if (std::string(attack.suite) != suite.name) return;
      text +=
          std::string("| ") + attack.name + " | " + attack.tried + " | " + attack.held_by + " |\n";
    });
  }
  return text;
}

}  // namespace gatehouse::docs
