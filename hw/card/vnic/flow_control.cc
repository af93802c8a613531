// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/flow_control.hh"

#include <cstring>

#include "hw/card/vnic/transmit.hh"
#include "hw/card/vnic/vnic.hh"
#include "hw/core/base/archive.hh"
#include "hw/core/base/bytes.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register names

using Pause = PauseFrame<uint8_t>;
constexpr uint32_t kOctets = kMinFrame;  // of a control frame
// Of a quantum, by STATUS.SPEED.
constexpr int64_t kQuantumNs[] = {100 * Pause::kGigabitQuantumNs, 10 * Pause::kGigabitQuantumNs,
                                  Pause::kGigabitQuantumNs};
constexpr int64_t kLongestNs = 0xffff * kQuantumNs[0];  // that a frame can ask for
constexpr uint32_t kGigabit = 2;                        // STATUS.SPEED

uint64_t address_of(const uint8_t* octets) {
  return load_le<uint32_t>(octets) | uint64_t{load_le<uint16_t>(octets + 4)} << 32;
}
uint64_t pause_address(const RegisterFile& regs) {
  return regs[reg::FCAL] | uint64_t{regs[reg::FCAH] & 0xffff} << 32;
}
uint64_t station_address(const RegisterFile& regs) {
  return regs[reg::RAL(0)] | uint64_t{regs[reg::RAH(0)] & RAH_RAH} << 32;
}
MacAddress mac_of(uint64_t address) {
  uint8_t octets[8];
  store_le(octets, address);
  return MacAddress::from(octets);
}

}  // namespace

bool FlowControl::is_control(std::span<const uint8_t> frame) const {
  return PauseFrame(frame.data()).ether_type() ==
         static_cast<uint16_t>(vnic_.registers()[reg::FCT]);
}

bool FlowControl::is_for_us(std::span<const uint8_t> frame) const {
  const uint64_t destination = address_of(frame.data());
  return destination == pause_address(vnic_.registers()) ||
         destination == station_address(vnic_.registers());
}

bool FlowControl::is_pause(std::span<const uint8_t> frame) const {
  return is_control(frame) && PauseFrame(frame.data()).opcode() == Pause::kPause &&
         is_for_us(frame);
}

FlowControl::Verdict FlowControl::received(std::span<const uint8_t> frame) {
  if (!is_control(frame)) return Verdict::kFilter;
  const RegisterFile& regs = vnic_.registers();
  if (PauseFrame(frame.data()).opcode() != Pause::kPause) {
    if (!is_for_us(frame)) return Verdict::kFilter;
    vnic_.statistics().add(reg::FCRUC);
    return regs.test(reg::RCTL, RCTL_PMCF) ? Verdict::kPass : Verdict::kFilter;
  }
  if (!is_for_us(frame)) return Verdict::kFilter;
  const uint16_t quanta = PauseFrame(frame.data()).quanta();
  vnic_.statistics().add(quanta != 0 ? reg::XOFFRXC : reg::XONRXC);
  if (regs.test(reg::CTRL, CTRL_RFCE)) pause(quanta);
  return regs.test(reg::RCTL, RCTL_DPF) ? Verdict::kDiscard : Verdict::kFilter;
}

int64_t FlowControl::quantum_ns() const {
  const uint32_t speed = field_get(vnic_.link().status(), STATUS_SPEED);
  return kQuantumNs[speed > kGigabit ? kGigabit : speed];
}

void FlowControl::set_paused(bool paused) {
  paused_ = paused;
  if (paused) {
    vnic_.registers().set(reg::STATUS, STATUS_TXOFF);
  } else {
    vnic_.registers().clear(reg::STATUS, STATUS_TXOFF);
  }
}

void FlowControl::pause(uint16_t quanta) {
  if (quanta == 0) {
    if (!paused_) return;
    vnic_.ports().clock.cancel(Timer::kPause);
    set_paused(false);
    vnic_.transmit().schedule();
    return;
  }
  until_ns_ = vnic_.ports().clock.now_ns() + quanta * quantum_ns();
  set_paused(true);
  vnic_.ports().clock.arm(Timer::kPause, until_ns_);
}

void FlowControl::timer_expired() {
  if (!paused_) return;
  set_paused(false);
  vnic_.transmit().resume();
}

void FlowControl::fifo_level(uint32_t octets) {
  const RegisterFile& regs = vnic_.registers();
  const uint32_t high = regs[reg::FCRTH] & FCRTH_RTH;
  const bool rose = !above_ && high != 0 && octets >= high;
  const bool fell = above_ && octets <= (regs[reg::FCRTL] & FCRTL_RTL);
  if (!rose && !fell) return;
  above_ = rose;
  if (!regs.test(reg::CTRL, CTRL_TFCE)) return;
  due_ = true;
  vnic_.transmit().schedule();
}

void FlowControl::send_due() {
  if (!due_) return;
  due_ = false;
  if (!vnic_.registers().test(reg::CTRL, CTRL_TFCE)) return;  // as it is now
  if (above_ || vnic_.registers().test(reg::FCRTL, FCRTL_XONE)) send(above_);
}

void FlowControl::send(bool xoff) {
  const RegisterFile& regs = vnic_.registers();
  if (!vnic_.link().up() || vnic_.link().loopback()) return;
  Packet* packet = vnic_.ports().card.take_packet(kOctets);
  if (packet == nullptr) {
    vnic_.ports().card.count_drop(spec::DropReason::no_packet_buffer);
    return;
  }
  std::memset(packet->data, 0, kOctets);
  packet->length = kOctets;
  const Pause frame(packet->data);
  frame.set_destination(mac_of(pause_address(regs)));
  frame.set_source(mac_of(station_address(regs)));
  frame.set_ether_type(static_cast<uint16_t>(regs[reg::FCT]));
  frame.set_opcode(Pause::kPause);
  const uint16_t quanta = static_cast<uint16_t>(xoff ? regs[reg::FCTTV] : 0);
  frame.set_quanta(quanta);
  vnic_.statistics().add(quanta != 0 ? reg::XOFFTXC : reg::XONTXC);
  vnic_.statistics().transmitted_control(kOctets);
  vnic_.ports().card.transmit({&packet, 1});
}

void FlowControl::reset() {
  if (paused_) vnic_.ports().clock.cancel(Timer::kPause);
  set_paused(false);
  above_ = due_ = false;
}

void FlowControl::archive(Archive& archive) {
  archive.section("flow-control", 1);
  archive(paused_);
  archive(until_ns_);
  archive(above_);
  archive(due_);
  if (!archive.loading()) return;
  if (!archive.ok()) paused_ = false;
  // Further away than it can be: now.
  const int64_t now = vnic_.ports().clock.now_ns();
  if (until_ns_ > now + kLongestNs) until_ns_ = now;
  set_paused(paused_);
  if (paused_) vnic_.ports().clock.arm(Timer::kPause, until_ns_);
}

}  // namespace gatehouse::vnic
