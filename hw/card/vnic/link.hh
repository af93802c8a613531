// SPDX-License-Identifier: GPL-2.0-or-later
// The link as the MAC has it: cable, PHY and CTRL together make STATUS.LU, speed and duplex, and
// the LSC interrupt (data sheet 3.2, 10.2.2.1, 10.2.2.2). Invariant: the PHY's link is up, or
// coming up at deadline_ns_, or something is missing that an event will bring.
#ifndef GATEHOUSE_HW_CARD_VNIC_LINK_HH_
#define GATEHOUSE_HW_CARD_VNIC_LINK_HH_

#include <cstdint>

#include "hw/card/vnic/ports.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class RegisterFile;
class Interrupts;
class Phy;

class Link {
 public:
  // From a restarted link to a link; after power-on it is there. On copper negotiation takes about
  // 2 s, and nothing waits for that to pass: drivers poll the link or take LSC. Short, so that
  // guests start quickly; not zero, so that they see it go down before it comes up.
  static constexpr int64_t kNegotiationNs = 1'000'000;

  Link(RegisterFile& registers, Interrupts& interrupts, Phy& phy, const Ports& ports);

  // Frames may cross: STATUS.LU.
  bool up() const { return up_; }
  // What is transmitted comes back into the receiver and goes nowhere else: RCTL.LBM, or the PHY's
  // loopback.
  bool loopback() const;
  // The cable.
  void set_connected(bool connected);
  bool connected() const { return connected_; }
  // CTRL, CTRL_EXT or a PHY register was written.
  void update();
  // STATUS as the guest reads it; the register holds it too.
  uint32_t status() const;
  void timer_expired();
  // The MAC's registers, and the PHY's too after power-on, have their reset values again.
  void reset(bool phy_too);
  void archive(Archive& archive);

 private:
  void set_phy_link(bool up);
  void negotiate();
  void stop();
  void publish();

  RegisterFile& registers_;
  Interrupts& interrupts_;
  Phy& phy_;
  Ports ports_;
  bool connected_ = true;
  bool phy_reset_ = false;  // CTRL.PHY_RST as seen last
  bool phy_link_ = false;
  bool up_ = false;
  bool negotiating_ = false;
  int64_t deadline_ns_ = 0;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_LINK_HH_
