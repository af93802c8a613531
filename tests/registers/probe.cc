// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/registers/probe.hh"

#include <cinttypes>
#include <cstdio>

#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::registers {
namespace {

constexpr std::chrono::seconds kLimit(20);

}  // namespace

Probe::Probe(Machine& machine) {
  if (!socket_.connect(machine.path("probe"), lab::Deadline(kLimit)))
    throw lab::Failure("the partition has no console: " + machine.process().log());
}

std::string Probe::firmware() { return GATEHOUSE_PROBE; }

uint64_t Probe::read(uint64_t address, unsigned octets) {
  char line[64];
  std::snprintf(line, sizeof line, "r %x %" PRIx64, octets, address);
  return request(line);
}

void Probe::write(uint64_t address, uint64_t value, unsigned octets) {
  char line[96];
  std::snprintf(line, sizeof line, "w %x %" PRIx64 " %" PRIx64, octets, address, value);
  request(line);
}

uint64_t Probe::request(const std::string& line) {
  socket_.send_line(line);
  const std::optional<std::string> answer = socket_.read_line(lab::Deadline(kLimit));
  if (!answer) throw lab::Failure("the partition's core does not answer '" + line + "'");
  return std::strtoull(answer->c_str(), nullptr, 16);
}

std::string refusal(const std::vector<std::string>& more) {
  std::vector<std::string> command = {
      lab::Build::qemu(), "-M",   "q35",         "-accel", "tcg", "-m", "64",
      "-display",         "none", "-nodefaults", "-S"};
  for (const std::string& word : lab::Build::firmware_path()) command.push_back(word);
  command.insert(command.end(),
                 {"-device", "gatehouse-partition,id=p0,firmware=" + Probe::firmware()});
  command.insert(command.end(), more.begin(), more.end());
  const lab::CommandResult result = lab::run_command(command, kLimit);
  if (result.exit_status != 1)
    throw lab::Failure("QEMU ends with " + std::to_string(result.exit_status) + ": " +
                       result.output);
  return result.output;
}

}  // namespace gatehouse::registers
