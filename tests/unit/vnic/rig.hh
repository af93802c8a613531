// SPDX-License-Identifier: GPL-2.0-or-later
// A whole vnic on fakes, driven as a driver does it: registers by MMIO, rings and buffers in fake
// guest memory.
#ifndef GATEHOUSE_TESTS_UNIT_VNIC_RIG_HH_
#define GATEHOUSE_TESTS_UNIT_VNIC_RIG_HH_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "hw/card/vnic/ports.hh"
#include "hw/card/vnic/receive.hh"
#include "hw/card/vnic/transmit.hh"
#include "hw/card/vnic/vnic.hh"
#include "hw/core/base/archive.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/parse/parse.hh"
#include "hw/spec/i82574_descriptors.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/unit/vnic/vnic_frames.hh"
#include "tests/unit/zero_pages.hh"

namespace gatehouse::vnic::rig {

using namespace i82574;  // NOLINT: the tests read like the data sheet

// RAM from 0 to kRam; everything else is refused, as the real port refuses MMIO.
class Memory : public DmaPort {
 public:
  static constexpr uint64_t kRam = 32 * 1024 * 1024;
  struct Access {
    bool write;
    uint64_t address;
    uint32_t length;
  };

  bool read(uint64_t address, void* to, uint32_t length) override {
    ++reads;
    octets_read += length;
    if (!inside(address, length)) return refuse();
    std::memcpy(to, &ram[address], length);
    if (log) accesses.push_back({false, address, length});
    return true;
  }
  bool write(uint64_t address, const void* from, uint32_t length) override {
    ++writes;
    if (!inside(address, length)) return refuse();
    if (on_write) on_write(address, length);
    std::memcpy(&ram[address], from, length);
    if (log) accesses.push_back({true, address, length});
    return true;
  }

  test::ZeroPages<kRam> ram = test::zero_pages<kRam>();
  bool bus_master = true;
  bool log = false;
  uint64_t reads = 0, writes = 0, refused = 0, octets_read = 0;
  std::vector<Access> accesses;
  std::function<void(uint64_t, uint32_t)> on_write;

 private:
  bool inside(uint64_t address, uint32_t length) const {
    return bus_master && address <= kRam && length <= kRam - address;
  }
  bool refuse() {
    ++refused;
    return false;
  }
};

class Clock : public ClockPort {
 public:
  int64_t now_ns() override { return now; }
  void arm(Timer timer, int64_t deadline) override { deadlines[timer] = deadline; }
  void cancel(Timer timer) override { deadlines.erase(timer); }
  bool armed(Timer timer) const { return deadlines.count(timer) != 0; }

  int64_t now = 1'000'000;
  std::map<Timer, int64_t> deadlines;
};

class Interrupt : public InterruptPort {
 public:
  InterruptMode mode() override { return current; }
  void set_intx(bool asserted) override {
    if (asserted && !line) ++raised;
    line = asserted;
  }
  void send_msi() override { ++raised; }
  void send_msix(unsigned vector) override { ++vectors[vector]; }
  void clear_msix_pending(unsigned) override {}

  InterruptMode current = InterruptMode::kIntx;
  bool line = false;
  unsigned raised = 0;
  std::array<unsigned, 5> vectors{};
};

struct Sent {
  Bytes bytes;
  Offload offload;
  uint64_t cookie;
  uint32_t headroom;
};

class Card : public CardPort {
 public:
  explicit Card(const PacketPool::Limits& limits) : pool(limits) {}
  Packet* take_packet(uint32_t octets) override { return exhausted ? nullptr : pool.take(octets); }
  void give_packet(Packet* packet) override { pool.give(packet); }
  Packet* take_to_keep(uint32_t octets, bool saved) override {
    const bool room = saved || share.has_room(octets);
    Packet* packet = exhausted || !room ? nullptr : pool.take(octets);
    if (packet) share.keep(*packet);
    return packet;
  }
  void give_kept(Packet* packet) override {
    share.release(*packet);
    pool.give(packet);
  }
  void transmit(std::span<Packet* const> batch) override {
    batches.push_back(batch.size());
    for (Packet* packet : batch) {
      sent.push_back({Bytes(packet->data, packet->data + packet->length), packet->offload,
                      packet->cookie, packet->headroom()});
      pool.give(packet);
    }
    if (on_transmit) on_transmit();
  }
  void count_drop(spec::DropReason reason) override { ++drops[reason]; }
  void receive_ready() override { ++ready; }
  void link_changed(bool up) override { link = up; }

  PacketPool pool;
  PacketShare share{pool};
  bool exhausted = false;
  bool link = false;
  unsigned ready = 0;
  std::vector<Sent> sent;
  std::vector<size_t> batches;
  std::map<spec::DropReason, unsigned> drops;
  std::function<void()> on_transmit;
};

// Where things lie in guest memory.
inline constexpr uint64_t kRxRing = 0x100000, kTxRing = 0x200000, kBuffers = 0x400000;
inline constexpr uint64_t kRingStride = 0x80000;  // from queue 0's ring to queue 1's
inline constexpr uint64_t kTxBuffers = 0x1000000;
inline constexpr uint64_t kMmio = 0xfebc0000;  // not RAM

class Rig {
 public:
  explicit Rig(const PacketPool::Limits& limits = {2048, 2304, 24,
                                                   kHeadroom + kMaxSuperFrame + 256})
      : card(limits), vnic(Ports{memory, clock, interrupt, card}, identity()) {
    vnic.reset(ResetKind::kPowerOn);
    bring_link_up();
  }
  static Identity identity() {
    Identity identity;
    identity.mac = MacAddress::from(kOwnMac.data());
    return identity;
  }
  void bring_link_up() {
    vnic.mmio_write(reg::CTRL, vnic.mmio_read(reg::CTRL, 4) | CTRL_SLU, 4);
    for (int i = 0; i < 100 && !vnic.link_up(); ++i) advance(100'000'000);
    EXPECT_TRUE(vnic.link_up());
  }
  uint32_t get(uint32_t offset) { return static_cast<uint32_t>(vnic.mmio_read(offset, 4)); }
  void set(uint32_t offset, uint32_t value) { vnic.mmio_write(offset, value, 4); }
  // Causes as ICR has them, without clearing any.
  uint32_t causes() { return vnic.registers()[reg::ICR]; }
  void clear_causes() { set(reg::ICR, 0xffffffff); }

  // Lets virtual time pass; timers fire in order.
  void advance(int64_t ns) {
    const int64_t end = clock.now + ns;
    for (int guard = 0; guard < 100000; ++guard) {
      auto next = clock.deadlines.end();
      for (auto it = clock.deadlines.begin(); it != clock.deadlines.end(); ++it) {
        if (it->second <= end && (next == clock.deadlines.end() || it->second < next->second)) {
          next = it;
        }
      }
      if (next == clock.deadlines.end()) {
        clock.now = end;
        return;
      }
      const Timer timer = next->first;
      clock.now = std::max(clock.now, next->second);
      clock.deadlines.erase(next);
      vnic.timer_expired(timer);
    }
    FAIL() << "timers never come to rest";
  }

  uint8_t* at(uint64_t address) { return &memory.ram[address]; }
  void put(uint64_t address, std::span<const uint8_t> bytes) {
    std::memcpy(at(address), bytes.data(), bytes.size());
  }
  Bytes take(uint64_t address, uint32_t length) { return Bytes(at(address), at(address) + length); }

  // A receive ring of `units`, tail 0.
  void receive_ring(unsigned queue, uint32_t units) {
    set(reg::RDBAL(queue), static_cast<uint32_t>(kRxRing + queue * kRingStride));
    set(reg::RDBAH(queue), 0);
    set(reg::RDLEN(queue), units * kRingUnit);
    set(reg::RDH(queue), 0);
    set(reg::RDT(queue), 0);
  }
  uint8_t* rx(uint32_t unit, unsigned queue = 0) {
    return at(kRxRing + queue * kRingStride + unit * kRingUnit);
  }
  // Legacy or extended descriptors with a buffer each, `stride` apart; the tail goes behind the
  // last.
  void offer(uint32_t from, uint32_t count, uint32_t stride = 4096, unsigned queue = 0) {
    const uint32_t length = get(reg::RDLEN(queue)) / kRingUnit;
    for (uint32_t i = 0; i < count; ++i) {
      uint8_t* d = rx((from + i) % length, queue);
      std::memset(d, 0, kRingUnit);
      i82574::put<desc::ADDRESS>(d, buffer((from + i) % length, stride, queue));
    }
    set(reg::RDT(queue), (from + count) % length);
  }
  static uint64_t buffer(uint32_t index, uint32_t stride = 4096, unsigned queue = 0) {
    return kBuffers + queue * 0x600000 + uint64_t{index} * stride;
  }
  void enable_receiver(uint32_t rctl = RCTL_BAM | RCTL_SECRC) { set(reg::RCTL, rctl | RCTL_EN); }

  void transmit_ring(unsigned queue, uint32_t units) {
    set(reg::TDBAL(queue), static_cast<uint32_t>(kTxRing + queue * kRingStride));
    set(reg::TDBAH(queue), 0);
    set(reg::TDLEN(queue), units * kRingUnit);
    set(reg::TDH(queue), 0);
    set(reg::TDT(queue), 0);
    set(reg::TCTL, TCTL_EN | TCTL_PSP);
  }
  uint8_t* tx(uint32_t unit, unsigned queue = 0) {
    return at(kTxRing + queue * kRingStride + unit * kRingUnit);
  }
  // Writes descriptors in order; returns the unit behind.
  struct TxBuffer {
    uint64_t address;
    uint32_t length;
  };
  void legacy(uint32_t unit, TxBuffer buffer, uint8_t command, unsigned queue = 0) {
    uint8_t* d = tx(unit, queue);
    std::memset(d, 0, kRingUnit);
    i82574::put<desc::TX_ADDRESS>(d, buffer.address);
    i82574::put<desc::TX_LENGTH>(d, buffer.length);
    i82574::put<desc::TX_COMMAND>(d, command);
  }
  void data(uint32_t unit, TxBuffer buffer, uint8_t command, uint8_t options = 0,
            unsigned queue = 0) {
    uint8_t* d = tx(unit, queue);
    std::memset(d, 0, kRingUnit);
    i82574::put<desc::DATA_ADDRESS>(d, buffer.address);
    i82574::put<desc::DATA_DTALEN>(d, buffer.length);
    i82574::put<desc::DATA_DTYP>(d, static_cast<uint64_t>(TxType::kData));
    i82574::put<desc::DATA_DCMD>(d, command | TX_CMD_DEXT);
    i82574::put<desc::DATA_POPTS>(d, options);
  }
  // A frame in one legacy descriptor, buffer of its own.
  void queue_frame(uint32_t unit, std::span<const uint8_t> frame,
                   uint8_t command = TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS, unsigned queue = 0) {
    const uint64_t address = kTxBuffers + queue * 0x800000 + uint64_t{unit} * 2048;
    put(address, frame);
    legacy(unit, {address, static_cast<uint32_t>(frame.size())}, command, queue);
  }

  // A frame from the card, in two pieces split at `head`.
  size_t receive(const Bytes& frame, uint32_t head = 0) {
    Layers layers;
    const bool known =
        parse::parse(frame, {.ipv4_checksum = false}, layers) == spec::DropReason::none;
    const uint32_t length = static_cast<uint32_t>(frame.size());
    const Delivery delivery{.frame = {{frame.data(), head}, {frame.data() + head, length - head}},
                            .layers = known ? &layers : nullptr};
    return vnic.receive({&delivery, 1});
  }
  size_t receive_all(const std::vector<Bytes>& frames) {
    std::vector<Layers> layers(frames.size());
    std::vector<Delivery> deliveries(frames.size());
    for (size_t i = 0; i < frames.size(); ++i) {
      const bool known = parse::parse(frames[i], {}, layers[i]) == spec::DropReason::none;
      deliveries[i] = {.frame = {{}, {frames[i].data(), static_cast<uint32_t>(frames[i].size())}},
                       .layers = known ? &layers[i] : nullptr};
    }
    return vnic.receive(deliveries);
  }

  Memory memory;
  Clock clock;
  Interrupt interrupt;
  Card card;
  Vnic vnic;
};

// Fields by their names in hw/spec.
template <DescriptorField F>
uint64_t field(const uint8_t* descriptor) {
  return i82574::get<F>(descriptor);
}

}  // namespace gatehouse::vnic::rig

#endif  // GATEHOUSE_TESTS_UNIT_VNIC_RIG_HH_
