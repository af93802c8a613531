// SPDX-License-Identifier: GPL-2.0-or-later
// The 82574L in front of a hostile driver: registers, descriptors and buffers of any kind, frames,
// time, resets, and saved states that lie. One access costs a bounded amount of DMA, no packet is
// kept, and after a reset a driver that starts over has a NIC that works.
#include "hw/card/vnic/vnic.hh"

#include <utility>

#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/vnic/rig.hh"

namespace gatehouse::fuzz {
namespace {

using namespace vnic::rig;  // NOLINT
using vnic::ResetKind;

constexpr PacketPool::Limits kPool{96, 2304, 2, kHeadroom + kMaxSuperFrame + 256};
constexpr unsigned kMostSteps = 100;

class Play {
 public:
  explicit Play(Input& input) : input_(input) {
    for (unsigned queue = 0; queue < 2; ++queue) {
      rig_.receive_ring(queue, 64);
      rig_.transmit_ring(queue, 64);
      rig_.offer(0, 32, 4096, queue);
    }
    rig_.enable_receiver();
  }

  void run() {
    for (unsigned steps = 0; steps < kMostSteps && !input_.empty(); ++steps) {
      const auto& memory = rig_.memory;
      const uint64_t calls = memory.reads + memory.writes + memory.refused;
      const uint64_t octets = memory.octets_read;
      if (step()) continue;  // time passed: any number of timers
      require(memory.reads + memory.writes + memory.refused - calls <= 200'000, "bounded DMA");
      require(memory.octets_read - octets <= 4u * vnic::kOctetsPerDoorbell, "bounded octets");
    }
    start_over();
    rig_.vnic.reset(ResetKind::kPowerOn);
    require(rig_.card.pool.in_use() == 0, "all packets are given back");
  }

 private:
  // Says whether virtual time passed.
  bool step() {
    const unsigned queue = input_.below(2);
    switch (input_.below(16)) {
      case 0:
        rig_.vnic.mmio_write(input_.below(0x20000), input_.take<uint64_t>(), 1u << input_.below(4));
        break;
      case 1:
        static_cast<void>(rig_.vnic.mmio_read(input_.below(0x20000), 1u << input_.below(4)));
        break;
      case 2:
        rig_.set(take_register(queue), input_.take<uint32_t>());
        break;
      case 3: {
        const i82574::RegisterRow& row = i82574::kRegisters[input_.below(i82574::kRegisterRows)];
        const uint32_t at = row.offset + row.step * (input_.take() % row.count);
        input_.flag() ? static_cast<void>(rig_.get(at)) : rig_.set(at, input_.take<uint32_t>());
        break;
      }
      case 4:
        descriptor(queue);
        break;
      case 5:
        put(kTxRing + queue * kRingStride + input_.below(64) * 16, 16);
        break;
      case 6:
        put(kRxRing + queue * kRingStride + input_.below(64) * 16, 16);
        break;
      case 7:
        put(kTxBuffers + input_.below(8) * 2048, input_.below(128));
        break;
      case 8:
        rig_.set(reg::TDT(queue), input_.below(66));
        break;
      case 9:
        rig_.set(reg::RDT(queue), input_.below(66));
        break;
      case 10:
        rig_.advance(input_.below(1'000'000'000));
        return true;
      case 11:
        other();
        break;
      case 12:
        load_spoiled(rig_.vnic, saved_by(rig_.vnic), input_);
        break;
      default:
        receive();
        break;
    }
    return false;
  }

  void put(uint64_t address, uint32_t most) {
    const fuzz::Bytes octets = input_.octets(most);
    if (!octets.empty()) rig_.put(address, octets);
  }

  uint32_t take_register(unsigned queue) {
    const uint32_t registers[] = {
        reg::CTRL,         reg::TCTL,         reg::RCTL,        reg::RFCTL,
        reg::PSRCTL,       reg::MRQC,         reg::RXCSUM,      reg::RDTR,
        reg::TIDV,         reg::FCRTH,        reg::VET,         reg::TDLEN(queue),
        reg::RDLEN(queue), reg::TDH(queue),   reg::RDH(queue),  reg::ICR,
        reg::IMS,          reg::ITR,          reg::TARC(queue), reg::TXDCTL(queue),
        reg::SWSM,         reg::EERD,         reg::MDIC,        reg::RETA(queue),
        reg::TDBAL(queue), reg::RDBAL(queue), reg::ICS};
    return registers[input_.below(std::size(registers))];
  }

  // Nearly right: a context, data or legacy descriptor over one of eight buffers.
  void descriptor(unsigned queue) {
    const uint32_t at = input_.below(64);
    const TxBuffer buffer{kTxBuffers + input_.below(8) * 2048, input_.take<uint16_t>() % 8192u};
    if (input_.below(3) == 0) {
      rig_.legacy(at, {buffer.address, buffer.length}, input_.take(), queue);
    } else {
      rig_.data(at, {buffer.address, buffer.length}, input_.take(), input_.take(), queue);
    }
    if (input_.below(4) == 0) {
      Bytes context = input_.octets(16);
      context.resize(16);
      context[10] = static_cast<uint8_t>(context[10] & 0xf0 ? context[10] : 0);
      context[11] |= 0x20;  // DEXT
      rig_.put(kTxRing + queue * kRingStride + at * 16, context);
    }
  }
  using TxBuffer = vnic::rig::Rig::TxBuffer;

  void other() {
    switch (input_.below(8)) {
      case 0:
        rig_.vnic.set_link(input_.flag());
        break;
      case 1:
        rig_.vnic.reset(static_cast<ResetKind>(input_.below(3)));
        break;
      case 2:
        rig_.interrupt.current = static_cast<vnic::InterruptMode>(input_.below(3));
        rig_.vnic.interrupt_mode_changed();
        break;
      case 3:
        rig_.memory.bus_master = input_.flag();
        if (rig_.memory.bus_master) rig_.vnic.bus_master_enabled();
        break;
      case 4:
        rig_.vnic.power_state_changed(input_.below(4));
        break;
      case 5:
        rig_.vnic.io_write(input_.below(32), input_.take<uint32_t>(), 1u << input_.below(3));
        static_cast<void>(rig_.vnic.io_read(input_.below(32), 1u << input_.below(3)));
        break;
      case 6:
        rig_.vnic.flash_write(input_.take<uint32_t>(), input_.take(), 1u << input_.below(4));
        static_cast<void>(rig_.vnic.flash_read(input_.take<uint32_t>(), 1u << input_.below(4)));
        break;
      default:
        rig_.card.exhausted = input_.flag();
        break;
    }
  }

  void receive() {
    IpFrame shape{.v6 = input_.flag(), .udp = input_.flag(), .payload = input_.below(1400)};
    shape.vlan = input_.flag();
    vnic::rig::Bytes frame = shape.build();
    if (input_.below(4) == 0) frame = special(frame);
    for (unsigned changes = input_.below(4); changes != 0; --changes)
      frame[input_.below(static_cast<uint32_t>(frame.size()))] = input_.take();
    if (input_.below(8) == 0) frame.resize(1 + input_.below(64));
    rig_.receive(frame, input_.below(static_cast<uint32_t>(frame.size())));
  }

  // Frames that the NIC itself looks into: PTP's (IEEE 1588), PAUSE (IEEE 802.3 annex 31B), and
  // datagrams whose extension headers have other addresses (RFC 6275).
  vnic::rig::Bytes special(const vnic::rig::Bytes& frame) {
    constexpr std::array<uint8_t, 6> kPause = {0x01, 0x80, 0xc2, 0, 0, 1};
    switch (input_.below(4)) {
      case 0:
        return vnic::rig::ethernet(vnic::rig::kOwnMac, 0x88f7, 46);
      case 1: {
        IpFrame ptp{.udp = true, .payload = 60};
        ptp.destination_port = 319;
        return ptp.build();
      }
      case 2: {
        vnic::rig::Bytes pause = vnic::rig::ethernet(kPause, 0x8808, 46);
        pause[14] = 0;
        pause[15] = 1;
        return pause;
      }
      default: {
        // Routing header type 2, or a Home Address option, in front of what is there.
        vnic::rig::Bytes moved = frame;
        if (moved.size() < 54 || moved[12] != 0x86) return moved;
        const bool routing = input_.flag();
        vnic::rig::Bytes header(24);
        header[0] = std::exchange(moved[20], routing ? 43 : 60);
        header[1] = 2;
        if (routing) {
          header[2] = 2, header[3] = 1;
        } else {
          header[2] = 1, header[3] = 2, header[6] = 201, header[7] = 16;
        }
        header[23] = 9;
        moved.insert(moved.begin() + 54, header.begin(), header.end());
        const size_t length = moved.size() - 54;
        moved[18] = static_cast<uint8_t>(length >> 8);
        moved[19] = static_cast<uint8_t>(length);
        return moved;
      }
    }
  }

  // Whatever was done before, a driver that starts over has a working NIC.
  void start_over() {
    rig_.memory.bus_master = true;
    rig_.card.exhausted = false;
    rig_.interrupt.current = vnic::InterruptMode::kIntx;
    rig_.vnic.power_state_changed(0);
    rig_.vnic.set_link(true);
    rig_.vnic.reset(ResetKind::kPowerOn);
    rig_.bring_link_up();
    rig_.transmit_ring(0, 64);
    const vnic::rig::Bytes frame = IpFrame{}.build();
    rig_.queue_frame(0, frame);
    rig_.card.sent.clear();
    rig_.set(reg::TDT(0), 1);
    require(rig_.card.sent.size() == 1 && rig_.card.sent[0].bytes == frame, "the NIC works");
  }

  Input& input_;
  Rig rig_{kPool};
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  std::make_unique<Play>(input)->run();
}

}  // namespace gatehouse::fuzz
