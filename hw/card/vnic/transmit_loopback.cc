// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/transmit_loopback.hh"

#include "hw/card/vnic/receive.hh"
#include "hw/core/parse/parse.hh"

namespace gatehouse::vnic {

using spec::DropReason;

void LoopbackSegments::deliver(Packet& packet, ReceiveEngine& receiver, CardPort& card) {
  constexpr uint32_t kNoMtu = 65535;
  const DropReason parsed = parse::parse(packet, {.ipv4_checksum = false});
  if (!packet.offload.tso) {
    // What parse refuses is still a frame; it just has no headers to report.
    const Delivery delivery{.frame = {{}, {packet.data, packet.length}},
                            .layers = parsed == DropReason::none ? &packet.layers : nullptr};
    receiver.receive_looped({&delivery, 1});
    return;
  }
  segment::Segmenter segmenter;
  const DropReason reason =
      parsed != DropReason::none ? DropReason::bad_tso_context : segmenter.begin(packet, kNoMtu);
  if (reason != DropReason::none) {
    card.count_drop(reason);
    return;
  }
  while (!segmenter.done()) {
    arena.reset(0);
    const uint32_t count = segmenter.next(arena, segments);
    for (uint32_t i = 0; i < count; ++i) {
      deliveries[i] = {.frame = segments[i].frame(), .layers = &packet.layers};
    }
    receiver.receive_looped(std::span<const Delivery>(deliveries).first(count));
  }
}

}  // namespace gatehouse::vnic
