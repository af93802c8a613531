// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/registers/rings.hh"

#include "tools/lab/failure.hh"

namespace gatehouse::registers {

using namespace i82574;  // NOLINT: reads like the data sheet

void Rings::start() {
  Machine& m = machine_;
  m.set_reg(reg::CTRL, m.reg(reg::CTRL) | CTRL_SLU);
  wait_link();
  for (uint32_t i = 0; i < kDescriptors; ++i) {
    std::array<uint8_t, kRxDescriptorSize> descriptor{};
    i82574::put<desc::ADDRESS>(descriptor.data(), kReceiveBuffers + 2048 * i);
    m.bus().write_block(kReceiveRing + 16 * i, descriptor);
  }
  m.set_reg(reg::RDBAL(0), static_cast<uint32_t>(kReceiveRing));
  m.set_reg(reg::RDBAH(0), 0);
  m.set_reg(reg::RDLEN(0), 16 * kDescriptors);
  m.set_reg(reg::RDH(0), 0);
  m.set_reg(reg::RDT(0), kDescriptors - 1);
  m.set_reg(reg::RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
  m.set_reg(reg::TDBAL(0), static_cast<uint32_t>(kTransmitRing));
  m.set_reg(reg::TDBAH(0), 0);
  m.set_reg(reg::TDLEN(0), 16 * kDescriptors);
  m.set_reg(reg::TDH(0), 0);
  m.set_reg(reg::TDT(0), 0);
  m.set_reg(reg::TCTL, TCTL_EN | TCTL_PSP);
}

void Rings::wait_link() {
  for (int i = 0; i < 100; ++i) {
    if (machine_.reg(reg::STATUS) & STATUS_LU) return;
    machine_.bus().step(100'000'000);
  }
  throw lab::Failure("the link does not come up");
}

void Rings::write_buffer(uint32_t index, std::span<const uint8_t> octets) {
  machine_.bus().write_block(buffer(index), octets);
}

void Rings::send_super_frame(std::span<const uint8_t> frame, uint32_t mss) {
  constexpr uint32_t kHeaders = 54;
  std::array<uint8_t, kTxDescriptorSize> context{}, data{};
  i82574::put<desc::CONTEXT_IPCSS>(context.data(), 14);
  i82574::put<desc::CONTEXT_IPCSO>(context.data(), 24);
  i82574::put<desc::CONTEXT_IPCSE>(context.data(), 33);
  i82574::put<desc::CONTEXT_TUCSS>(context.data(), 34);
  i82574::put<desc::CONTEXT_TUCSO>(context.data(), 50);
  i82574::put<desc::CONTEXT_PAYLEN>(context.data(), frame.size() - kHeaders);
  i82574::put<desc::CONTEXT_TUCMD>(context.data(),
                                   TX_TUCMD_TCP | TX_TUCMD_IP | TX_TUCMD_TSE | TX_TUCMD_DEXT);
  i82574::put<desc::CONTEXT_HDRLEN>(context.data(), kHeaders);
  i82574::put<desc::CONTEXT_MSS>(context.data(), mss);
  put(context);
  write_buffer(transmit_tail_, frame);
  i82574::put<desc::DATA_ADDRESS>(data.data(), buffer(transmit_tail_));
  i82574::put<desc::DATA_DTALEN>(data.data(), frame.size());
  i82574::put<desc::DATA_DTYP>(data.data(), 1);
  i82574::put<desc::DATA_DCMD>(data.data(),
                               TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_TSE | TX_CMD_RS | TX_CMD_DEXT);
  i82574::put<desc::DATA_POPTS>(data.data(), TX_POPTS_IXSM | TX_POPTS_TXSM);
  put(data);
  doorbell();
}

void Rings::put(const std::array<uint8_t, kTxDescriptorSize>& descriptor) {
  machine_.bus().write_block(kTransmitRing + 16 * transmit_tail_, descriptor);
  transmit_tail_ = (transmit_tail_ + 1) % kDescriptors;
}

void Rings::doorbell() { machine_.set_reg(reg::TDT(0), transmit_tail_); }

uint32_t Rings::send(std::span<const uint8_t> frame) {
  const uint32_t index = transmit_tail_;
  write_buffer(index, frame);
  std::array<uint8_t, kTxDescriptorSize> descriptor{};
  i82574::put<desc::TX_ADDRESS>(descriptor.data(), buffer(index));
  i82574::put<desc::TX_LENGTH>(descriptor.data(), frame.size());
  i82574::put<desc::TX_COMMAND>(descriptor.data(), TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS);
  put(descriptor);
  doorbell();
  return index;
}

bool Rings::sent(uint32_t index) {
  const std::vector<uint8_t> descriptor = machine_.bus().read_block(kTransmitRing + 16 * index, 16);
  return get<desc::TX_STATUS>(descriptor.data()) & TX_STATUS_DD;
}

bool Rings::received() {
  return get<desc::LEGACY_STATUS>(receive_descriptor().data()) & RX_STATUS_DD;
}

std::optional<std::vector<uint8_t>> Rings::receive() {
  if (!machine_.wait([&] { return received(); })) return std::nullopt;
  const std::vector<uint8_t> descriptor = receive_descriptor();
  std::vector<uint8_t> frame = machine_.bus().read_block(
      kReceiveBuffers + 2048 * receive_head_, get<desc::LEGACY_LENGTH>(descriptor.data()));
  // Back to the driver's side, and to the card again.
  std::array<uint8_t, kRxDescriptorSize> fresh{};
  i82574::put<desc::ADDRESS>(fresh.data(), kReceiveBuffers + 2048 * receive_head_);
  machine_.bus().write_block(kReceiveRing + 16 * receive_head_, fresh);
  machine_.set_reg(reg::RDT(0), receive_head_);
  receive_head_ = (receive_head_ + 1) % kDescriptors;
  return frame;
}

}  // namespace gatehouse::registers
