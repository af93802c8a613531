// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/transmit_queue.hh"

#include <algorithm>
#include <cstring>

#include "hw/core/base/archive.hh"

namespace gatehouse::vnic {

using namespace i82574;  // NOLINT: register and descriptor names
using spec::DropReason;

namespace {

uint8_t command_of(const uint8_t* descriptor) {
  return static_cast<uint8_t>(get<desc::TX_COMMAND>(descriptor));
}
bool is_context(const uint8_t* descriptor) {
  return (command_of(descriptor) & TX_CMD_DEXT) != 0 &&
         get<desc::CONTEXT_DTYP>(descriptor) == static_cast<uint64_t>(TxType::kContext);
}
bool ends_frame(const uint8_t* descriptor) {
  return !is_context(descriptor) && (command_of(descriptor) & TX_CMD_EOP) != 0;
}

}  // namespace

bool TransmitFrame::segmented() const { return extended && (first_command & TX_CMD_TSE) != 0; }

DescriptorRing TransmitQueue::ring() const {
  return {.base = registers_.pair(reg::TDBAL(queue_), reg::TDBAH(queue_)),
          .length = registers_[reg::TDLEN(queue_)] / kRingUnit,
          .head = registers_[reg::TDH(queue_)],
          .tail = registers_[reg::TDT(queue_)]};
}

uint32_t TransmitQueue::low_threshold() const {
  constexpr uint32_t kLowUnit = 8;  // TXDCTL.LWTHRESH
  return registers_.field(reg::TXDCTL(queue_), TXDCTL_LWTHRESH) * kLowUnit;
}

void TransmitQueue::reset() {
  checksum_context_ = {};
  segmentation_context_ = {};
  skipping_ = false;
  report_ = Report::kNone;
  work_ = 0;
  back_ = false;
  following_units_ = following_reported_ = 0;
  forget();
}

void TransmitQueue::load_context(const uint8_t* d) {
  const uint8_t command = command_of(d);
  // 7.2.10: one context of each kind is kept.
  TransmitContext& context =
      (command & TX_TUCMD_TSE) != 0 ? segmentation_context_ : checksum_context_;
  context = {.command = command,
             .ipcss = static_cast<uint8_t>(get<desc::CONTEXT_IPCSS>(d)),
             .ipcso = static_cast<uint8_t>(get<desc::CONTEXT_IPCSO>(d)),
             .tucss = static_cast<uint8_t>(get<desc::CONTEXT_TUCSS>(d)),
             .tucso = static_cast<uint8_t>(get<desc::CONTEXT_TUCSO>(d)),
             .ipcse = static_cast<uint16_t>(get<desc::CONTEXT_IPCSE>(d)),
             .tucse = static_cast<uint16_t>(get<desc::CONTEXT_TUCSE>(d)),
             .header_length = static_cast<uint8_t>(get<desc::CONTEXT_HDRLEN>(d)),
             .mss = static_cast<uint16_t>(get<desc::CONTEXT_MSS>(d)),
             .payload_length = static_cast<uint32_t>(get<desc::CONTEXT_PAYLEN>(d))};
}

// Appends a data or legacy descriptor, that of `unit`, to the frame.
void TransmitQueue::add(TransmitFrame& frame, const uint8_t* d, uint32_t unit) {
  const uint8_t command = command_of(d);
  const bool extended = (command & TX_CMD_DEXT) != 0;
  const bool first = frame.descriptors == 0;
  if (first) {
    frame.extended = extended;
    frame.first_command = command;
    frame.options = extended ? static_cast<uint8_t>(get<desc::DATA_POPTS>(d)) : uint8_t{0};
    frame.checksum_start = static_cast<uint8_t>(get<desc::TX_CSS>(d));
  }
  const bool known = !extended || get<desc::DATA_DTYP>(d) == static_cast<uint64_t>(TxType::kData);
  if (!known || extended != frame.extended) frame.refused = DropReason::bad_tx_descriptor;
  frame.last_command = command;
  frame.checksum_offset = static_cast<uint8_t>(get<desc::TX_CSO>(d));
  if (first || !frame.segmented()) frame.vlan_tci = static_cast<uint16_t>(get<desc::TX_VLAN>(d));
  frame.time_stamp |= (get<desc::TX_EXTENDED_COMMAND>(d) & TX_EXTCMD_TSTAMP) != 0;
  const uint32_t octets =
      static_cast<uint32_t>(extended ? get<desc::DATA_DTALEN>(d) : get<desc::TX_LENGTH>(d));
  ++frame.descriptors;
  if (octets == 0) return;  // 7.2.10.1: carries nothing
  frame.octets += octets;   // at most kMaxBuffers * 2^20
  frame.buffers[frame.count++] = {get<desc::TX_ADDRESS>(d), octets, unit};
}

TransmitQueue::Next TransmitQueue::next(TransmitFrame& frame) {
  frame.count = frame.octets = frame.descriptors = 0;
  frame.time_stamp = false;
  frame.refused = DropReason::none;
  if (!fetch(1)) return Next::kRingError;
  if (cache_.units() == 0) return Next::kEmpty;
  if (is_context(cache_.at(0)) && !skipping_) {
    load_context(cache_.at(0));
    done(1);
    return Next::kProgress;
  }
  const DescriptorRing now = ring();
  for (uint32_t unit = 0; unit < TransmitFrame::kMaxBuffers; ++unit) {
    if (!fetch(unit + 1)) return Next::kRingError;
    if (cache_.units() <= unit) {
      if (!skipping_ || unit == 0) return Next::kEmpty;
      done(unit);
      return Next::kProgress;
    }
    const uint8_t* descriptor = cache_.at(unit);
    if (is_context(descriptor)) {
      // Inside a frame: the silicon's behaviour is not defined. Ours: the frame is refused and the
      // context counts.
      load_context(descriptor);
      frame.refused = DropReason::bad_tx_descriptor;
      ++frame.descriptors;
      continue;
    }
    add(frame, descriptor, now.advance(now.head, unit));
    if (!ends_frame(descriptor)) continue;
    done(unit + 1);
    if (skipping_) frame.refused = DropReason::tx_too_long;
    skipping_ = false;
    return Next::kFrame;
  }
  skipping_ = true;
  done(TransmitFrame::kMaxBuffers);
  return Next::kProgress;
}

// The first `units` cached descriptors belong to software again.
void TransmitQueue::done(uint32_t units) {
  DescriptorRing now = ring();
  for (uint32_t unit = 0; unit < units; ++unit) {
    report(cache_.at(unit), now.address(now.head));
    now.head = now.advance(now.head, 1);
  }
  work_ += units;
  registers_[reg::TDH(queue_)] = now.head;
  cache_.pop(units, now.head);
}

// 7.2.12: only descriptors with RS are reported.
void TransmitQueue::report(const uint8_t* descriptor, uint64_t address) {
  const uint8_t command = command_of(descriptor);
  const bool wanted = (command & (TX_CMD_RS | TX_CMD_RPS)) != 0;
  if (wanted) {
    const bool delayed = (command & TX_CMD_IDE) != 0 && report_ != Report::kNow;
    report_ = delayed ? Report::kDelayed : Report::kNow;
  }
  if (back_ && (following_units_ == kBackUnits ||
                address != back_address_ + uint64_t{following_units_ + 1} * kRingUnit)) {
    flush();
  }
  if (!back_) {
    if (!wanted) return;
    back_ = true;
    back_address_ = address;
    back_status_ = static_cast<uint8_t>(descriptor[kTxStatusOctet] | TX_STATUS_DD);
    return;
  }
  uint8_t* copy = &following_[following_units_++ * kRingUnit];
  std::memcpy(copy, descriptor, kRingUnit);
  if (!wanted) return;
  copy[kTxStatusOctet] |= TX_STATUS_DD;
  following_reported_ = following_units_;
}

// The first DD is written last and alone, for the reason given at ReceiveRing::flush: until a
// driver sees it, it reuses none of the descriptors that the large write covers.
void TransmitQueue::flush() {
  if (!back_) return;
  if (following_reported_ != 0) {
    dma_.write(back_address_ + kRingUnit, following_.data(), following_reported_ * kRingUnit);
  }
  dma_.write(back_address_ + kTxStatusOctet, &back_status_, sizeof back_status_);
  back_ = false;
  following_units_ = following_reported_ = 0;
}

TransmitQueue::Report TransmitQueue::take_report() {
  const Report report = report_;
  report_ = Report::kNone;
  return report;
}

uint32_t TransmitQueue::take_work() {
  const uint32_t work = work_;
  work_ = 0;
  return work;
}

void TransmitQueue::archive(Archive& archive) {
  archive.section("transmit-queue", 1);
  for (TransmitContext* context : {&checksum_context_, &segmentation_context_}) {
    archive(context->command);
    archive(context->ipcss);
    archive(context->ipcso);
    archive(context->tucss);
    archive(context->tucso);
    archive(context->ipcse);
    archive(context->tucse);
    archive(context->header_length);
    archive(context->mss);
    archive(context->payload_length);
  }
  archive(skipping_);
  if (archive.loading()) forget();
}

}  // namespace gatehouse::vnic
