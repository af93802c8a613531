// SPDX-License-Identifier: GPL-2.0-or-later
// The pipeline's state and its steps. Private to this room. egress.cc: from a vnic; ingress.cc:
// from the wire; answer.cc: ARP and ND of the overlay; output.cc: the ways out, drops and taps;
// coalesced.cc: frames that wait for those behind them; segments_out.cc, segments_in.cc: frames in
// several TCP-shaped segments;
// attach.cc: vnics and tables; saved.cc: state.
#ifndef GATEHOUSE_HW_CORE_PIPELINE_IMPL_HH_
#define GATEHOUSE_HW_CORE_PIPELINE_IMPL_HH_

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/core/coalesce/coalesce.hh"
#include "hw/core/deliver/vnic_table.hh"
#include "hw/core/pipeline/guard.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/pipeline/tables.hh"
#include "hw/core/resolve/resolve.hh"
#include "hw/core/resolve/token_bucket.hh"
#include "hw/core/segment/segment.hh"
#include "hw/core/spoof/spoof.hh"
#include "hw/core/stateless/cutter.hh"
#include "hw/core/stateless/reassembler.hh"

namespace gatehouse::pipeline {

inline constexpr size_t kBatch = 64;
// As the shortest prefix: a default route says where a packet goes, not that somebody has the
// address.
inline constexpr unsigned kNoDefaultRoute = 1;
// The MAC inside a link-local address made by modified EUI-64 (RFC 4291 appendix A); zero when it
// is none.
MacAddress eui64_mac(const IpAddress& ip);
// What the card says for itself, per vnic: an address scan of a /22 in a second is answered in
// full; path MTU discovery needs little.
inline constexpr uint32_t kAnswersPerSecond = 1000, kAnswerBurst = 256;
inline constexpr uint32_t kTooBigPerSecond = 100, kTooBigBurst = 32;
// What rules with `log` say, of a vnic and of the card: whoever reads it must keep up.
inline constexpr uint32_t kLogsPerSecond = 10, kLogBurst = 20;
inline constexpr uint32_t kCardLogsPerSecond = 100, kCardLogBurst = 200;

struct Vnic {
  bool attached = false;
  uint32_t row = kNoRow;  // of Tables::vnics; kNoRow: no policy names it
  uint16_t tenant = kNoTenant;
  std::string name;
  std::string tenant_name;
  MacAddress device_mac;
  bool coalesces = false;
  spoof::Rules rules;  // its mac() is the one that holds
  resolve::TokenBucket answers{kAnswersPerSecond, kAnswerBurst};
  // What peers ask about it: a flood of theirs must not leave its own questions without answers.
  // Not saved; full after loading.
  resolve::TokenBucket peer_answers{kAnswersPerSecond, kAnswerBurst};
  resolve::TokenBucket too_big{kTooBigPerSecond, kTooBigBurst};
  resolve::TokenBucket logs{kLogsPerSecond, kLogBurst};  // not saved either
  uint64_t logs_suppressed = 0;                          // since the last one that was told
  Metered meter;
  uint32_t mirror = kNoRow;  // of Tables::mirrors
  Pipeline::Drops drops{};
  Pipeline::VnicCounters counters{};

  uint64_t& operator[](spec::VnicCounter counter) { return counters[static_cast<size_t>(counter)]; }
};

struct Uplink {
  bool up = false;
  Pipeline::UplinkCounters counters{};
  uint64_t& operator[](spec::UplinkCounter counter) {
    return counters[static_cast<size_t>(counter)];
  }
};

// A frame on its way to the wire: where its inner frame begins, and how it is to be seen from
// outside.
struct Inner {
  uint8_t* head = nullptr;  // encapsulate::Outer::kReserve octets are free in front
  uint32_t head_length = 0;
  Slice body;
  encapsulate::Outer::Inner about;
  uint32_t length() const { return head_length + body.length; }
};

inline Inner inner_of(Packet& packet) {
  const Layers& layers = packet.layers;
  const uint8_t traffic_class =
      encapsulate::traffic_class(packet.data + layers.l2_length, layers.l3);
  return {
      packet.data, packet.length, {}, {traffic_class, layers.flow_hash, layers.l3 == L3::kIpv6}};
}

// A TCP super-frame is a stream that the card cuts anyway: it cuts it to what the overlay takes, DF
// or not, instead of having the sender lower its MSS first. A context that lies is left to segment.
inline void clamp_mss(Packet& packet, uint32_t mtu) {
  Offload& offload = packet.offload;
  const Layers& layers = packet.layers;
  if (layers.l4 != L4::kTcp || layers.payload_offset <= layers.l2_length) return;
  const uint32_t headers = layers.payload_offset - layers.l2_length;
  if (headers < mtu && offload.mss > mtu - headers) {
    offload.mss = static_cast<uint16_t>(mtu - headers);
  }
}

// Of what waits for a neighbour: the card's own answers to peers. A flood of questions that come
// from where nobody answers takes no vnic's places.
inline constexpr uint16_t kOwnPort = kMaxVnics;

// coalesce::Origin::opaque of a tunnel header that is not kept: its frame is merged with none.
inline constexpr uint32_t kTooLong = coalesce::kMaxOpaque + 1;

struct Pipeline::Impl final : underlay::Outbox,
                              coalesce::Outlet,
                              stateless::Outlet,
                              Guard::Listener {
  Impl(PacketPool& packet_pool, Sink& frame_sink, uint64_t seed);

  // attach.cc
  Status load(const policy::Policy& policy);
  Status attach(unsigned vnic, const std::string& name, const MacAddress& mac);
  void detach(unsigned vnic);
  Status check_macs(const Tables& with) const;
  void give_up_outdated(const Tables& next);
  void bind();

  // egress.cc
  void egress(unsigned port, std::span<Packet* const> batch);
  void show_egress(unsigned port, std::span<Packet* const> batch);
  size_t keep_good(unsigned port, size_t count);
  size_t choose_ways(unsigned port, size_t count);
  size_t guard_out(unsigned port, size_t count);
  void find_targets(unsigned port, size_t count);
  void keep_from_default_routes(size_t count);
  // Of the frames in work_: the one at `from` goes on, at `to`; or it ends here, and the one behind
  // it can't be told by it any more.
  void stays(size_t to, size_t from) {
    if (to == from) [[likely]]
      return;
    work_[to] = work_[from];
    repeats_[to] = repeats_[from];
    many_[to] = many_[from];
  }
  void ends(size_t at) {
    if (at + 1 < kBatch) repeats_[at + 1] = false;
  }
  void trace_ways(unsigned port, size_t count);
  void send_burst(unsigned port, std::span<Packet* const> burst, const overlay::Target& target);
  void forward(unsigned port, Packet& packet, const overlay::Target& target);
  void forward_many(unsigned port, Packet& packet);
  void send_remote(unsigned port, Packet& packet, const NextHop& hop);
  uint32_t mtu_of(const Packet& packet, const NextHop& hop, bool in_segments) const;
  void send_remote_cut(unsigned port, Packet& packet, const NextHop& hop);
  void send_local(unsigned port, Packet& packet, unsigned to);
  void send_local_cut(unsigned port, Packet& packet, unsigned to, uint32_t mtu);
  void send_pieces(unsigned to, const Layers& layers, bool fragments, uint32_t count);
  bool begin_segments(unsigned port, Packet& packet, uint32_t mtu, uint32_t wire_cuts = 0);
  uint32_t wire_cuts(const Packet& packet, const NextHop& hop) const;
  void count_segments(unsigned port);
  void send_piece(unsigned port, const NextHop& hop, const Inner& inner, const Layers& layers,
                  uint16_t mss);
  void begin_metering(unsigned port);
  bool metered() const { return meters_count_ != 0; }  // the frames of this batch
  // Those that begin_metering() has found for this batch give colours; the worst one holds, and
  // only what goes on takes tokens and is counted. `octets`: of the inner datagram, whose IP header
  // is `l3`.
  meter::Colour meter(unsigned port, const uint8_t* l3, L3 kind, uint32_t octets) {
    using meter::Colour;
    if (!metered()) return Colour::kGreen;
    const std::span<Metered* const> meters(meters_.data(), meters_count_);
    const Colour before = colour_aware_ ? meter::colour_of(l3, kind) : Colour::kGreen;
    Colour colour = Colour::kGreen;
    for (const Metered* metered : meters)
      colour = std::max(colour, metered->rate.colour(octets, before));
    if (colour == Colour::kRed) [[unlikely]]
      return colour;
    for (Metered* metered : meters) metered->rate.take(octets, colour);
    ++vnics[port][colour == Colour::kGreen ? spec::VnicCounter::meter_green
                                           : spec::VnicCounter::meter_yellow];
    return colour;
  }
  // What stands behind the datagram travels, too: Ethernet's padding alone is nobody's.
  static uint32_t metered_octets(const Packet& packet) {
    const uint32_t end = packet.length > kMinFrame ? packet.length : packet.layers.l3_end;
    return end - packet.layers.l2_length;
  }
  void mark_yellow(uint8_t* l3, L3 kind) const;
  // False: red, dropped.
  bool pass_meters(unsigned port, Inner& inner, uint32_t octets, const Layers& layers);
  void tell_too_big(unsigned port, const Packet& packet, uint32_t mtu);

  // mirrored.cc
  // A copy for the mirror session of a vnic that has one. `offload`: of a frame that is still to be
  // segmented.
  void mirror(unsigned vnic, const OutFrame& frame, const Offload& offload = {});
  bool mirror_cut(const NextHop& hop, Packet& packet);
  void send_mirrored(const NextHop& hop, const Inner& inner);

  // segments_out.cc
  bool goes_in_segments(const Packet& packet, const NextHop& hop) const;
  uint32_t segments_cut(const Packet& packet, const NextHop& hop, uint32_t mtu) const;
  void send_segments(unsigned port, const NextHop& hop, const Inner& inner, const Layers& layers,
                     uint16_t mss);
  bool begin_stream(const NextHop& hop, const Inner& inner, const Layers& layers, uint16_t mss);
  bool begin_redundant(const NextHop& hop, const Inner& inner, const Layers& layers, uint16_t mss);
  bool may_all_wait(unsigned port, const NextHop& hop) const;
  void send_segment(unsigned port, const NextHop& hop, uint8_t* head,
                    const stateless::Segment& segment, const Inner& inner, bool waits);

  // answer.cc
  bool speaks_as_another(unsigned port, const Packet& packet) const;
  void ask(unsigned port, Packet& packet);
  overlay::Target who_has(uint16_t tenant, const IpAddress& ip, unsigned shortest) const;
  const MacAddress* mac_of(const overlay::Target& target, uint16_t tenant, unsigned* vnic) const;
  bool is_router(const overlay::Target& target, uint16_t tenant) const;
  void asked_by_peer(unsigned uplink, Packet& packet, const resolve::Question& question,
                     uint16_t tenant, const NextHop& peer);

  // ingress.cc
  void ingress(unsigned uplink, std::span<Packet* const> batch);
  bool take_off(unsigned uplink, Packet& packet, uint16_t& tenant, const NextHop*& peer,
                coalesce::Origin& origin);
  spec::DropReason open_tunnel(unsigned uplink, Packet& packet, uint16_t& tenant,
                               const NextHop*& peer, coalesce::Origin& origin);
  spec::DropReason begin_inner(Packet& packet, const decapsulate::Tunnel& tunnel, uint32_t kept);
  static void claim_super_frame(Packet& packet);
  void to_work(unsigned uplink, Packet& packet);
  void inner_frames(unsigned uplink);
  spec::DropReason for_card(unsigned uplink, const Packet& packet) const;
  bool source_is_peers(const Packet& packet, uint16_t tenant, const NextHop& peer,
                       const overlay::Target& source) const;
  void finish_ethernet(Packet& packet, uint16_t tenant, const overlay::Target& source) const;
  void inner_frame(unsigned uplink, Packet& packet, uint16_t tenant, const NextHop& peer,
                   const overlay::Target& source);
  void deliver(unsigned uplink, Packet& packet, uint16_t tenant);
  void deliver_to(unsigned uplink, unsigned vnic, Packet& packet, bool merge = false);
  void prefetch_in(size_t count);
  bool guard_in(unsigned vnic, Packet& packet, FlowDirection from, unsigned port);
  void deliver_cut(unsigned uplink, unsigned vnic, Packet& packet);

  // segments_in.cc
  void set_reassembly();
  spec::DropReason take_part(unsigned uplink, const IpAddress& from, const IpAddress& to,
                             const decapsulate::Part& part);
  spec::DropReason begin_shaped(Packet& packet, const decapsulate::Tunnel& tunnel, uint32_t kept);
  spec::DropReason enter_whole(Packet& packet, const stateless::Delivery& delivery);
  void give_whole_back();
  void archive_segments(Archive& archive);
  // stateless::Outlet
  void reassembled(Packet& packet, const stateless::Delivery& delivery) override;
  void given_up(const stateless::Loss& loss) override;

  // coalesced.cc
  void set_coalescing(const policy::Policy& policy);
  coalesce::Counters coalesce_counters() const;
  static coalesce::Limits coalescing_limits(const policy::Policy& policy);
  void let_go();
  bool keep(const Packet& packet);
  void coalesce_in(unsigned uplink, unsigned vnic, Packet& packet, coalesce::Origin* origin);
  void pass_by(unsigned uplink, unsigned vnic, Packet& packet);
  static void widen(Packet& packet, uint32_t largest);
  void archive_coalesced(Archive& archive);
  // coalesce::Outlet
  void coalesced(Packet& packet, const coalesce::Origin& origin) override;
  bool restored(Packet& packet, const coalesce::Origin& origin) override;

  // guarded.cc; Guard::Listener
  void logged(const FirewallLog& log) override;

  // output.cc
  void send(unsigned port, const NextHop& hop, const Inner& inner) {
    const underlay::Neighbours& neighbours = tables->neighbours;
    if (!uplinks[hop.uplink].up || !neighbours.usable(hop.neighbour, now)) [[unlikely]] {
      if (!may_send(port, hop, inner)) return;
    }
    uint8_t* start = push_outer(hop, inner);
    std::memcpy(start, neighbours.mac(hop.neighbour).octets.data(), 6);
    add(hop.uplink, {start, static_cast<uint32_t>(inner.head + inner.head_length - start)},
        inner.body);
  }
  bool may_send(unsigned port, const NextHop& hop, const Inner& inner);
  void send_super(const NextHop& hop, const Inner& inner, const Layers& layers, uint16_t mss);
  void wait(unsigned port, const NextHop& hop, const Inner& inner);
  Packet* copy_to_wait(unsigned port, const NextHop& hop, const OutFrame& frame);
  // Of a format that carries IP the frame has no tags: Outer::carries().
  uint8_t* push_outer(const NextHop& hop, const Inner& inner) {
    const uint32_t left_out = hop.outer.carries_ip() ? EthernetHeader<uint8_t>::kLength : 0;
    uint8_t* start = hop.outer.push(inner.head + left_out, inner.length() - left_out, inner.about,
                                    identification++);
    if (hop.outer.wants_checksum()) {
      const auto head_length = static_cast<uint32_t>(inner.head + inner.head_length - start);
      hop.outer.complete_checksum(start, head_length, inner.body);
    }
    return start;
  }
  void add(unsigned uplink, Slice head, Slice body) {
    if (out_count_ == kBatch || (out_count_ != 0 && out_uplink_ != uplink)) [[unlikely]]
      flush();
    out_uplink_ = uplink;
    // Member by member: a copy of what was just written in pieces waits until it has arrived.
    OutFrame& frame = out_[out_count_++];
    frame.head.data = head.data;
    frame.head.length = head.length;
    frame.body.data = body.data;
    frame.body.length = body.length;
  }
  void flush();
  void finish(Packet* packet) { finished_[finished_count_++] = packet; }
  void end_batch();
  void to_vnic(unsigned vnic, std::span<const OutFrame> frames, const Layers& layers, bool checked,
               bool good);
  // Into the run; the frame's memory must last until end_batch().
  void to_vnic_later(unsigned vnic, const Packet& packet);
  void flush_run();
  void drop(bool from_vnic, unsigned port, const OutFrame& frame, spec::DropReason reason);
  void lose(unsigned port, unsigned uplink, const OutFrame& frame, spec::DropReason reason);
  // The port is where the frame came from.
  void drop_for_vnic(bool from_vnic, unsigned port, unsigned vnic, const OutFrame& frame,
                     spec::DropReason reason);
  void drop_for_vnic(unsigned uplink, unsigned vnic, const OutFrame& frame,
                     spec::DropReason reason) {
    drop_for_vnic(false, uplink, vnic, frame, reason);
  }
  void drop(unsigned vnic, const Packet& packet, spec::DropReason reason) {
    drop(true, vnic, {{packet.data, packet.length}, {}}, reason);
  }
  void drop_wire(unsigned uplink, const Packet& packet, spec::DropReason reason) {
    drop(false, uplink, {{packet.data, packet.length}, {}}, reason);
  }
  void answered(unsigned vnic);
  bool tapping(TapPoint point) const { return (taps_ & 1u << static_cast<unsigned>(point)) != 0; }
  void tap(TapPoint point, TapDirection direction, unsigned port, const OutFrame& frame) {
    if (tapping(point)) [[unlikely]]
      sink.tapped(point, direction, port, frame, spec::DropReason::none);
  }
  void walked(spec::Stage stage, unsigned port, size_t frames) {
    if (trace_ && frames != 0) [[unlikely]]
      sink.walked(stage, port, frames);
  }
  // underlay::Outbox
  void send(unsigned uplink, std::span<const uint8_t> frame, bool question) override;
  void release(unsigned uplink, std::span<Packet* const> packets) override;
  void give_up(unsigned uplink, std::span<Packet* const> packets) override;

  // saved.cc
  void archive(Archive& archive);

  PacketPool& pool;
  Sink& sink;
  std::unique_ptr<Tables> tables;
  std::array<Vnic, kMaxVnics> vnics;
  std::array<Uplink, kMaxUplinks> uplinks;
  std::vector<uint16_t> vnic_of_row;  // VnicTable::kNone: not attached
  deliver::VnicTable by_mac;
  Guard guard;
  resolve::TokenBucket logs{kCardLogsPerSecond, kCardLogBurst};
  Drops drops_{};
  uint16_t identification = 0;  // of the next outer IPv4 header
  uint32_t frame_id = 0;        // of the next frame of several TCP-shaped segments
  uint32_t taps_ = 0;
  bool trace_ = false;

  // Of the batch that runs.
  int64_t now = 0;
  std::array<OutFrame, kBatch> out_;
  size_t out_count_ = 0;
  unsigned out_uplink_ = 0;
  struct Run {  // frames for one vnic with the same layers
    unsigned vnic = 0;
    bool checked = false, good = false;
    Layers layers;
    size_t count = 0;
    std::array<OutFrame, kBatch> frames;
  };
  Run run_;
  // Given back when the frames in out_ and run_ are gone: those of a batch, and as many that were
  // held. Null: kept.
  std::array<Packet*, 2 * kBatch> finished_;
  size_t finished_count_ = 0;
  size_t kept_ = 0;  // up to here keep() has looked
  std::array<Packet*, kBatch> work_;
  size_t work_count_ = 0;     // ingress
  unsigned work_uplink_ = 0;  // ingress: from where they are
  // Frames that were put together, to be given back as finished_ are.
  std::array<Packet*, kBatch> whole_;
  size_t whole_count_ = 0;
  std::array<bool, kBatch> repeats_{};     // egress: of the flow of the frame before it
  std::array<bool, kBatch> many_{};        // egress
  std::array<overlay::Key, kBatch> keys_;  // egress: of those that don't repeat, as what follows
  std::array<overlay::Target, kBatch> targets_;
  std::array<uint16_t, kBatch> tenants_;      // ingress
  std::array<const NextHop*, kBatch> peers_;  // ingress: who sent it
  std::array<Guard::Ticket, kBatch> tickets_;
  std::array<Metered*, 2> meters_;  // egress: that the vnic has; of one batch only
  size_t meters_count_ = 0;
  bool colour_aware_ = false;        // one of them is
  Guard::Ticket* ticket_ = nullptr;  // ingress: of the frame that is delivered; null: none
  std::array<coalesce::Origin, kBatch> origins_;  // ingress, while there is a coalescer
  // Of the frame that is delivered; null: it is not to be merged.
  coalesce::Origin* origin_ = nullptr;
  std::unique_ptr<coalesce::Coalescer> coalescer_;       // null: the policy wants none
  coalesce::Counters coalesced_before_;                  // by those before it
  bool restoring_ = false;                               // what it held is loaded
  std::unique_ptr<stateless::Reassembler> reassembler_;  // null: no format has segments
  segment::HeaderArena arena_{segment::kArenaOctets};
  segment::Segmenter segmenter_;
  std::array<segment::Segment, segment::kRun> segments_;
  // A copy may be cut while the frame itself is.
  segment::HeaderArena mirror_arena_{segment::kArenaOctets};
  segment::Segmenter mirror_segmenter_;
  stateless::Cutter cutter_;
  segment::HeaderArena heads_{segment::kArenaOctets};  // of TCP-shaped segments
};

}  // namespace gatehouse::pipeline

#endif  // GATEHOUSE_HW_CORE_PIPELINE_IMPL_HH_
