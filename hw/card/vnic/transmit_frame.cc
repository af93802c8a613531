// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/transmit_frame.hh"

#include <algorithm>
#include <cstring>

#include "hw/card/vnic/fcs.hh"
#include "hw/card/vnic/receive_status.hh"
#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register and descriptor names
using spec::DropReason;

bool wants_vlan(const TransmitSettings& settings, const TransmitFrame& frame) {
  const uint8_t command = frame.segmented() ? frame.first_command : frame.last_command;
  return settings.insert_vlan && (command & TX_CMD_VLE) != 0;
}

// Buffers that follow one another in memory are read at once.
bool gather(const TransmitFrame& frame, DmaPort& dma, uint8_t* to) {
  for (uint32_t i = 0; i < frame.count;) {
    const uint64_t address = frame.buffers[i].address;
    uint32_t octets = frame.buffers[i].octets;
    for (++i; i < frame.count && frame.buffers[i].address == address + octets; ++i) {
      octets += frame.buffers[i].octets;
    }
    if (!dma.read(address, to, octets)) return false;
    to += octets;
  }
  return true;
}

// What is compared is what leaves: guests can't reach the copy.
bool seals_hold(const TransmitFrame& frame, SealPort& seals, unsigned queue, const uint8_t* at) {
  for (uint32_t i = 0; i < frame.count; ++i) {
    const TransmitFrame::Buffer& buffer = frame.buffers[i];
    if (!seals.holds(queue, buffer.unit, {at, buffer.octets})) return false;
    at += buffer.octets;
  }
  return true;
}

DropReason fetch(const TransmitFrame& frame, const TransmitSource& source, uint8_t* to) {
  if (!gather(frame, source.dma, to)) return DropReason::tx_dma_error;
  const bool holds = source.seals == nullptr || seals_hold(frame, *source.seals, source.queue, to);
  return holds ? DropReason::none : DropReason::tx_seal_broken;
}

// 7.2.10.1: the context must be one that a frame can have; segment checks it against the headers.
DropReason prepare_segmentation(const TransmitFrame& frame, const TransmitContext& context,
                                Packet& packet) {
  const bool possible = (context.command & TX_TUCMD_TSE) != 0 &&
                        (context.command & TX_TUCMD_SNAP) == 0 && context.mss != 0 &&
                        context.header_length != 0 &&
                        context.header_length + context.payload_length == packet.length;
  if (!possible) return DropReason::bad_tso_context;
  packet.offload = {.tso = true,
                    .ip_checksum = (frame.options & TX_POPTS_IXSM) != 0,
                    .l4_checksum = (frame.options & TX_POPTS_TXSM) != 0,
                    .tcp = (context.command & TX_TUCMD_TCP) != 0,
                    .ipv4 = (context.command & TX_TUCMD_IP) != 0,
                    .mss = context.mss,
                    .header_length = context.header_length,
                    .payload_length = context.payload_length,
                    .ipcss = context.ipcss,
                    .ipcso = context.ipcso,
                    .ipcse = context.ipcse,
                    .tucss = context.tucss,
                    .tucso = context.tucso,
                    .tucse = context.tucse};
  return DropReason::none;
}

// 7.4 and the legacy descriptor's IC: offsets are those of the frame as the driver wrote it,
// without an inserted tag.
DropReason insert_checksums(const TransmitFrame& frame, const TransmitContext& context,
                            Packet& packet) {
  using checksum::Zero;
  bool inside = true;
  if (!frame.extended) {
    if ((frame.last_command & TX_CMD_IC) != 0) {
      inside = checksum::insert(packet.bytes(), frame.checksum_start, frame.checksum_offset, 0,
                                Zero::kStays);
    }
  } else {
    if ((frame.options & TX_POPTS_IXSM) != 0) {
      inside = checksum::insert(packet.bytes(), context.ipcss, context.ipcso, context.ipcse,
                                Zero::kStays);
    }
    if (inside && (frame.options & TX_POPTS_TXSM) != 0) {
      const Zero zero = (context.command & TX_TUCMD_TCP) != 0 ? Zero::kStays : Zero::kBecomesOnes;
      inside = checksum::insert(packet.bytes(), context.tucss, context.tucso, context.tucse, zero);
    }
  }
  return inside ? DropReason::none : DropReason::bad_checksum_context;
}

// 7.5: between the addresses and the type; the four octets in front of the frame are free.
void insert_vlan(const TransmitSettings& settings, uint16_t tci, Packet& packet) {
  packet.push(kVlanTagOctets);
  std::memmove(packet.data, packet.data + kVlanTagOctets, kMacAddresses);
  store_be(packet.data + kMacAddresses, settings.vlan_type);
  store_be(packet.data + kMacAddresses + 2, tci);
  Offload& offload = packet.offload;
  if (!offload.tso) return;
  const auto shift = [](uint16_t& offset) {
    offset = static_cast<uint16_t>(offset + kVlanTagOctets);
  };
  shift(offload.header_length);
  shift(offload.ipcss);
  shift(offload.ipcso);
  shift(offload.tucss);
  shift(offload.tucso);
  if (offload.ipcse != 0) shift(offload.ipcse);
  if (offload.tucse != 0) shift(offload.tucse);
}

// Without IFCS the driver's last four octets are the FCS. A wrong one would be dropped by the first
// switch.
DropReason take_fcs(Packet& packet) {
  if (packet.length < kFcsOctets + kShortestTransmit) return DropReason::tx_too_short;
  const uint32_t length = packet.length - kFcsOctets;
  if (load_le<uint32_t>(packet.data + length) != fcs({packet.data, length})) {
    return DropReason::tx_bad_fcs;
  }
  packet.length = length;
  return DropReason::none;
}

DropReason finish(const TransmitSettings& settings, const TransmitFrame& frame,
                  const TransmitContext& context, bool vlan, Packet& packet) {
  DropReason reason = DropReason::none;
  if (packet.length < kShortestTransmit) return DropReason::tx_too_short;
  if (frame.segmented()) {
    reason = prepare_segmentation(frame, context, packet);
  } else {
    reason = insert_checksums(frame, context, packet);
    // With VLE the hardware appends the FCS anyway (7.2.11.1).
    const bool own_fcs = !vlan && (frame.last_command & TX_CMD_IFCS) == 0;
    if (reason == DropReason::none && own_fcs) reason = take_fcs(packet);
  }
  if (reason != DropReason::none) return reason;
  if (vlan) insert_vlan(settings, frame.vlan_tci, packet);
  // A super-frame is as long as its context says. Its segments are padded where they need it: by
  // what encapsulates them, or by the vnic that receives them.
  if (settings.pad && !frame.segmented() && packet.length < kMinFrame) {
    std::memset(packet.data + packet.length, 0, kMinFrame - packet.length);
    packet.length = kMinFrame;
  }
  return DropReason::none;
}

}  // namespace

TransmitSettings transmit_settings(const RegisterFile& registers) {
  return {.insert_vlan = registers.test(reg::CTRL, CTRL_VME),
          .pad = registers.test(reg::TCTL, TCTL_PSP),
          .vlan_type = static_cast<uint16_t>(registers[reg::VET])};
}

DropReason make_packet(const TransmitSettings& settings, const TransmitFrame& frame,
                       const TransmitContext& context, const TransmitSource& source, CardPort& card,
                       Packet*& packet) {
  packet = nullptr;
  if (frame.refused != DropReason::none) return frame.refused;
  if (frame.octets == 0) return DropReason::none;
  const bool vlan = wants_vlan(settings, frame);
  const uint32_t tag = vlan ? kVlanTagOctets : 0;
  // A super-frame is one with its tag, too: saved states take no longer ones.
  if (frame.octets > (frame.segmented() ? kMaxSuperFrame - tag : kMaxWireFrame)) {
    return DropReason::tx_too_long;
  }
  Packet* taken = card.take_packet(std::max(frame.octets, kMinFrame) + tag);
  if (taken == nullptr) return DropReason::no_packet_buffer;
  taken->data += tag;  // keeps kHeadroom free in front of the tag
  taken->length = frame.octets;
  DropReason reason = fetch(frame, source, taken->data);
  if (reason == DropReason::none) reason = finish(settings, frame, context, vlan, *taken);
  if (reason != DropReason::none) {
    card.give_packet(taken);
    return reason;
  }
  packet = taken;
  return DropReason::none;
}

}  // namespace gatehouse::vnic
