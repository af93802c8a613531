// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/phy.hh"

#include "hw/core/base/archive.hh"

namespace gatehouse::vnic {

using namespace i82574::phy;  // NOLINT: register and field names

namespace {
constexpr uint16_t kFull10 = ADVERTISE_FULL_10, kHalf10 = ADVERTISE_HALF_10;
constexpr uint16_t kFull100 = ADVERTISE_FULL_100, kHalf100 = ADVERTISE_HALF_100;
constexpr uint16_t kAny1000 = CONTROL_1000_FULL | CONTROL_1000_HALF;
constexpr unsigned kCopperSpeedShift = 14;
constexpr uint16_t kCableClass = 0x0080;
}  // namespace

void Phy::reset() {
  for (unsigned i = 0; i < kRegisterCount; ++i) values_[i] = kRegisters[i].reset;
  wake_ = {};
  link_ = false;
  restart_request_ = true;
}

int Phy::find(unsigned address) const {
  const uint16_t page = values_[PAGE];
  for (unsigned i = 0; i < kRegisterCount; ++i) {
    const RegisterRow& row = kRegisters[i];
    if (row.address == address && (row.page == kAny || row.page == page)) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

std::optional<uint16_t> Phy::read(unsigned address) {
  const int index = find(address);
  if (index < 0) return std::nullopt;
  uint16_t value = values_[index];
  switch (index) {
    case STATUS:
      // A lost link shows once, then the register follows the link again.
      if (link_) values_[STATUS] |= STATUS_LINK;
      break;
    case EXPANSION:
      values_[EXPANSION] &= ~EXPANSION_PAGE_RECEIVED;
      break;
    case COPPER_STATUS:
      value = copper_status();
      break;
    case PAGE_31:
      value = static_cast<uint16_t>(values_[PAGE] << kPageShift);
      break;
    case WAKE_DATA:
      value = wake_[values_[WAKE_ADDRESS] % kWakeRegisters];
      break;
    default:
      break;
  }
  if (kRegisters[index].mode == Mode::kRc) values_[index] = 0;
  return value;
}

bool Phy::write(unsigned address, uint16_t value) {
  const int index = find(address);
  if (index < 0) return false;
  const RegisterRow& row = kRegisters[index];
  if (row.mode != Mode::kRw) return true;
  const uint16_t before = values_[index];
  values_[index] = static_cast<uint16_t>((before & ~row.mask) | (value & row.mask));
  switch (index) {
    case CONTROL:
      // A soft reset makes settings effective and keeps them. Both bits, and a changed mode, start
      // the link anew.
      if ((value & (CONTROL_RESET | CONTROL_RESTART)) || before != values_[CONTROL]) {
        restart_request_ = true;
      }
      values_[CONTROL] &= static_cast<uint16_t>(~(CONTROL_RESET | CONTROL_RESTART));
      break;
    case OEM_BITS:
      if (value & OEM_BITS_RESTART) restart_request_ = true;
      break;
    case PAGE_31:
      values_[PAGE] = value >> kPageShift;
      break;
    case WAKE_DATA:
      wake_[values_[WAKE_ADDRESS] % kWakeRegisters] = value;
      break;
    default:
      break;
  }
  return true;
}

bool Phy::take_restart_request() {
  const bool request = restart_request_;
  restart_request_ = false;
  return request;
}

bool Phy::compatible() const {
  if (!negotiates()) return true;
  return test(CONTROL_1000, kAny1000) || test(ADVERTISE, kFull10 | kHalf10 | kFull100 | kHalf100);
}

Speed Phy::speed() const {
  if (!negotiates()) {
    if (test(CONTROL, CONTROL_SPEED_MSB)) return Speed::k1000;
    return test(CONTROL, CONTROL_SPEED_LSB) ? Speed::k100 : Speed::k10;
  }
  if (test(CONTROL_1000, kAny1000)) return Speed::k1000;
  return test(ADVERTISE, kFull100 | kHalf100) ? Speed::k100 : Speed::k10;
}

bool Phy::full_duplex() const {
  if (!negotiates()) return test(CONTROL, CONTROL_FULL_DUPLEX);
  switch (speed()) {
    case Speed::k1000:
      return test(CONTROL_1000, CONTROL_1000_FULL);
    case Speed::k100:
      return test(ADVERTISE, kFull100);
    case Speed::k10:
      return test(ADVERTISE, kFull10);
  }
  return true;
}

uint16_t Phy::copper_status() const {
  if (!link_) return 0;
  uint16_t value = COPPER_STATUS_LINK | COPPER_STATUS_RESOLVED | kCableClass;
  value |= static_cast<uint16_t>(static_cast<unsigned>(speed()) << kCopperSpeedShift);
  if (full_duplex()) value |= COPPER_STATUS_DUPLEX;
  if (negotiates() && test(ADVERTISE, ADVERTISE_PAUSE)) {
    value |= COPPER_STATUS_TX_PAUSE | COPPER_STATUS_RX_PAUSE;
  }
  return value;
}

void Phy::set_link(bool up) {
  if (up == link_) return;
  link_ = up;
  values_[INTERRUPT_STATUS] |= INTERRUPT_STATUS_LINK_CHANGED;
  if (!up) {
    values_[STATUS] &= static_cast<uint16_t>(~(STATUS_LINK | STATUS_NEGOTIATED));
    values_[PARTNER] = 0;
    values_[STATUS_1000] = 0;
    values_[EXPANSION] &=
        static_cast<uint16_t>(~(EXPANSION_PARTNER_ABLE | EXPANSION_PAGE_RECEIVED));
    return;
  }
  // STATUS shows the link after the next read: until then it shows that it was gone.
  if (!negotiates()) return;
  values_[STATUS] |= STATUS_NEGOTIATED;
  values_[PARTNER] = kPartner;
  values_[STATUS_1000] = kPartner1000;
  values_[EXPANSION] |= EXPANSION_PARTNER_ABLE | EXPANSION_PAGE_RECEIVED;
  values_[INTERRUPT_STATUS] |= INTERRUPT_STATUS_NEGOTIATED;
}

void Phy::unlatch() {
  if (link_) values_[STATUS] |= STATUS_LINK;
}

void Phy::archive(Archive& archive) {
  archive.section("phy", 1);
  uint32_t count = kRegisterCount;
  archive(count);
  if (count != kRegisterCount) {
    archive.fail("saved state: another set of PHY registers");
    return;
  }
  archive(values_);
  archive(wake_);
  archive(link_);
  archive(restart_request_);
}

}  // namespace gatehouse::vnic
