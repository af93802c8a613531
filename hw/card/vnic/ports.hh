// SPDX-License-Identifier: GPL-2.0-or-later
// Everything by which the 82574L model touches the world. A unit test puts fakes here; hw/qemu puts
// PCI DMA, the virtual clock and MSI here. All calls happen under one lock (QEMU's big lock); none
// may call back into the vnic unless it says so.
#ifndef GATEHOUSE_HW_CARD_VNIC_PORTS_HH_
#define GATEHOUSE_HW_CARD_VNIC_PORTS_HH_

#include <cstdint>
#include <span>

#include "hw/core/base/packet.hh"

namespace gatehouse::vnic {

// Guest memory as the function's bus mastering sees it. Addresses are bus addresses. False: bus
// mastering is off, the access hit no RAM, or it was refused; what was read is then undefined. The
// implementation refuses everything that is not RAM, so that a ring on MMIO, or on this device's
// own BAR, can't re-enter the model.
class DmaPort {
 public:
  virtual ~DmaPort() = default;
  virtual bool read(uint64_t address, void* to, uint32_t length) = 0;
  virtual bool write(uint64_t address, const void* from, uint32_t length) = 0;
};

// One-shot timers on the virtual clock; expiry calls Vnic::timer_expired. arm() replaces an earlier
// deadline.
enum class Timer : uint8_t {
  kReceiveDelay,      // RDTR
  kReceiveAbsolute,   // RADV
  kTransmitDelay,     // TIDV
  kTransmitAbsolute,  // TADV
  kThrottle,          // ITR
  kThrottleVector0,   // EITR0 .. EITR4
  kThrottleVector1,
  kThrottleVector2,
  kThrottleVector3,
  kThrottleVector4,
  kLink,      // autonegotiation, link change
  kDoorbell,  // the rest of a doorbell's work, see kDescriptorsPerDoorbell
  kPause,     // received PAUSE runs out
  kRefill,    // a backlog goes to the rings
  kCount
};

class ClockPort {
 public:
  virtual ~ClockPort() = default;
  virtual int64_t now_ns() = 0;
  virtual void arm(Timer timer, int64_t deadline_ns) = 0;
  virtual void cancel(Timer timer) = 0;
};

enum class InterruptMode : uint8_t { kIntx, kMsi, kMsix };

class InterruptPort {
 public:
  virtual ~InterruptPort() = default;
  // What the driver enabled in PCI configuration space.
  virtual InterruptMode mode() = 0;
  virtual void set_intx(bool asserted) = 0;
  virtual void send_msi() = 0;
  virtual void send_msix(unsigned vector) = 0;  // 0-4
  // Forgets what a masked vector has pending (PBACLR, CTRL_EXT.PBA_CLR).
  virtual void clear_msix_pending(unsigned vector) = 0;
};

// The vnic's side of the card.
class CardPort {
 public:
  virtual ~CardPort() = default;
  // Null when the packet buffer is exhausted.
  virtual Packet* take_packet(uint32_t octets) = 0;
  virtual void give_packet(Packet* packet) = 0;
  // A packet that stays with the vnic until its guest stirs; goes back by give_kept(). Null when
  // the vnic keeps its share: the other buffers are for frames that move, and for other vnics.
  // `saved`: it was kept when a state was saved, which is loaded; shares do not matter.
  virtual Packet* take_to_keep(uint32_t octets, bool saved) = 0;
  virtual void give_kept(Packet* packet) = 0;
  // Takes ownership. packet->data/length is the frame without FCS, VLAN tag already inserted when
  // the descriptor asked for it, checksum offload that is not part of TSO already done by the vnic;
  // packet->offload says what is left (TSO). Called with batches.
  virtual void transmit(std::span<Packet* const> batch) = 0;
  // Counted by the card (per vnic); the frame never became a Packet, or the vnic gives it back
  // itself.
  virtual void count_drop(spec::DropReason reason) = 0;
  // More receive room (descriptors, receiver on, a FIFO that was crowded and is not): the card may
  // hand in what it holds.
  virtual void receive_ready() = 0;
  // PHY link as the driver and the outside see it changed.
  virtual void link_changed(bool up) = 0;
};

// Seals of what descriptors carry: somebody in front of the vnic sees to it that data which was
// inspected stays what it was. Only while there is somebody (Vnic::set_seals). queue <
// i82574::kQueues; unit: position in the ring.
class SealPort {
 public:
  virtual ~SealPort() = default;
  // What a transmit descriptor carries, as it was fetched. False: it must not leave.
  virtual bool holds(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) = 0;
  // What was written for a receive descriptor, before it is written back. Null data: not all was.
  virtual void received(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) = 0;
};

// A frame for the guest, in up to two pieces. `layers` are those of the whole frame. Valid during
// the call.
struct Delivery {
  OutFrame frame;
  const Layers* layers = nullptr;
  bool l4_checksum_checked = false;
  bool l4_checksum_good = false;
};

struct Ports {
  DmaPort& dma;
  ClockPort& clock;
  InterruptPort& interrupt;
  CardPort& card;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_PORTS_HH_
