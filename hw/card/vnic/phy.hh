// SPDX-License-Identifier: GPL-2.0-or-later
// The 82574's PHY behind MDIC (data sheet 10.2.2.7, 10.3; IEEE 802.3 clauses 22, 28, 40): registers
// in pages, no timing of its own. Link tells it what follows the cable and what negotiation came
// to.
#ifndef GATEHOUSE_HW_CARD_VNIC_PHY_HH_
#define GATEHOUSE_HW_CARD_VNIC_PHY_HH_

#include <array>
#include <cstdint>
#include <optional>

#include "hw/spec/i82574_phy.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

enum class Speed : uint8_t { k10, k100, k1000 };  // coded as in STATUS.SPEED

class Phy {
 public:
  Phy() { reset(); }

  // A clause 22 access: `address` 0-31, on the page that PAGE selects. False, nullopt: no such
  // register.
  std::optional<uint16_t> read(unsigned address);
  bool write(unsigned address, uint16_t value);
  // A write asked for negotiation to start again. True once.
  bool take_restart_request();

  bool powered_down() const { return test(i82574::phy::CONTROL, i82574::phy::CONTROL_POWER_DOWN); }
  bool loopback() const { return test(i82574::phy::CONTROL, i82574::phy::CONTROL_LOOPBACK); }
  bool negotiates() const { return test(i82574::phy::CONTROL, i82574::phy::CONTROL_NEGOTIATE); }
  // Something that a partner who offers everything can agree to.
  bool compatible() const;
  Speed speed() const;
  bool full_duplex() const;

  // From Link: the link went up or down; up also completes negotiation.
  void set_link(bool up);
  // Forgets that the link was down before: STATUS shows it as it is.
  void unlatch();

  void reset();  // hardware reset: all registers
  void archive(Archive& archive);

 private:
  bool test(unsigned index, uint16_t mask) const { return (values_[index] & mask) != 0; }
  int find(unsigned address) const;
  uint16_t copper_status() const;

  std::array<uint16_t, i82574::phy::kRegisterCount> values_{};
  std::array<uint16_t, i82574::phy::kWakeRegisters> wake_{};
  bool link_ = false;
  bool restart_request_ = false;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_PHY_HH_
