// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/registers/qtest.hh"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tools/lab/failure.hh"

namespace gatehouse::registers {
namespace {

constexpr auto kLimit = std::chrono::seconds(30);

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

char width(unsigned size) {
  switch (size) {
    case 1:
      return 'b';
    case 2:
      return 'w';
    case 4:
      return 'l';
    default:
      return 'q';
  }
}

}  // namespace

void Qtest::connect(const std::string& path) {
  if (!socket_.connect(path, lab::Deadline(kLimit)))
    throw lab::Failure("nobody listens at " + path);
}

std::string Qtest::request(const std::string& line) {
  socket_.send_line(line);
  const lab::Deadline deadline(kLimit);
  while (const std::optional<std::string> answer = socket_.read_line(deadline)) {
    if (answer->starts_with("IRQ ")) continue;
    if (*answer == "OK") return "";
    if (answer->starts_with("OK ")) return answer->substr(3);
    throw lab::Failure("qtest: '" + line.substr(0, 80) + "': " + *answer);
  }
  throw lab::Failure("qtest: no answer to '" + line.substr(0, 80) + "'");
}

uint64_t Qtest::read(uint64_t address, unsigned size) {
  return std::strtoull(request(std::string("read") + width(size) + " " + hex(address)).c_str(),
                       nullptr, 0);
}

void Qtest::write(uint64_t address, uint64_t value, unsigned size) {
  request(std::string("write") + width(size) + " " + hex(address) + " " + hex(value));
}

std::vector<uint8_t> Qtest::read_block(uint64_t address, size_t length) {
  std::vector<uint8_t> octets(length);
  if (length == 0) return octets;
  const std::string text =
      request("read " + hex(address) + " " + hex(length));  // 0x, two digits for each octet
  for (size_t i = 0; i < length; ++i) {
    octets[i] = static_cast<uint8_t>(std::strtoul(text.substr(2 + 2 * i, 2).c_str(), nullptr, 16));
  }
  return octets;
}

void Qtest::write_block(uint64_t address, std::span<const uint8_t> octets) {
  if (octets.empty()) return;
  std::string text = "0x";
  for (const uint8_t octet : octets) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[octet >> 4];
    text += kDigits[octet & 15];
  }
  request("write " + hex(address) + " " + hex(octets.size()) + " " + text);
}

uint32_t Qtest::in(uint16_t port, unsigned size) {
  return static_cast<uint32_t>(
      std::strtoul(request(std::string("in") + width(size) + " " + hex(port)).c_str(), nullptr, 0));
}

void Qtest::out(uint16_t port, uint32_t value, unsigned size) {
  request(std::string("out") + width(size) + " " + hex(port) + " " + hex(value));
}

int64_t Qtest::step(int64_t ns) {
  return std::strtoll(request("clock_step " + std::to_string(ns)).c_str(), nullptr, 0);
}

int64_t Qtest::step() { return std::strtoll(request("clock_step").c_str(), nullptr, 0); }

}  // namespace gatehouse::registers
