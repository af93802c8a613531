// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/registers/inspector.hh"

#include <gtest/gtest.h>

#include <cstring>

#include "hw/spec/i82574_registers.hh"
#include "hw/spec/pattern_rules.hh"
#include "tests/registers/traffic.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::registers {

using namespace i82574;  // NOLINT: reads like the data sheet
using partition::Answer, partition::Request;
using test::Bytes;

Inspector::Inspector(const Bytes& unwanted, const std::string& arguments, const std::string& device,
                     const std::vector<std::string>& more) {
  const std::string octets(unwanted.begin(), unwanted.end());
  const partition::PatternRule rule = partition::make_pattern(1, partition::kPatternDrop, octets);
  const partition::PatternHeader header{partition::kPatternMagic, 1, 0};
  std::string image(sizeof header + sizeof rule, '\0');
  std::memcpy(image.data(), &header, sizeof header);
  std::memcpy(image.data() + sizeof header, &rule, sizeof rule);
  lab::write_file(files_.path("rules"), image);
  lab::write_file(console(), "");
  options_ = {.more = {"-chardev", "file,id=p1c,path=" + console(), "-device",
                       "gatehouse-partition,id=p1,chardev=p1c,memory=16M,arguments=" + arguments +
                           ",firmware=" + lab::Build::firmware("interceptor") +
                           ",data=" + files_.path("rules"),
                       "-device", "gatehouse-redirect,id=r1,partition=p1,device=" + device,
                       "-device", "gatehouse-steer,id=s1,partition=p1,device=" + device},
              .partition = true};
  options_.more.insert(options_.more.begin(), more.begin(), more.end());
}

Answer Inspector::request(Machine& machine, Request what) {
  machine.qmp().execute("gatehouse-partition-request",
                        {{"partition", "p1"}, {"request", static_cast<uint32_t>(what)}});
  const auto event =
      machine.qmp().wait_event("GATEHOUSE_PARTITION_ANSWER", std::chrono::seconds(20));
  return event ? static_cast<Answer>(event->at("data").at("answer").get<uint32_t>())
               : Answer::kUnknown;
}

bool Inspector::reports(Machine& machine, const std::string& line) {
  const size_t before = lab::read_file(console()).size();
  return request(machine, Request::kReport) == Answer::kDone &&
         lab::read_file(console()).find("  " + line + "\n", before) != std::string::npos;
}

void start(Machine& machine, Rings& rings) {
  machine.place_bars();
  machine.set_reg(reg::CTRL, machine.reg(reg::CTRL) | CTRL_SLU);
  ASSERT_TRUE(machine.wait([&] { return (machine.reg(reg::STATUS) & STATUS_LU) != 0; }));
  rings.start();
}

void transmit(Machine& machine) { machine.set_reg(reg::TCTL, TCTL_EN | TCTL_PSP); }
void hold(Machine& machine) { machine.set_reg(reg::TCTL, TCTL_PSP); }

void expect_on_wire(Machine& machine, const Bytes& frame) {
  std::optional<Bytes> wire;
  ASSERT_TRUE(machine.wait([&] {
    wire = machine.wire().receive();
    return !wire || wire->size() == frame.size() + kOuter;
  })) << "the card's own frames alone";
  ASSERT_TRUE(wire);
  EXPECT_EQ(Bytes(wire->begin() + kOuter, wire->end()), frame);
}

void expect_nothing_on_wire(Machine& machine, const Bytes& frame) {
  while (!machine.wire().idle()) {
    const auto wire = machine.wire().receive();
    ASSERT_TRUE(wire);
    EXPECT_NE(wire->size(), frame.size() + kOuter);
  }
}

}  // namespace gatehouse::registers
