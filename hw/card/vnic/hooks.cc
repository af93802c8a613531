// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/hooks.hh"

#include <algorithm>

#include "hw/card/vnic/receive.hh"
#include "hw/card/vnic/transmit.hh"
#include "hw/card/vnic/vnic.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register and field names

constexpr uint32_t kMdicWrite = 1, kMdicRead = 2;  // MDIC.OP

void write_ctrl(Vnic& vnic, uint32_t, uint32_t value) {
  if (value & CTRL_RST) {
    vnic.reset(ResetKind::kSoftware);
    return;
  }
  const bool stopped = !vnic.dma_allowed();
  uint32_t& ctrl = vnic.registers()[reg::CTRL];
  constexpr uint32_t kMask = kRegisters[0].mask;
  static_assert(kRegisters[0].offset == reg::CTRL.offset);
  ctrl = (ctrl & ~kMask) | (value & kMask);
  vnic.link_settings_changed();
  vnic.transmit().configured();
  vnic.receive_engine().configured();
  if (stopped && vnic.dma_allowed()) vnic.bus_master_enabled();
}

void after_ctrl_ext(Vnic& vnic, uint32_t, uint32_t value) {
  if (value & CTRL_EXT_EE_RST) vnic.load_nvm_defaults();
  vnic.link_settings_changed();
}

void write_mdic(Vnic& vnic, uint32_t, uint32_t value) {
  uint32_t mdic = value & (MDIC_DATA | MDIC_REGADD | MDIC_PHYADD | MDIC_OP | MDIC_I);
  const uint32_t operation = field_get(value, MDIC_OP);
  const unsigned address = field_get(value, MDIC_REGADD);
  bool good = field_get(value, MDIC_PHYADD) == phy::kAddress;
  if (good && operation == kMdicRead) {
    const std::optional<uint16_t> data = vnic.phy().read(address);
    good = data.has_value();
    mdic = field_set(mdic, MDIC_DATA, data.value_or(0));
  } else if (good && operation == kMdicWrite) {
    good = vnic.phy().write(address, static_cast<uint16_t>(field_get(value, MDIC_DATA)));
  }
  vnic.registers()[reg::MDIC] = mdic | MDIC_READY | (good ? 0 : MDIC_E);
  if (good && operation == kMdicWrite) vnic.link_settings_changed();
  if (value & MDIC_I) vnic.interrupts().cause(ICR_MDAC);
}

// The transmit part gets what receive leaves of the packet buffer (10.2.2.17).
void after_pba(Vnic& vnic, uint32_t, uint32_t) {
  RegisterFile& registers = vnic.registers();
  const uint32_t total = registers[reg::PBS];
  const uint32_t receive = std::min(registers.field(reg::PBA, PBA_RXA), total);
  registers.set_field(reg::PBA, PBA_RXA, receive);
  registers.set_field(reg::PBA, PBA_TXA, total - receive);
  vnic.receive_engine().configured();
}

uint32_t read_swsm(Vnic& vnic, uint32_t) {
  const uint32_t value = vnic.registers()[reg::SWSM];
  vnic.registers().set(reg::SWSM, SWSM_SMBI);
  return value;
}
uint32_t read_factps(Vnic& vnic, uint32_t) {
  const uint32_t value = vnic.registers()[reg::FACTPS];
  vnic.registers().clear(reg::FACTPS, FACTPS_PM_STATE_CHANGED);
  return value;
}

uint32_t read_status(Vnic& vnic, uint32_t) { return vnic.link().status(); }
uint32_t read_icr(Vnic& vnic, uint32_t) { return vnic.interrupts().read_icr(); }
// The silicon shows the causes here as well, and drivers rely on it.
uint32_t read_ics(Vnic& vnic, uint32_t) { return vnic.registers()[reg::ICR]; }
uint32_t read_flswdata(Vnic& vnic, uint32_t) { return vnic.nvm().read_flswdata(); }
uint32_t read_systiml(Vnic& vnic, uint32_t) { return vnic.time_stamps().read_systim_low(); }
uint32_t read_txstmph(Vnic& vnic, uint32_t offset) {
  vnic.time_stamps().unlock_transmit();
  return vnic.registers()[offset];
}
uint32_t read_rxstmph(Vnic& vnic, uint32_t offset) {
  vnic.time_stamps().unlock_receive();
  return vnic.registers()[offset];
}

void write_eec(Vnic& vnic, uint32_t, uint32_t value) { vnic.nvm().write_eec(value); }
void write_eerd(Vnic& vnic, uint32_t, uint32_t value) { vnic.nvm().write_eerd(value); }
void write_eewr(Vnic& vnic, uint32_t, uint32_t value) { vnic.nvm().write_eewr(value); }
void write_fla(Vnic& vnic, uint32_t, uint32_t value) { vnic.nvm().write_fla(value); }
void write_flswctl(Vnic& vnic, uint32_t, uint32_t value) { vnic.nvm().write_flswctl(value); }
void write_flswdata(Vnic& vnic, uint32_t, uint32_t value) { vnic.nvm().write_flswdata(value); }

void write_icr(Vnic& vnic, uint32_t, uint32_t value) { vnic.interrupts().write_icr(value); }
void write_ics(Vnic& vnic, uint32_t, uint32_t value) { vnic.interrupts().write_ics(value); }
void write_ims(Vnic& vnic, uint32_t, uint32_t value) { vnic.interrupts().write_ims(value); }
void write_imc(Vnic& vnic, uint32_t, uint32_t value) { vnic.interrupts().write_imc(value); }
void write_itr(Vnic& vnic, uint32_t, uint32_t value) { vnic.interrupts().write_itr(value); }
void write_eitr(Vnic& vnic, uint32_t offset, uint32_t value) {
  vnic.interrupts().write_eitr((offset - reg::EITR) / reg::EITR.step, value);
}
void write_pbaclr(Vnic& vnic, uint32_t, uint32_t value) { vnic.interrupts().write_pbaclr(value); }

void write_systiml(Vnic& vnic, uint32_t, uint32_t value) {
  vnic.time_stamps().write_systim_low(value);
}
void write_systimh(Vnic& vnic, uint32_t, uint32_t value) {
  vnic.time_stamps().write_systim_high(value);
}
void write_timinca(Vnic& vnic, uint32_t, uint32_t value) {
  vnic.time_stamps().write_timinca(value);
}
void write_timadjh(Vnic& vnic, uint32_t, uint32_t value) {
  vnic.time_stamps().write_timadj_high(value);
}

void after_tdt(Vnic& vnic, uint32_t offset, uint32_t) {
  vnic.transmit().doorbell((offset - reg::TDT) / reg::TDT.step);
}
void after_rdt(Vnic& vnic, uint32_t offset, uint32_t) {
  vnic.receive_engine().doorbell((offset - reg::RDT) / reg::RDT.step);
}
void after_tidv(Vnic& vnic, uint32_t, uint32_t value) {
  if (value & TIDV_FPD) vnic.transmit().flush();
}
void after_rdtr(Vnic& vnic, uint32_t, uint32_t value) {
  if (value & RDTR_FPD) vnic.receive_engine().flush();
}
// Written to queue 0 the thresholds are queue 1's too; only what comes after makes them differ
// (10.2.5.11).
void after_rxdctl(Vnic& vnic, uint32_t offset, uint32_t) {
  RegisterFile& registers = vnic.registers();
  if (offset == reg::RXDCTL(0)) registers[reg::RXDCTL(1)] = registers[reg::RXDCTL(0)];
  vnic.receive_engine().configured();
}
void after_tctl(Vnic& vnic, uint32_t, uint32_t value) {
  vnic.registers().clear(reg::TCTL, TCTL_SWXOFF);
  if (value & TCTL_SWXOFF) vnic.transmit().send_xoff();
  vnic.transmit().configured();
}
// Loopback is a matter of both directions.
void after_rctl(Vnic& vnic, uint32_t, uint32_t) {
  vnic.receive_engine().configured();
  vnic.transmit().configured();
}
void transmit_configured(Vnic& vnic, uint32_t, uint32_t) { vnic.transmit().configured(); }
void receive_configured(Vnic& vnic, uint32_t, uint32_t) { vnic.receive_engine().configured(); }
void both_configured(Vnic& vnic, uint32_t, uint32_t) {
  vnic.transmit().configured();
  vnic.receive_engine().configured();
}

constexpr Hook kHooks[] = {
    {reg::CTRL, nullptr, write_ctrl, nullptr},
    {reg::STATUS, read_status, nullptr, nullptr},
    {reg::EEC, nullptr, write_eec, nullptr},
    {reg::EERD, nullptr, write_eerd, nullptr},
    {reg::CTRL_EXT, nullptr, nullptr, after_ctrl_ext},
    {reg::FLA, nullptr, write_fla, nullptr},
    {reg::MDIC, nullptr, write_mdic, nullptr},
    {reg::VET, nullptr, nullptr, both_configured},
    {reg::PBA, nullptr, nullptr, after_pba},
    {reg::EEWR, nullptr, write_eewr, nullptr},
    {reg::FLSWCTL, nullptr, write_flswctl, nullptr},
    {reg::FLSWDATA, read_flswdata, write_flswdata, nullptr},
    {reg::FACTPS, read_factps, nullptr, nullptr},
    {reg::SWSM, read_swsm, nullptr, nullptr},
    {reg::PBACLR, nullptr, write_pbaclr, nullptr},
    {reg::ICR, read_icr, write_icr, nullptr},
    {reg::ITR, nullptr, write_itr, nullptr},
    {reg::ICS, read_ics, write_ics, nullptr},
    {reg::IMS, nullptr, write_ims, nullptr},
    {reg::IMC, nullptr, write_imc, nullptr},
    {reg::EITR, nullptr, write_eitr, nullptr},
    {reg::RCTL, nullptr, nullptr, after_rctl},
    {reg::FCRTL, nullptr, nullptr, receive_configured},
    {reg::FCRTH, nullptr, nullptr, receive_configured},
    {reg::PSRCTL, nullptr, nullptr, receive_configured},
    {reg::RDBAL, nullptr, nullptr, receive_configured},
    {reg::RDBAH, nullptr, nullptr, receive_configured},
    {reg::RDLEN, nullptr, nullptr, receive_configured},
    {reg::RDH, nullptr, nullptr, receive_configured},
    {reg::RDT, nullptr, nullptr, after_rdt},
    {reg::RDTR, nullptr, nullptr, after_rdtr},
    {reg::RXDCTL, nullptr, nullptr, after_rxdctl},
    {reg::RXCSUM, nullptr, nullptr, receive_configured},
    {reg::RFCTL, nullptr, nullptr, receive_configured},
    {reg::MTA, nullptr, nullptr, receive_configured},
    {reg::RAL, nullptr, nullptr, receive_configured},
    {reg::RAH, nullptr, nullptr, receive_configured},
    {reg::VFTA, nullptr, nullptr, receive_configured},
    {reg::MRQC, nullptr, nullptr, receive_configured},
    {reg::RETA, nullptr, nullptr, receive_configured},
    {reg::RSSRK, nullptr, nullptr, receive_configured},
    {reg::TCTL, nullptr, nullptr, after_tctl},
    {reg::TDBAL, nullptr, nullptr, transmit_configured},
    {reg::TDBAH, nullptr, nullptr, transmit_configured},
    {reg::TDLEN, nullptr, nullptr, transmit_configured},
    {reg::TDH, nullptr, nullptr, transmit_configured},
    {reg::TDT, nullptr, nullptr, after_tdt},
    {reg::TIDV, nullptr, nullptr, after_tidv},
    {reg::TXDCTL, nullptr, nullptr, transmit_configured},
    {reg::TARC, nullptr, nullptr, transmit_configured},
    {reg::SYSTIML, read_systiml, write_systiml, nullptr},
    {reg::SYSTIMH, nullptr, write_systimh, nullptr},
    {reg::TIMINCA, nullptr, write_timinca, nullptr},
    {reg::TIMADJH, nullptr, write_timadjh, nullptr},
    {reg::TXSTMPH, read_txstmph, nullptr, nullptr},
    {reg::RXSTMPH, read_rxstmph, nullptr, nullptr},
};

}  // namespace

std::span<const Hook> hooks() { return kHooks; }

}  // namespace gatehouse::vnic
