// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic_state.hh"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace gatehouse::card {

using nlohmann::json;
namespace reg = i82574::reg;

namespace {

std::string hex(uint64_t value, int digits) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

json ring_state(const vnic::RegisterFile& registers, uint32_t low, uint32_t high, uint32_t length,
                uint32_t head, uint32_t tail) {
  return {{"base", hex(registers.pair(low, high), 16)},
          {"octets", registers[length]},
          {"head", registers[head]},
          {"tail", registers[tail]}};
}

const char* mode_name(vnic::InterruptMode mode) {
  switch (mode) {
    case vnic::InterruptMode::kIntx:
      return "intx";
    case vnic::InterruptMode::kMsi:
      return "msi";
    case vnic::InterruptMode::kMsix:
      return "msix";
  }
  return "?";
}

}  // namespace

json vnic_state(const vnic::Vnic& vnic) {
  const vnic::RegisterFile& registers = vnic.registers();
  json rings = json::object();
  for (unsigned queue = 0; queue < i82574::kQueues; ++queue) {
    rings["rx" + std::to_string(queue)] =
        ring_state(registers, reg::RDBAL(queue), reg::RDBAH(queue), reg::RDLEN(queue),
                   reg::RDH(queue), reg::RDT(queue));
    rings["tx" + std::to_string(queue)] =
        ring_state(registers, reg::TDBAL(queue), reg::TDBAH(queue), reg::TDLEN(queue),
                   reg::TDH(queue), reg::TDT(queue));
  }
  return {{"mac", to_string(vnic.mac_address())},
          {"link", vnic.link_up()},
          {"cable", vnic.link().connected()},
          {"can-receive", vnic.can_receive()},
          {"ctrl", hex(registers[reg::CTRL], 8)},
          {"rctl", hex(registers[reg::RCTL], 8)},
          {"tctl", hex(registers[reg::TCTL], 8)},
          {"interrupts",
           {{"mode", mode_name(vnic.ports().interrupt.mode())},
            {"icr", hex(registers[reg::ICR], 8)},
            {"ims", hex(registers[reg::IMS], 8)}}},
          {"rings", std::move(rings)},
          {"reserved-accesses", vnic.reserved_accesses()}};
}

}  // namespace gatehouse::card
