// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a Packet of a chain of descriptors: gathers its octets, inserts checksums and the VLAN tag,
// pads, and hands on what is left for segmentation (data sheet 7.2.10, 7.2.11, 7.3, 7.4, 7.5).
#ifndef GATEHOUSE_HW_CARD_VNIC_TRANSMIT_FRAME_HH_
#define GATEHOUSE_HW_CARD_VNIC_TRANSMIT_FRAME_HH_

#include <cstdint>

#include "hw/card/vnic/ports.hh"
#include "hw/card/vnic/transmit_queue.hh"

namespace gatehouse::vnic {

// What the registers say about frames that go out.
struct TransmitSettings {
  bool insert_vlan = false;  // CTRL.VME
  bool pad = false;          // TCTL.PSP
  uint16_t vlan_type = 0;    // VET
};

TransmitSettings transmit_settings(const RegisterFile& registers);

// Shortest frame that the silicon sends, without FCS (7.2.10.1: 17 octets, padded).
inline constexpr uint32_t kShortestTransmit = 17;

// Where a frame's octets come from.
struct TransmitSource {
  DmaPort& dma;
  SealPort* seals;  // null: there are none
  unsigned queue;
};

// Null in `packet` when there is nothing to send: with a reason other than none the frame is to be
// counted as dropped, with none it was empty. frame.octets is not 0 for a packet. packet->cookie is
// the caller's.
spec::DropReason make_packet(const TransmitSettings& settings, const TransmitFrame& frame,
                             const TransmitContext& context, const TransmitSource& source,
                             CardPort& card, Packet*& packet);

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_TRANSMIT_FRAME_HH_
