// SPDX-License-Identifier: GPL-2.0-or-later
// A whole interception without QEMU: the real 82574L model, the real redirection and steering
// units, the firmware's interceptor, and a driver that sees registers and memory as a guest does.
#ifndef GATEHOUSE_TESTS_UNIT_FIRMWARE_INTERCEPTOR_RIG_HH_
#define GATEHOUSE_TESTS_UNIT_FIRMWARE_INTERCEPTOR_RIG_HH_

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "firmware/interceptor/interceptor.hh"
#include "hw/partition/redirect.hh"
#include "hw/partition/steer.hh"
#include "tests/unit/vnic/rig.hh"
#include "tests/unit/zero_pages.hh"

namespace gatehouse::interceptor {

using namespace i82574;  // NOLINT: the tests read like the data sheet
using vnic::rig::Bytes;

inline constexpr uint64_t kPrivateOctets = 0x80'0000;
inline constexpr uint64_t kSharedAt = 0x10'0000, kGivenAt = 0x12'0000, kSealsAt = 0x14'0000,
                          kCopyAt = 0x16'0000, kMarksAt = 0x1c'0000, kRealAt = 0x20'0000;
inline constexpr uint64_t kSealKey = 0x0123'4567'89ab'cdef;
inline constexpr uint32_t kUnits = 1024;  // of a real ring
inline constexpr uint64_t kSendAt = kRealAt + kRings * real_octets(kUnits),
                          kReceiveAt = kSendAt + kTransmitRings * kSendOctets;
inline constexpr uint32_t kVector = 40;

class PrivateRam : public partition::RamPort {
 public:
  uint8_t* at(uint64_t address, uint64_t octets, uint64_t alignment) override {
    const uint64_t offset = address - partition::kRamBase;
    const bool inside = octets != 0 && address % alignment == 0 && offset <= kPrivateOctets &&
                        octets <= kPrivateOctets - offset;
    return inside ? memory.get() + offset : nullptr;
  }
  void written(uint64_t, uint64_t) override {}

  test::ZeroPages<kPrivateOctets> memory = test::zero_pages<kPrivateOctets>();
};

class Cores : public partition::InterruptPort {
 public:
  void raise(unsigned, uint8_t) override { ++raised; }
  void raise_apart(unsigned, uint8_t, uint32_t apart_ns) override {
    ++raised;
    apart = apart_ns;
  }
  void look_later(partition::UnitBlock& unit, uint32_t in_ns, bool) override {
    looking = &unit;
    look_in = in_ns;
  }
  void forget(partition::UnitBlock&) override { looking = nullptr; }
  unsigned cores() const override { return 1; }
  unsigned raised = 0;
  uint32_t apart = 0;  // of the last
  partition::UnitBlock* looking = nullptr;
  uint32_t look_in = 0;
};

// The device's DMA: the guest's memory, and of private memory what the steering unit opens.
class SteeredMemory : public vnic::rig::Memory {
 public:
  explicit SteeredMemory(PrivateRam& hidden) : hidden_(hidden) {}
  bool read(uint64_t address, void* to, uint32_t length) override {
    const uint8_t* from = window(address, length);
    if (from == nullptr) return Memory::read(address, to, length);
    std::memcpy(to, from, length);
    return true;
  }
  bool write(uint64_t address, const void* from, uint32_t length) override {
    uint8_t* to = window(address, length);
    if (to == nullptr) return Memory::write(address, from, length);
    std::memcpy(to, from, length);
    return true;
  }
  uint64_t begin = 0, octets = 0;

 private:
  uint8_t* window(uint64_t address, uint64_t length) {
    const bool inside =
        address >= begin && address - begin <= octets && length <= octets - (address - begin);
    return inside ? hidden_.at(address, length, 1) : nullptr;
  }
  PrivateRam& hidden_;
};

class Machine;

enum class Target : uint8_t { kRedirect, kSteer, kNic, kVectors };

// Firmware's accesses.
struct Bus {
  Machine* machine;
  Target target;
  template <class T>
  T read(uint64_t offset) const {
    return static_cast<T>(load(offset, sizeof(T)));
  }
  template <class T>
  void write(uint64_t offset, T value) const {
    store(offset, value, sizeof(T));
  }
  uint64_t load(uint64_t offset, unsigned octets) const;
  void store(uint64_t offset, uint64_t value, unsigned octets) const;
};

class Alerts : public AlertSink {
 public:
  void alert(Alert what, uint64_t) override { ++times[static_cast<unsigned>(what)]; }
  unsigned count(Alert what) const { return times[static_cast<unsigned>(what)]; }
  std::array<unsigned, 7> times{};
};

class Machine : public vnic::InterruptPort,
                public vnic::SealPort,
                public partition::RedirectedDevice,
                public partition::SteeredDevice {
 public:
  explicit Machine(Inspector* inspector = nullptr, bool sealed = false, uint64_t receive_copies = 0,
                   uint32_t packets = 2048)
      : is_sealed(sealed),
        receive_octets(receive_copies),
        memory(hidden),
        card({packets, 2304, 24, kHeadroom + kMaxSuperFrame + 256}),
        nic(vnic::Ports{memory, clock, *this, card}, vnic::rig::Rig::identity()),
        redirect(hidden, cores, *this),
        steer(hidden, cores, *this),
        interceptor(place(), alerts, inspector) {
    nic.reset(vnic::ResetKind::kPowerOn);
    redirect.plugged();
    steer.plugged();
    link_up();
  }
  Place<Bus> place() {
    uint8_t* base = hidden.memory.get();
    return {.redirect = hal::View<Bus>(Bus{this, Target::kRedirect}),
            .steer = hal::View<Bus>(Bus{this, Target::kSteer}),
            .nic = {this, Target::kNic},
            .vectors = {this, Target::kVectors},
            .guest = {memory.ram.get(), vnic::rig::Memory::kRam},
            .shared = reinterpret_cast<Shared*>(base + kSharedAt),
            .real = base + kRealAt,
            .given = base + kGivenAt,
            .units = kUnits,
            .bias = partition::kRamBase - reinterpret_cast<uintptr_t>(base),
            .vector = kVector,
            .core = 0,
            .seals = is_sealed ? SealPlace{reinterpret_cast<uint64_t*>(base + kSealsAt),
                                           base + kCopyAt, kSealKey}
                               : SealPlace{},
            .copies = receive_octets != 0
                          ? CopyPlace{.send = base + kSendAt,
                                      .receive = base + kReceiveAt,
                                      .receive_octets = receive_octets,
                                      .frame = base + kCopyAt,
                                      .marks = reinterpret_cast<uint32_t*>(base + kMarksAt)}
                          : CopyPlace{}};
  }
  Shared& shared() { return *reinterpret_cast<Shared*>(hidden.memory.get() + kSharedAt); }

  // ---- vnic::InterruptPort
  vnic::InterruptMode mode() override { return current; }
  void set_intx(bool asserted) override {
    device_line = asserted;
    steer.line(asserted);
  }
  void send_msi() override { send_msix(0); }
  void send_msix(unsigned vector) override {
    const Message& message = messages[vector];
    if (!steer.message(message.address, message.data)) send(message.address, message.data);
  }
  void clear_msix_pending(unsigned) override {}

  // ---- partition::RedirectedDevice
  uint64_t bar_octets(unsigned bar) override {
    constexpr uint64_t kOctets[] = {
        kMemoryBarOctets, kFlashBarOctets, kIoBarOctets, kMsixBarOctets, 0, 0};
    return kOctets[bar];
  }
  uint64_t read(unsigned bar, uint64_t offset, unsigned octets) override {
    if (bar == 2) return nic.io_read(offset, octets);
    if (bar == 3) return read_message(offset);
    return bar == 0 ? nic.mmio_read(offset, octets) : 0;
  }
  void write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) override {
    if (bar == 2) nic.io_write(offset, static_cast<uint32_t>(value), octets);
    if (bar == 0) nic.mmio_write(offset, value, octets);
  }
  void install(std::span<const partition::BarRange> ranges) override { installed = ranges.size(); }

  // ---- partition::SteeredDevice
  bool intx_apart() override { return intx_is_apart; }
  bool checks_seals() override { return has_seals; }
  void use(const partition::Steering& steering) override {
    memory.begin = steering.dma;
    memory.octets = steering.dma_octets;
    nic.set_seals(steering.seals != 0 ? this : nullptr);
  }
  void send(uint64_t, uint32_t data) override {
    ++vectors[data];
    if (on_interrupt) on_interrupt();
  }
  void set_line(bool level) override { line = level; }

  // ---- vnic::SealPort
  bool holds(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) override {
    return steer.seal_holds(queue, unit, octets);
  }
  void received(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) override {
    steer.seal_received(queue, unit, octets);
  }

  // ---- The guest
  uint32_t get(uint32_t offset) { return static_cast<uint32_t>(redirect.guest_read(0, offset, 4)); }
  void set(uint32_t offset, uint32_t value) { redirect.guest_write(0, offset, value, 4); }
  uint8_t* at(uint64_t address) { return &memory.ram[address]; }

  // The MSI-X table, as its driver fills it.
  struct Message {
    uint64_t address;
    uint32_t data;
  };
  std::array<Message, kMsixVectors> messages{
      {{0xfee0'0000, 0}, {0xfee0'1000, 1}, {0xfee0'2000, 2}, {0xfee0'3000, 3}, {0x1'0000'4000, 4}}};
  uint32_t read_message(uint64_t offset) {
    const Message& message = messages.at(offset / kMsixEntryOctets);
    const uint64_t word = offset % kMsixEntryOctets;
    if (word == kMsixData) return message.data;
    return static_cast<uint32_t>(word == kMsixAddressHigh ? message.address >> 32
                                                          : message.address);
  }

  // ---- The world
  void link_up() {
    set(reg::CTRL, get(reg::CTRL) | CTRL_SLU);
    for (int i = 0; i < 100 && !nic.link_up(); ++i) advance(100'000'000);
    ASSERT_TRUE(nic.link_up());
  }
  void advance(int64_t ns) {
    const int64_t end = clock.now + ns;
    for (int guard = 0; guard < 100'000; ++guard) {
      auto next = clock.deadlines.end();
      for (auto it = clock.deadlines.begin(); it != clock.deadlines.end(); ++it) {
        if (it->second <= end && (next == clock.deadlines.end() || it->second < next->second))
          next = it;
      }
      if (next == clock.deadlines.end()) break;
      const vnic::Timer timer = next->first;
      clock.now = std::max(clock.now, next->second);
      clock.deadlines.erase(next);
      nic.timer_expired(timer);
    }
    clock.now = end;
  }
  void receive(const Bytes& frame) {
    Layers layers;
    const bool known =
        parse::parse(frame, {.ipv4_checksum = false}, layers) == spec::DropReason::none;
    const vnic::Delivery delivery{
        .frame = {{}, {frame.data(), static_cast<uint32_t>(frame.size())}},
        .layers = known ? &layers : nullptr};
    nic.receive({&delivery, 1});
  }
  // Until nobody has anything to do.
  void settle() {
    for (int guard = 0; guard < 1000; ++guard) {
      advance(1'000'000);
      if (!interceptor.poll()) {
        interceptor.arm();
        interceptor.disarm();
        return;
      }
    }
    FAIL() << "never comes to rest";
  }

  const bool is_sealed;
  const uint64_t receive_octets;  // 0: no copy mode
  PrivateRam hidden;
  Cores cores;
  SteeredMemory memory;
  vnic::rig::Clock clock;
  vnic::rig::Card card;
  vnic::InterruptMode current = vnic::InterruptMode::kMsix;
  bool intx_is_apart = true;
  bool has_seals = true;
  bool device_line = false, line = false;
  size_t installed = 0;
  std::array<unsigned, 5> vectors{};
  std::function<void()> on_interrupt;
  // In front of each access of firmware's to a register: the guest's CPUs run at the same time.
  std::function<void()> on_access;
  std::function<void(uint32_t offset)> on_nic_write;  // in front of firmware's to the NIC
  void accessed() {
    if (!on_access || in_access_) return;
    in_access_ = true;
    on_access();
    in_access_ = false;
  }
  vnic::Vnic nic;
  partition::Redirect redirect;
  partition::Steer steer;
  Alerts alerts;
  Interceptor<Bus> interceptor;

 private:
  bool in_access_ = false;
};

inline uint64_t Bus::load(uint64_t offset, unsigned octets) const {
  const uint32_t at = static_cast<uint32_t>(offset);
  machine->accessed();
  switch (target) {
    case Target::kRedirect:
      return machine->redirect.read(at, octets);
    case Target::kSteer:
      return machine->steer.read(at, octets);
    case Target::kVectors:
      return machine->read_message(offset);
    case Target::kNic:
      break;
  }
  return machine->nic.mmio_read(offset, octets);
}
inline void Bus::store(uint64_t offset, uint64_t value, unsigned octets) const {
  const uint32_t at = static_cast<uint32_t>(offset);
  machine->accessed();
  switch (target) {
    case Target::kRedirect:
      return machine->redirect.write(at, value, octets);
    case Target::kSteer:
      return machine->steer.write(at, value, octets);
    case Target::kVectors:
      FAIL() << "the table is the guest's";
    case Target::kNic:
      if (machine->on_nic_write) machine->on_nic_write(at);
      return machine->nic.mmio_write(offset, value, octets);
  }
}

enum class Format : uint8_t { kLegacy, kExtended, kSplit };

// A driver of one queue pair, as drivers are: it fills rings and looks at DD.
class Driver {
 public:
  struct Settings {
    unsigned queue = 0;
    uint32_t receive_units = 64, transmit_units = 64;
    Format format = Format::kExtended;
    bool alias = false;  // registers of queue 0 by their other address
  };
  Driver(Machine& machine, const Settings& settings) : m_(machine), s_(settings) {}

  void set_up() {
    const uint32_t step = units_per_buffer();
    ring(reg::RDBAL, kRxRing, s_.receive_units);
    ring(reg::TDBAL, kTxRing, s_.transmit_units);
    next_ = sent_ = cleaned_ = 0;
    std::memset(m_.at(kRxRing + stride()), 0, s_.receive_units * kRingUnit);
    std::memset(m_.at(kTxRing + stride()), 0, s_.transmit_units * kRingUnit);
    const bool extended = s_.format != Format::kLegacy;
    m_.set(reg::RFCTL, extended ? uint32_t{RFCTL_EXSTEN} : 0);
    m_.set(reg::PSRCTL, 1 | 2 << 8 | 0 << 16);  // 128 octets, 2 KiB
    m_.set(reg::TCTL, TCTL_EN | TCTL_PSP);
    for (uint32_t unit = 0; unit < s_.receive_units; unit += step) prepare(unit);
    m_.set(reg::RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC | RCTL_LPE | RCTL_UPE |
                          (s_.format == Format::kSplit ? 1u << 10 : 0));
    tail(reg::RDT, s_.receive_units - step);
    offered_ = s_.receive_units - step;
    m_.set(reg::IVAR, 0x000a'9898);  // receive 0, transmit 1, other 2
    m_.set(reg::IMS, 0x01f0'0004);
  }

  // True: the frame is on the ring; ring it with doorbell().
  bool send(const Bytes& frame, unsigned buffers = 1, bool extended = false) {
    const uint32_t needed = buffers + (extended ? 1 : 0);
    clean();
    if (room() < needed) return false;
    if (extended) put_context(take_unit());
    const uint32_t part = static_cast<uint32_t>(frame.size()) / buffers;
    for (unsigned i = 0; i < buffers; ++i) {
      const bool last = i + 1 == buffers;
      const uint32_t from = i * part;
      const uint32_t octets = last ? static_cast<uint32_t>(frame.size()) - from : part;
      const uint32_t unit = take_unit();
      const uint64_t address = kTxBuffers + s_.queue * 0x400000 + uint64_t{unit} * 4096;
      std::memcpy(m_.at(address), frame.data() + from, octets);
      uint8_t* d = tx(unit);
      std::memset(d, 0, kRingUnit);
      put<desc::TX_ADDRESS>(d, address);
      const uint64_t command = TX_CMD_IFCS | (last ? TX_CMD_EOP | TX_CMD_RS : 0);
      if (extended) {
        put<desc::DATA_DTALEN>(d, octets);
        put<desc::DATA_DTYP>(d, 1);
        put<desc::DATA_DCMD>(d, command | TX_CMD_DEXT);
      } else {
        put<desc::TX_LENGTH>(d, octets);
        put<desc::TX_COMMAND>(d, command);
      }
      ends_[unit] = last;
    }
    return true;
  }
  void doorbell() { tail(reg::TDT, sent_); }
  // Takes back what has been reported.
  void clean() {
    uint32_t unit = cleaned_;
    while (unit != sent_) {
      const bool end = ends_[unit];
      const bool done = (get<desc::TX_STATUS>(tx(unit)) & TX_STATUS_DD) != 0;
      unit = (unit + 1) % s_.transmit_units;
      if (!end) continue;
      if (!done) return;
      cleaned_ = unit;
    }
  }
  uint32_t unfinished() {
    clean();
    return (sent_ + s_.transmit_units - cleaned_) % s_.transmit_units;
  }
  uint32_t room() { return s_.transmit_units - 1 - unfinished(); }

  // Frames that have come; their buffers go back to the NIC.
  std::vector<Bytes> receive() {
    std::vector<Bytes> frames;
    Bytes frame;
    uint32_t unit = next_;
    while (finished(unit)) {
      const uint32_t last = unit;
      append(frame, unit);
      unit = (unit + units_per_buffer()) % s_.receive_units;
      if ((status(last) & RX_STATUS_EOP) == 0) continue;
      errors += (status(last) & RX_ERROR_RXE) != 0;
      frames.push_back(frame);
      frame.clear();
      for (; next_ != unit; next_ = (next_ + units_per_buffer()) % s_.receive_units) {
        prepare(offered_);
        offered_ = (offered_ + units_per_buffer()) % s_.receive_units;
      }
    }
    if (!frames.empty()) tail(reg::RDT, offered_);
    return frames;
  }

  uint8_t* rx(uint32_t unit) { return m_.at(kRxRing + stride() + unit * kRingUnit); }
  uint8_t* tx(uint32_t unit) { return m_.at(kTxRing + stride() + unit * kRingUnit); }
  void tail(const reg::Offset& row, uint32_t value) { m_.set(where(row), value); }
  uint32_t position(const reg::Offset& row) { return m_.get(where(row)); }
  uint32_t sent() const { return sent_; }
  uint32_t next() const { return next_; }

  static constexpr uint64_t kRxRing = vnic::rig::kRxRing, kTxRing = vnic::rig::kTxRing;
  static constexpr uint64_t kTxBuffers = vnic::rig::kTxBuffers;
  unsigned errors = 0;

 private:
  uint32_t units_per_buffer() const { return s_.format == Format::kSplit ? 2 : 1; }
  uint64_t stride() const { return s_.queue * vnic::rig::kRingStride; }
  uint32_t where(const reg::Offset& row) const {
    return s_.alias && s_.queue == 0 ? alias_of(row) : row(s_.queue);
  }
  void ring(const reg::Offset& base, uint64_t address, uint32_t units) {
    const uint32_t at = where(base);
    m_.set(at, static_cast<uint32_t>(address + stride()));
    m_.set(at + 4, 0);
    m_.set(at + 8, units * kRingUnit);
    m_.set(at + 0x10, 0);
    m_.set(at + 0x18, 0);
  }
  void prepare(uint32_t unit) {
    uint8_t* d = rx(unit);
    const uint64_t buffer = vnic::rig::kBuffers + s_.queue * 0x400000 + uint64_t{unit} * 4096;
    std::memset(d, 0, kRingUnit * units_per_buffer());
    put<desc::ADDRESS>(d, buffer);
    if (s_.format != Format::kSplit) return;
    put<desc::SPLIT_ADDRESS1>(d, buffer + 1024);
    put<desc::SPLIT_ADDRESS2>(d, kSplitNoBuffer);
    put<desc::SPLIT_ADDRESS3>(d, kSplitNoBuffer);
  }
  uint32_t status(uint32_t unit) {
    const uint8_t* d = rx(unit);
    if (s_.format == Format::kLegacy)
      return static_cast<uint32_t>(get<desc::LEGACY_STATUS>(d) | get<desc::LEGACY_ERRORS>(d)
                                                                     << kRxLegacyErrorShift);
    return static_cast<uint32_t>(get<desc::STATUS_ERROR>(d));
  }
  bool finished(uint32_t unit) { return unit != offered_ && (status(unit) & RX_STATUS_DD) != 0; }
  void append(Bytes& frame, uint32_t unit) {
    const uint8_t* d = rx(unit);
    const uint8_t* buffer =
        m_.at(vnic::rig::kBuffers + s_.queue * 0x400000 + uint64_t{unit} * 4096);
    const auto add = [&](const uint8_t* from, uint64_t octets) {
      frame.insert(frame.end(), from, from + octets);
    };
    if (s_.format == Format::kLegacy) return add(buffer, get<desc::LEGACY_LENGTH>(d));
    add(buffer, get<desc::LENGTH>(d));
    if (s_.format == Format::kSplit) add(buffer + 1024, get<desc::LENGTH1>(d));
  }
  uint32_t take_unit() {
    const uint32_t unit = sent_;
    sent_ = (sent_ + 1) % s_.transmit_units;
    return unit;
  }
  void put_context(uint32_t unit) {
    uint8_t* d = tx(unit);
    std::memset(d, 0, kRingUnit);
    put<desc::CONTEXT_IPCSS>(d, 14);
    put<desc::CONTEXT_IPCSO>(d, 24);
    put<desc::CONTEXT_IPCSE>(d, 33);
    put<desc::CONTEXT_TUCSS>(d, 34);
    put<desc::CONTEXT_TUCSO>(d, 0xb2);  // looks like an address in private memory
    put<desc::CONTEXT_TUCMD>(d, TX_CMD_DEXT | TX_TUCMD_IP);
    ends_[unit] = false;
  }

  Machine& m_;
  const Settings s_;
  uint32_t next_ = 0, offered_ = 0;
  uint32_t sent_ = 0, cleaned_ = 0;
  std::array<bool, 4096> ends_{};
};

// Frames that can be told apart.
inline Bytes numbered(uint32_t number, uint32_t octets = 100) {
  Bytes frame = vnic::rig::ethernet(vnic::rig::kOwnMac, 0x88b5, octets - 14);
  for (unsigned i = 0; i < 4; ++i) frame[14 + i] = static_cast<uint8_t>(number >> 8 * i);
  return frame;
}
inline uint32_t number_of(const Bytes& frame) {
  return frame.size() < 18 ? ~0u
                           : frame[14] | frame[15] << 8 | frame[16] << 16 |
                                 static_cast<uint32_t>(frame[17]) << 24;
}

// Tests' inspectors drop a frame whose last octet is kMark, and change the first octet of one that
// has kChanged octets or more.
inline constexpr uint8_t kMark = 0xad, kChangedFirst = 0x02;
inline constexpr uint32_t kChanged = 1000;
inline constexpr Format kFormats[] = {Format::kLegacy, Format::kExtended, Format::kSplit};

// Frames both ways, of a guest that plays fair: what passes arrives, as such an inspector left it.
inline void expect_fair_play(Machine& m, const Driver::Settings& settings) {
  Driver driver(m, settings);
  driver.set_up();
  for (uint32_t number = 0; number < 200; ++number) {
    Bytes frame = numbered(number, 100 + number * 7 % 1300);
    frame.back() = number % 3 == 0 ? kMark : 0;
    ASSERT_TRUE(driver.send(frame, 1 + number % 3, number % 2 == 0));
    driver.doorbell();
    m.receive(frame);
    m.settle();
    const bool passes = number % 3 != 0;
    if (frame.size() >= kChanged) frame[0] = kChangedFirst;
    ASSERT_EQ(m.card.sent.size(), passes ? 1u : 0u) << number;
    for (const auto& one : m.card.sent) EXPECT_EQ(one.bytes, frame);
    m.card.sent.clear();
    if (settings.queue == 1) continue;  // what comes goes to queue 0
    const std::vector<Bytes> frames = driver.receive();
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0], passes ? frame : Bytes(frame.size(), 0));
  }
  EXPECT_EQ(driver.unfinished(), 0u);
}

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_TESTS_UNIT_FIRMWARE_INTERCEPTOR_RIG_HH_
