// SPDX-License-Identifier: GPL-2.0-or-later
// What comes in several TCP-shaped segments: they are kept until their frame is whole, which then
// is opened, parsed and asked for its tenant like any other; nothing that one segment says is
// believed before.
#include <algorithm>

#include "hw/core/base/archive.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using decapsulate::Left;
using spec::DropReason;
using spec::UplinkCounter;
using stateless::Loss;

namespace {

// Whether what the pieces say of the headers, by which lengths and sums were written, is what parse
// finds in the frame.
bool is_as_told(const Layers& layers, const stateless::Delivery& told) {
  return layers.l4 == L4::kTcp && layers.l2_length == told.l3 && layers.l4_offset == told.l4 &&
         layers.payload_offset == told.payload;
}

}  // namespace

// What was held under the policy before has gone by then.
void Pipeline::Impl::set_reassembly() {
  if (!tables->segments) return reassembler_.reset();
  if (reassembler_) return;
  const stateless::Limits limits{.uplinks = kMaxUplinks};
  reassembler_ = std::make_unique<stateless::Reassembler>(pool, *this, limits);
}

// Only the first segment of a stream says whose it is. Until then: a peer of somebody with such a
// format, before it costs memory.
DropReason Pipeline::Impl::take_part(unsigned uplink, const IpAddress& from, const IpAddress& to,
                                     const decapsulate::Part& part) {
  walked(spec::Stage::stateless, uplink, 1);
  if (tables->peers.find(kNoTenant, from).way.is_none()) return DropReason::unknown_peer;
  const auto place = stateless::Place::of(part.sequence, part.acknowledgement);
  stateless::Arrival arrival{.key = {.source = from,
                                     .destination = to,
                                     .source_port = part.source_port,
                                     .destination_port = part.destination_port,
                                     .uplink = static_cast<uint16_t>(uplink),
                                     .id = place.id},
                             .place = place,
                             .redundant = part.redundant,
                             .ecn = part.outer_ecn,
                             .octets = part.octets};
  // What was merged ends as the segment did that ended the whole frame, else as one that was taken,
  // else as the first.
  const uint32_t length = part.octets.length;
  const uint32_t step = part.merged != 0 ? part.merged : length;
  if (length > step * stateless::kMaxSegments) return DropReason::segment_malformed;
  DropReason reason = DropReason::none;
  bool taken = false;
  uint32_t at = 0;
  do {
    arrival.octets = {part.octets.data + at, std::min(step, length - at)};
    arrival.place.offset = static_cast<uint16_t>(place.offset + at);
    const uint32_t frames = reassembler_->frames();
    const DropReason one = reassembler_->add(arrival, now);
    if (at == 0) reason = one;
    if (one != DropReason::none && reassembler_->frames() < frames) return one;
    if (one == DropReason::none) {
      taken = true;
      ++uplinks[uplink][UplinkCounter::rx_shaped];
    }
    at += step;
  } while (at < length);
  return taken ? DropReason::none : reason;
}

// What came before goes before. A frame is handled alone: many may end at once.
void Pipeline::Impl::reassembled(Packet& packet, const stateless::Delivery& delivery) {
  inner_frames(work_uplink_);
  if (whole_count_ == whole_.size()) give_whole_back();
  whole_[whole_count_++] = &packet;
  const unsigned uplink = delivery.key.uplink;
  const auto counter = delivery.whole ? UplinkCounter::rx_reassembled : UplinkCounter::rx_recovered;
  ++uplinks[uplink][counter];
  const DropReason reason = enter_whole(packet, delivery);
  if (reason != DropReason::none) return drop_wire(uplink, packet, reason);
  to_work(uplink, packet);
  inner_frames(uplink);
}

// As open_tunnel() does it, for what has no outer headers any more.
DropReason Pipeline::Impl::enter_whole(Packet& packet, const stateless::Delivery& delivery) {
  decapsulate::Tunnel tunnel;
  const uint16_t port = delivery.key.destination_port;
  if (delivery.redundant) {
    tunnel.plan = static_cast<uint32_t>(decapsulate::redundant_plan(port, tables->receptions));
    tunnel.vni = delivery.vni;
    tunnel.inner_length = packet.length;
  } else {
    const DropReason reason =
        decapsulate::open_stream(packet.bytes(), port, tables->receptions, tunnel);
    if (reason != DropReason::none) return reason;
  }
  tunnel.outer_ecn = delivery.ecn;
  tenants_[0] = tables->tenant_of(tunnel.plan, tunnel.vni);
  if (tenants_[0] == kNoTenant) return DropReason::unknown_vni;
  const overlay::Target known = tables->peers.find(tenants_[0], delivery.key.source);
  if (known.way.is_none()) return DropReason::unknown_peer;
  peers_[0] = &tables->next_hops[known.way.index()];
  origins_[0].opaque = kTooLong;
  if (!delivery.redundant) return begin_shaped(packet, tunnel, 0);
  const DropReason reason = begin_inner(packet, tunnel, 0);
  if (reason != DropReason::none) return reason;
  return is_as_told(packet.layers, delivery) ? DropReason::none : DropReason::segment_malformed;
}

// STT's sender may leave the inner checksum, and the cutting, to the receiver, but not to make more
// of a frame than kLeastMss does. Whose checksum is not left, but wrong, is not cut: its segments
// would have right ones.
DropReason Pipeline::Impl::begin_shaped(Packet& packet, const decapsulate::Tunnel& tunnel,
                                        uint32_t kept) {
  const uint32_t header = tunnel.inner_offset - tunnel.header_length;
  const Left left = tables->receptions[tunnel.plan].left(packet.data + header);
  const DropReason reason = begin_inner(packet, tunnel, kept);
  const Layers& layers = packet.layers;
  const bool tcp = layers.l4 == L4::kTcp;
  if (reason != DropReason::none || (!tcp && layers.l4 != L4::kUdp)) return reason;
  const bool larger =
      layers.payload_offset != 0 && layers.l3_end > layers.payload_offset + left.mss;
  const bool to_cut = tcp && left.mss != 0 && larger;
  if (to_cut && left.mss < kLeastMss) return DropReason::too_many_segments;
  if (to_cut &&
      (left.checksum || verify_l4_checksum(packet.data, layers) == ChecksumState::kGood)) {
    packet.wire_mss = left.mss;
    claim_super_frame(packet);
  }
  if (left.checksum && !packet.offload.tso) complete_checksums(packet);
  return DropReason::none;
}

// A frame that is given up because of one segment has ended with that one's reason.
void Pipeline::Impl::given_up(const Loss& loss) {
  const unsigned uplink = loss.key.uplink;
  if (loss.cause != Loss::Cause::kOverlap && loss.cause != Loss::Cause::kUnsound) {
    ++drops_[static_cast<size_t>(DropReason::frame_incomplete)];
    ++uplinks[uplink][UplinkCounter::rx_drops];
    sink.dropped(false, uplink, DropReason::frame_incomplete);
  }
  sink.incomplete(loss);
}

void Pipeline::Impl::give_whole_back() {
  flush_run();
  flush();
  while (whole_count_ != 0) pool.give(whole_[--whole_count_]);
}

// What a policy without such formats can't hold ends here.
void Pipeline::Impl::archive_segments(Archive& archive) {
  archive(frame_id);
  bool holds = reassembler_ != nullptr && reassembler_->frames() != 0;
  archive(holds);
  if (!holds || !archive.ok()) return;
  if (reassembler_) return reassembler_->archive(archive);
  stateless::Reassembler unknown(pool, *this, {.uplinks = kMaxUplinks});
  unknown.archive(archive);
}

}  // namespace gatehouse::pipeline
