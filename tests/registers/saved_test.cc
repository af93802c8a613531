// SPDX-License-Identifier: GPL-2.0-or-later
// Saved state: a machine is migrated to a file and goes on from there; machines that stand still.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "hw/core/base/archive.hh"
#include "tests/registers/rings.hh"
#include "tests/registers/traffic.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet
using test::Bytes;

// The next frame that is not QEMU's announcement of a NIC that moved (RARP).
std::optional<Bytes> receive_tunnelled(Machine& machine) {
  while (auto frame = machine.wire().receive()) {
    if ((*frame)[12] != 0x80 || (*frame)[13] != 0x35) return frame;
  }
  return std::nullopt;
}

TEST(SavedState, RegistersRingsAndCountersGoOnWhereTheyWere) {
  Machine source({.name = "source"});
  source.place_bars();
  Rings(source).start();
  Rings rings(source);
  source.set_reg(reg::FCTTV, 0x4321);
  rings.send(datagram(100));
  ASSERT_TRUE(source.wire().receive());
  const std::string file = source.path("state");
  source.save(file);

  Machine destination({.name = "destination", .incoming = "file:" + file});
  ASSERT_TRUE(destination.load()) << destination.process().log();
  destination.qmp().execute("cont");
  EXPECT_EQ(destination.config_read(Machine::kSlot, 0x10, 4), Machine::kMemoryBar);
  EXPECT_EQ(destination.reg(reg::FCTTV), 0x4321u);
  EXPECT_EQ(destination.reg(reg::TDH(0)), 1u);
  EXPECT_EQ(destination.reg(reg::TDT(0)), 1u);
  EXPECT_EQ(destination.vnic()["counters"]["tx_frames"], 1);
  // The next descriptor is the ring's second.
  destination.bus().write_block(Rings::kTransmitBuffers, datagram(200));
  std::array<uint8_t, kTxDescriptorSize> descriptor{};
  put<desc::TX_ADDRESS>(descriptor.data(), Rings::kTransmitBuffers);
  put<desc::TX_LENGTH>(descriptor.data(), datagram(200).size());
  put<desc::TX_COMMAND>(descriptor.data(), TX_CMD_EOP | TX_CMD_IFCS);
  destination.bus().write_block(Rings::kTransmitRing + 16, descriptor);
  destination.set_reg(reg::TDT(0), 2);
  const auto wire = receive_tunnelled(destination);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->size(), datagram(200).size() + kOuter);
}

TEST(SavedState, FramesOnTheCableArriveAfterLoading) {
  constexpr int64_t kLatencyNs = 1'000'000'000;
  const std::string latency = ",latency=" + std::to_string(kLatencyNs);
  Machine source({.card = latency, .name = "source"});
  source.place_bars();
  Rings rings(source);
  rings.start();
  rings.send(datagram(100));
  EXPECT_EQ(source.card()["uplinks"][0]["queued"], 1);
  const std::string file = source.path("state");
  source.save(file);

  Machine destination({.card = latency, .name = "destination", .incoming = "file:" + file});
  ASSERT_TRUE(destination.load()) << destination.process().log();
  destination.qmp().execute("cont");
  EXPECT_EQ(destination.card()["uplinks"][0]["queued"], 1);
  // The clock of a machine under qtest does not migrate: it runs until the frame is due.
  for (int i = 0; i < 100 && destination.card()["uplinks"][0]["queued"] != 0; ++i)
    destination.bus().step(kLatencyNs);
  const auto wire = receive_tunnelled(destination);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->size(), datagram(100).size() + kOuter);
}

// Sends a frame every 50 us until it goes, or so many are sent.
class Stream {
 public:
  static constexpr uint32_t kMost = 30'000;
  Stream(Wire& wire, const Bytes& frame)
      : thread_([this, &wire, frame] {
          for (uint32_t i = 0; i < kMost && !over_; ++i) {
            wire.offer(frame);
            std::this_thread::sleep_for(std::chrono::microseconds(50));
          }
        }) {}
  ~Stream() {
    over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

// RAM is saved before devices: what they write to it in between is not there afterwards. Frames
// come all the time, and many CPUs take their time to stop, so that some come while they do.
TEST(SavedState, WhatTheRingsHeadHasPassedIsInTheSavedRam) {
  constexpr uint64_t kRing = 0x1000000;
  constexpr uint32_t kDescriptors = 32768, kChunk = 0x10000;
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    MachineOptions options{.name = "source"};
    options.more = {"-smp", "32"};
    Machine source(options);
    source.place_bars();
    Rings(source).start();
    Bytes ring(size_t{16} * kDescriptors);
    for (uint32_t i = 0; i < kDescriptors; ++i) {
      put<desc::ADDRESS>(&ring[size_t{16} * i], Rings::kReceiveBuffers);
    }
    for (size_t at = 0; at < ring.size(); at += kChunk) {
      source.bus().write_block(kRing + at, std::span(ring).subspan(at, kChunk));
    }
    source.set_reg(reg::RDBAL(0), kRing);
    source.set_reg(reg::RDLEN(0), 16 * kDescriptors);
    source.set_reg(reg::RDH(0), 0);
    source.set_reg(reg::RDT(0), kDescriptors - 1);
    const std::string file = source.path("state");
    {
      const Stream stream(source.wire(), encapsulated(reply(100)));
      source.wait_received(10);
      source.save_running(file);
    }
    options.name = "destination";
    options.incoming = "file:" + file;
    Machine destination(options);
    ASSERT_TRUE(destination.load()) << destination.process().log();
    const uint32_t head = destination.reg(reg::RDH(0));
    ASSERT_GE(head, 10u);
    ASSERT_LT(head, kDescriptors - 1);
    for (uint32_t i = 0; i < head; ++i) {
      const Bytes back = destination.bus().read_block(kRing + uint64_t{16} * i, 16);
      ASSERT_TRUE(get<desc::LEGACY_STATUS>(back.data()) & RX_STATUS_DD) << i << " of " << head;
    }
    // Nor is there anything that it has not passed.
    const Bytes next = destination.bus().read_block(kRing + uint64_t{16} * head, 16);
    EXPECT_EQ(get<desc::LEGACY_STATUS>(next.data()), 0u);
  }
}

// Frames are due by the clock: it has to be loaded before the card.
TEST(SavedState, TheClockComesBeforeTheCardAndTheCardBeforeItsVnics) {
  Machine source({.name = "source"});
  const std::string file = source.path("state");
  source.save(file);
  std::ifstream in(file, std::ios::binary);
  const std::string state((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto section = [&](const std::string& name) {
    return state.find(std::string(1, static_cast<char>(name.size())) + name);
  };
  EXPECT_LT(section("timer"), state.find("gatehouse-card"));
  EXPECT_LT(state.find("gatehouse-card"), state.find("gatehouse-vnic"));
}

// What is sent meanwhile waits in the card, where saved state has it, not in QEMU's queues: as it
// is, cut it would be more than an uplink's queue holds.
TEST(SavedState, AMachineThatStandsStillSendsNothingButSavesIt) {
  Machine source({.name = "source"});
  source.place_bars();
  Rings rings(source);
  rings.start();
  source.qmp().execute("stop");
  rings.send(datagram(100));
  EXPECT_EQ(source.card()["packets-in-use"], 1);
  EXPECT_TRUE(source.wire().idle());
  const std::string file = source.path("state");
  source.save(file);
  Machine destination({.name = "destination", .incoming = "file:" + file});
  ASSERT_TRUE(destination.load()) << destination.process().log();
  EXPECT_EQ(destination.card()["packets-in-use"], 1);
  destination.qmp().execute("cont");
  auto wire = receive_tunnelled(destination);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->size(), datagram(100).size() + kOuter);
  source.qmp().execute("cont");  // as after a migration that failed
  wire = receive_tunnelled(source);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->size(), datagram(100).size() + kOuter);
  EXPECT_EQ(source.card()["packets-in-use"], 0);
}

TEST(SavedState, SuperFramesOfAMachineThatStandsStillAreSavedWhole) {
  constexpr uint32_t kFrames = 8, kSegments = 10, kMss = 1000;
  const Bytes frame =
      test::Frame()
          .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
          .ipv4({.source = "192.168.0.1", .destination = "192.168.0.2"})
          .tcp()
          .payload(kSegments * kMss)
          .build();
  Machine source({.name = "source"});
  source.place_bars();
  Rings rings(source);
  rings.start();
  source.qmp().execute("stop");
  for (uint32_t i = 0; i < kFrames; ++i) rings.send_super_frame(frame, kMss);
  EXPECT_TRUE(source.wire().idle());
  const std::string file = source.path("state");
  source.save(file);
  Machine destination({.name = "destination", .incoming = "file:" + file});
  ASSERT_TRUE(destination.load()) << destination.process().log();
  for (Machine* machine : {&destination, &source}) {
    EXPECT_EQ(machine->card()["packets-in-use"], kFrames);
    machine->qmp().execute("cont");  // the source: as after a migration that failed
    for (uint32_t i = 0; i < kFrames * kSegments; ++i) {
      const auto wire = receive_tunnelled(*machine);
      ASSERT_TRUE(wire) << i;
      EXPECT_EQ(wire->size(), kOuter + 54 + kMss);
    }
    EXPECT_EQ(machine->drops("uplink_queue_full"), 0u);
    EXPECT_EQ(machine->card()["packets-in-use"], 0);
  }
}

TEST(SavedState, TheCardKnowsALinkThatIsDown) {
  Machine source({.name = "source"});
  source.place_bars();
  Rings(source).start();
  ASSERT_EQ(source.vnic()["link"], true);
  source.qmp().execute("set_link", {{"name", "vnic0"}, {"up", false}});
  ASSERT_EQ(source.vnic()["link"], false);
  const std::string file = source.path("state");
  source.save(file);
  Machine destination({.name = "destination", .incoming = "file:" + file});
  ASSERT_TRUE(destination.load()) << destination.process().log();
  EXPECT_EQ(destination.vnic()["link"], false);
}

// ACPI S3. net.c keeps the first frame, and does not look at the wire again before it is rid of it.
TEST(Sleep, FramesComeAgainAfterwards) {
  constexpr unsigned kLpc = 31;
  constexpr uint16_t kPowerManagement = 0x600, kControl = kPowerManagement + 4;
  Machine machine;
  machine.place_bars();
  {
    Rings rings(machine);
    rings.start();
    machine.wire().send(encapsulated(reply(100)));
    ASSERT_EQ(rings.receive(), reply(100));
  }
  machine.config_write(kLpc, 0x40, kPowerManagement | 1, 4);  // PMBASE (ICH9 13.1.13)
  machine.config_write(kLpc, 0x44, 0x80, 1);                  // ACPI_EN
  machine.bus().out(kControl, 1 << 13 | 1 << 10, 2);          // SLP_EN; QEMU's SLP_TYP of S3
  const auto status = [&] { return machine.qmp().execute("query-status").value("status", ""); };
  ASSERT_TRUE(machine.wait([&] { return status() == "suspended"; }));
  machine.wire().send(encapsulated(reply(200)));
  // Twice around QEMU's loop, which looks at the wire, too.
  ASSERT_EQ(status(), "suspended");
  ASSERT_EQ(status(), "suspended");
  machine.qmp().execute("system_wakeup");
  ASSERT_TRUE(machine.wait([&] { return status() == "running"; }));
  machine.place_bars();  // devices have been reset
  Rings rings(machine);
  rings.start();
  machine.wire().send(encapsulated(reply(300)));
  EXPECT_EQ(rings.receive(), reply(300));
}

TEST(SavedState, ADestinationWithoutTheVnicRefuses) {
  Machine source({.name = "source"});
  const std::string file = source.path("state");
  source.save(file);
  Machine destination({.vnic = ",addr=4,mac=52:54:00:00:00:77",
                       .vnic_present = false,
                       .name = "destination",
                       .incoming = "file:" + file});
  // QEMU ends when an incoming migration fails.
  EXPECT_NE(destination.process().wait(std::chrono::seconds(20)), 0);
  EXPECT_NE(destination.process().log().find("vnic 'vnic0' that this card does not have"),
            std::string::npos)
      << destination.process().log();
}

// Waits until QEMU has taken what comes in, or has ended. Whether it has taken it; it then ends as
// it should.
bool takes(Machine& machine) {
  std::string status;
  const bool decided = machine.wait([&] {
    if (!machine.process().running()) return true;
    try {
      status = machine.qmp().execute("query-migrate").value("status", "");
    } catch (const lab::Failure&) {
      return false;  // it ends
    }
    return status == "completed" || status == "failed";
  });
  EXPECT_TRUE(decided) << "neither taken nor refused";
  if (status == "completed") {
    EXPECT_NO_THROW(machine.card()) << machine.process().log();
    EXPECT_NO_THROW(machine.qmp().execute("quit"));
  }
  EXPECT_EQ(machine.process().wait(std::chrono::seconds(20)), status == "completed" ? 0 : 1)
      << machine.process().log();
  return status == "completed";
}

TEST(SavedState, DamagedStateIsRefusedWithoutACrash) {
  Machine source({.name = "source"});
  source.place_bars();
  Rings(source).start();
  const std::string file = source.path("state");
  source.save(file);
  const std::string good = lab::read_file(file);
  // From the archive's own first octet on: a tag, a version, what belongs to it. Before it stands
  // its length. Some octets may be anything (a counter); those are taken.
  const struct {
    int offset;
    unsigned octets;
    bool refused;
  } damages[] = {{-4, 4, true},   {0, 4, true},    {4, 4, true},    {12, 16, false},
                 {38, 16, false}, {74, 16, false}, {274, 16, false}};
  for (const auto& [device, archived] :
       {std::pair{"gatehouse-card", "card"}, std::pair{"gatehouse-vnic", "vnic"}}) {
    Archive head;
    head.section(archived, 1);
    const std::string tag(head.bytes().begin(), head.bytes().begin() + 4);
    const size_t first = good.find(tag, good.find(device));
    ASSERT_NE(first, std::string::npos) << device;
    for (const auto& damage : damages) {
      SCOPED_TRACE(std::string(device) + " " + std::to_string(damage.offset));
      std::string bad = good;
      for (size_t i = 0; i < damage.octets; ++i) {
        char& octet = bad[first + static_cast<size_t>(damage.offset) + i];
        octet = static_cast<char>(octet ^ 0xff);
      }
      const std::string path = source.path("damaged");
      lab::write_file(path, bad);
      Machine destination({.name = "destination", .incoming = "file:" + path});
      EXPECT_FALSE(takes(destination) && damage.refused);
    }
  }
}

}  // namespace
}  // namespace gatehouse::registers
