// SPDX-License-Identifier: GPL-2.0-or-later
// Seals as guest, partition and manager see them: what a guest writes to a buffer after it was
// inspected does not leave.
#include <gtest/gtest.h>

#include "hw/core/base/seal.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/registers/inspector.hh"
#include "tests/registers/probe.hh"
#include "tests/registers/traffic.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet
using nlohmann::json;
using partition::kRamBase;
using partition::Result;
using test::Bytes;
namespace unit = partition::unit;
namespace steer = partition::steer;

constexpr uint64_t kControl = kRamBase + 0x40'0000, kTable = kControl + 0x1000;
constexpr uint64_t kKey = 0x0123'4567'89ab'cdef;
constexpr unsigned kReceive0 = 0, kTransmit0 = 2;
const std::string kReason = "tx_seal_broken";

MachineOptions with_steering(const std::string& device, const std::string& incoming = "") {
  return {.more = {"-device", "e1000e,id=stock,addr=6,romfile=", "-device",
                   "gatehouse-steer,id=s0,partition=p0,device=" + device},
          .name = incoming.empty() ? "machine" : "destination",
          .incoming = incoming,
          .partition = true};
}

// The firmware's side of unit 0.
class Sealer {
 public:
  explicit Sealer(Machine& machine) : probe_(machine), unit_(probe_) {}
  Result commit(uint32_t bits, uint64_t key = kKey, uint32_t units = Rings::kDescriptors) {
    unit_.set(unit::CONTROL, kControl, 8);
    unit_.set(steer::STEER, bits);
    unit_.set(steer::SEALS, kTable, 8);
    unit_.set(steer::SEAL_UNITS, units);
    unit_.set(steer::SEAL_KEY, key, 8);
    return unit_.commit();
  }
  void seal(uint32_t index, const Bytes& octets) {
    probe_.write(at(kTransmit0, index), partition::kSealed | SealKey(kKey).seal(octets), 8);
  }
  void forget(uint32_t index) { probe_.write(at(kTransmit0, index), 0, 8); }
  uint64_t received(uint32_t index) { return probe_.read(at(kReceive0, index), 8); }
  uint64_t broken() { return unit_.get(steer::SEALS_BROKEN, 8); }

 private:
  static uint64_t at(unsigned ring, uint32_t index) {
    return kTable + (ring * Rings::kDescriptors + index) * sizeof(uint64_t);
  }
  Probe probe_;
  FirstUnit unit_;
};

// The guest's transmitter is off while the frame is inspected and sealed. Returns its descriptor.
uint32_t send_later(Machine& machine, Rings& rings, Sealer& sealer, const Bytes& inspected) {
  machine.set_reg(reg::TCTL, TCTL_PSP);
  const uint32_t index = rings.send(inspected);
  sealer.seal(index, inspected);
  return index;
}
TEST(Seals, KeepAGuestFromChangingWhatWasInspected) {
  Machine machine(with_steering("vnic0"));
  Sealer sealer(machine);
  Rings rings(machine);
  ASSERT_NO_FATAL_FAILURE(start(machine, rings));
  ASSERT_EQ(sealer.commit(partition::kSteerSealed), Result::k_ok);
  const Bytes frame = datagram();
  send_later(machine, rings, sealer, frame);
  transmit(machine);
  expect_on_wire(machine, frame);

  Bytes other = frame;
  other.back() ^= 1;
  const uint32_t index = send_later(machine, rings, sealer, frame);
  rings.write_buffer(index, other);
  transmit(machine);
  EXPECT_TRUE(machine.wait([&] { return rings.sent(index); })) << "the guest notices nothing";
  EXPECT_EQ(sealer.broken(), 1u);
  EXPECT_EQ(machine.drops(kReason), 1u);
  const auto event = machine.qmp().wait_event("GATEHOUSE_DROP", std::chrono::seconds(20));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->at("data").at("reason"), kReason);
  EXPECT_EQ(event->at("data").at("name"), "vnic0") << "who";

  // A frame that nobody has sealed.
  machine.set_reg(reg::TCTL, TCTL_PSP);
  sealer.forget(rings.send(frame));
  transmit(machine);
  EXPECT_TRUE(machine.wait([&] { return sealer.broken() == 2; }));
  expect_nothing_on_wire(machine, datagram());
  // Nobody demands seals any more.
  ASSERT_EQ(sealer.commit(0), Result::k_ok);
  machine.set_reg(reg::TCTL, TCTL_PSP);
  sealer.forget(rings.send(frame));
  transmit(machine);
  expect_on_wire(machine, frame);
  EXPECT_EQ(machine.drops(kReason), 2u);
}

TEST(Seals, TellThePartitionWhatTheCardStored) {
  Machine machine(with_steering("vnic0"));
  Sealer sealer(machine);
  Rings rings(machine);
  ASSERT_NO_FATAL_FAILURE(start(machine, rings));
  ASSERT_EQ(sealer.commit(0), Result::k_ok);
  machine.wire().send(encapsulated(reply()));
  const auto frame = rings.receive();
  ASSERT_TRUE(frame);
  EXPECT_EQ(sealer.received(0), partition::kSealed | SealKey(kKey).seal(*frame));
}

TEST(Seals, AreRefusedForAStockNicAndOutOfRange) {
  Machine machine(with_steering("stock"));
  Sealer sealer(machine);
  EXPECT_EQ(sealer.commit(0), Result::k_no_seals);
  Machine ours(with_steering("vnic0"));
  Sealer other(ours);
  EXPECT_EQ(other.commit(0, 0), Result::k_bad_seals);
  EXPECT_EQ(other.commit(0, ~uint64_t{0}), Result::k_bad_seals);
  EXPECT_EQ(other.commit(0, kKey, 0), Result::k_bad_seals);
  EXPECT_EQ(other.commit(0, kKey, ~0u), Result::k_bad_seals);
}

// The whole: firmware in a second partition inspects the frames of a guest that waits until it has.
TEST(Seals, CatchAGuestThatWaitsUntilItsFrameIsInspected) {
  const Bytes wicked(8, 0xbd);
  Inspector inspector(wicked);
  Machine machine(inspector.options());
  Rings rings(machine);
  ASSERT_NO_FATAL_FAILURE(start(machine, rings));
  ASSERT_EQ(inspector.request(machine, partition::Request::kStart), partition::Answer::kDone);
  const Bytes frame = datagram();
  rings.send(frame);
  expect_on_wire(machine, frame);

  machine.set_reg(reg::TCTL, TCTL_PSP);
  const uint32_t index = rings.send(frame);
  ASSERT_TRUE(machine.wait([&] { return inspector.reports(machine, "inspected 2"); }));
  machine.bus().write_block(rings.buffer(index) + 60, wicked);
  transmit(machine);
  EXPECT_TRUE(machine.wait([&] { return machine.drops(kReason) == 1; }));
  EXPECT_TRUE(machine.wait([&] { return rings.sent(index); }));
  EXPECT_TRUE(inspector.reports(machine, "seals_broken 1"));
  EXPECT_TRUE(inspector.reports(machine, "dropped 0"));
  const auto event = machine.qmp().wait_event("GATEHOUSE_DROP", std::chrono::seconds(20));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->at("data").at("reason"), kReason);
  // One that is wicked from the start does not pass inspection, and a good one still does.
  Bytes other = frame;
  std::copy(wicked.begin(), wicked.end(), other.begin() + 60);
  rings.send(other);
  ASSERT_TRUE(machine.wait([&] { return inspector.reports(machine, "dropped 1"); }));
  expect_nothing_on_wire(machine, datagram());
  rings.send(frame);
  expect_on_wire(machine, frame);
  EXPECT_EQ(machine.drops(kReason), 1u);
}

// The frame waits in the ring while the machine moves; the guest changes it where it arrives.
TEST(Seals, HoldAfterMigration) {
  Machine source(with_steering("vnic0"));
  Sealer sealer(source);
  Rings rings(source);
  ASSERT_NO_FATAL_FAILURE(start(source, rings));
  ASSERT_EQ(sealer.commit(partition::kSteerSealed), Result::k_ok);
  send_later(source, rings, sealer, datagram());
  const uint32_t index = send_later(source, rings, sealer, datagram());
  const std::string file = source.path("state");
  source.save(file);
  Machine machine(with_steering("vnic0", "file:" + file));
  ASSERT_TRUE(machine.load()) << machine.process().log();
  machine.qmp().execute("cont");
  machine.bus().write(rings.buffer(index) + 60, 0x55, 1);
  transmit(machine);
  expect_on_wire(machine, datagram());
  EXPECT_TRUE(machine.wait([&] { return machine.drops(kReason) == 1; }));
  expect_nothing_on_wire(machine, datagram());
}

}  // namespace
}  // namespace gatehouse::registers
