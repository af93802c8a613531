// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/link.hh"

#include "hw/card/vnic/interrupts.hh"
#include "hw/card/vnic/phy.hh"
#include "hw/card/vnic/register_file.hh"
#include "hw/core/base/archive.hh"

namespace gatehouse::vnic {

using namespace i82574;  // NOLINT: register and field names

namespace {
constexpr uint32_t kMacLoopback = 1;  // RCTL.LBM
}  // namespace

Link::Link(RegisterFile& registers, Interrupts& interrupts, Phy& phy, const Ports& ports)
    : registers_(registers), interrupts_(interrupts), phy_(phy), ports_(ports) {}

bool Link::loopback() const {
  return registers_.field(reg::RCTL, RCTL_LBM) == kMacLoopback || phy_.loopback();
}

void Link::set_connected(bool connected) {
  connected_ = connected;
  update();
}

void Link::update() {
  const bool phy_reset = registers_.test(reg::CTRL, CTRL_PHY_RST);
  if (phy_reset && !phy_reset_) {
    phy_.reset();
    registers_.set(reg::STATUS, STATUS_PHYRA);
  }
  phy_reset_ = phy_reset;

  const bool restart = phy_.take_restart_request();
  if (phy_reset || phy_.powered_down()) {
    stop();
    set_phy_link(false);
  } else if (phy_.loopback()) {
    // The PHY hears itself, with or without a cable.
    stop();
    set_phy_link(true);
  } else if (!connected_ || !phy_.compatible()) {
    stop();
    set_phy_link(false);
  } else if (restart) {
    stop();
    set_phy_link(false);
    negotiate();
  } else if (!phy_link_ && !negotiating_) {
    negotiate();
  }
  publish();
}

void Link::negotiate() {
  negotiating_ = true;
  deadline_ns_ = ports_.clock.now_ns() + kNegotiationNs;
  ports_.clock.arm(Timer::kLink, deadline_ns_);
}

void Link::stop() {
  if (!negotiating_) return;
  negotiating_ = false;
  ports_.clock.cancel(Timer::kLink);
}

void Link::timer_expired() {
  if (!negotiating_) return;
  negotiating_ = false;
  set_phy_link(true);
  publish();
}

void Link::set_phy_link(bool up) {
  phy_link_ = up;
  phy_.set_link(up);
}

// The MAC sees the PHY's link once software set SLU.
void Link::publish() {
  const bool up = phy_link_ && registers_.test(reg::CTRL, CTRL_SLU);
  const bool changed = up != up_;
  up_ = up;
  registers_[reg::STATUS] = status();
  if (!changed) return;
  interrupts_.cause(ICR_LSC);
  ports_.card.link_changed(up);
}

uint32_t Link::status() const {
  const uint32_t control = registers_[reg::CTRL];
  uint32_t status = registers_[reg::STATUS] & (STATUS_PHYRA | STATUS_TXOFF);
  if (up_) status |= STATUS_LU;
  if (!(control & CTRL_GIO_MASTER_DISABLE)) status |= STATUS_GIO_MASTER_ENABLE;
  const uint32_t detected = static_cast<uint32_t>(phy_.speed());
  const bool forced_speed =
      (control & CTRL_FRCSPD) || registers_.test(reg::CTRL_EXT, CTRL_EXT_SPD_BYPS);
  const uint32_t speed = forced_speed ? field_get(control, CTRL_SPEED) : detected;
  const bool full = (control & CTRL_FRCDPLX) ? (control & CTRL_FD) != 0 : phy_.full_duplex();
  status = field_set(status, STATUS_SPEED, speed);
  status = field_set(status, STATUS_ASDV, detected);
  return full ? status | STATUS_FD : status;
}

void Link::reset(bool phy_too) {
  phy_reset_ = false;
  if (phy_too) {
    stop();
    phy_.reset();
    set_phy_link(false);
    // The PHY negotiates by itself as soon as it has power, long before software can look.
    if (connected_) {
      phy_.take_restart_request();
      set_phy_link(true);
      phy_.unlatch();
    }
  }
  update();
}

void Link::archive(Archive& archive) {
  archive.section("link", 1);
  archive(connected_);
  archive(phy_reset_);
  archive(phy_link_);
  archive(up_);
  archive(negotiating_);
  archive(deadline_ns_);
  if (!archive.loading()) return;
  ports_.card.link_changed(up_);
  if (!negotiating_) return;
  const int64_t latest = ports_.clock.now_ns() + kNegotiationNs;
  if (deadline_ns_ > latest || deadline_ns_ < 0) deadline_ns_ = latest;
  ports_.clock.arm(Timer::kLink, deadline_ns_);
}

}  // namespace gatehouse::vnic
