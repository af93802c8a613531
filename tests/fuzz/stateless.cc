// SPDX-License-Identifier: GPL-2.0-or-later
// TCP-shaped segments: cut frames whose segments come in any order, not at all, twice, changed, or
// made up. What was not changed comes out as it went in, or what is missing is named; whatever was
// sent, limits hold and every packet is given back.
#include <map>

#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/stateless/rig.hh"

namespace gatehouse::fuzz {
namespace {

using namespace stateless;  // NOLINT

constexpr unsigned kMostSteps = 200;
constexpr unsigned kPeers = 3;
constexpr unsigned kIds = 4;  // of one source
constexpr PacketPool::Limits kPool{
    .small_count = 24, .small_octets = 2304, .large_count = 5, .large_octets = 12'000};

// A frame, and what it becomes.
struct Source {
  bool redundant;
  uint32_t mss;
  Super super;   // redundant
  Bytes stream;  // not redundant
  std::vector<Piece> pieces;
};

Source cut_redundant(uint32_t payload, uint32_t mss, bool v6, const Bytes& options) {
  Source source{true, mss, super_frame(payload, v6, options, 0x99, payload), {}, {}};
  source.pieces = redundant(source.super, mss);
  return source;
}
Source cut_stream(uint32_t payload, uint32_t largest) {
  const Bytes head = test::pattern(72, payload), body = test::pattern(payload, largest);
  return {false, 0, {}, test::concat({head, body}), stateless::stream(head, body, largest)};
}

const std::vector<Source>& sources() {
  static const std::vector<Source> kSources = {
      cut_redundant(500, 200, false, {}),
      cut_redundant(9000, 1000, false, {}),
      cut_redundant(3001, 700, true, {}),
      cut_redundant(1300, 64, false, test::from_hex("0101080a 00000001 00000002")),
      cut_stream(800, 300),
      cut_stream(9000, 1000),
      cut_stream(2900, 64),
  };
  return kSources;
}

class Play {
 public:
  explicit Play(Input& input) : input_(input), limits_(take_limits(input)), rig_(limits_, kPool) {}

  void run() {
    for (unsigned steps = 0; steps < kMostSteps && !input_.empty(); ++steps) {
      step();
      look();
    }
    rig_.reassembler.tick(INT64_MAX);
    look();
    require(rig_.reassembler.frames() == 0 && rig_.reassembler.octets() == 0, "nothing is held");
    require(rig_.reassembler.next_deadline() == INT64_MAX, "nothing is to do");
    require(rig_.pool.in_use() == 0, "all packets are given back");
  }

 private:
  static Limits take_limits(Input& input) {
    Limits limits;
    limits.frames = 1 + input.below(16);
    limits.frames_of_peer = 1 + input.below(16);
    limits.octets = 4096u + input.take<uint16_t>();
    limits.time_ns = 1 + int64_t{input.take<uint16_t>()};
    return limits;
  }

  void step() {
    switch (input_.below(16)) {
      case 0:
        now_ += input_.take<uint16_t>();
        if (rig_.reassembler.next_deadline() <= now_) rig_.reassembler.tick(now_);
        require(rig_.reassembler.next_deadline() > now_, "time that is up is over");
        break;
      case 1:
        rig_.reassembler.flush();
        look();
        limits_ = take_limits(input_);
        rig_.reassembler.set_limits(limits_);
        break;
      case 2:
        if (input_.below(4) == 0) rig_.reassembler.flush();
        break;
      case 3:
        save_and_load();
        break;
      case 4:
        made_up();
        break;
      case 5:
      case 6:
        add(true);
        break;
      case 7:
        many();
        break;
      default:
        add(false);
        break;
    }
  }

  // One segment; `spoil`: something of it is a lie.
  void add(bool spoil) {
    const unsigned which = input_.below(static_cast<uint32_t>(sources().size()));
    const Source& source = sources()[which];
    Piece piece = source.pieces[input_.below(static_cast<uint32_t>(source.pieces.size()))];
    const unsigned peer = input_.below(kPeers);
    piece.place.id = which * kIds + input_.below(kIds);
    if (!spoil) return add(piece, source.redundant, peer);
    spoiled_[{piece.place.id, peer}] = true;
    bool redundant = source.redundant;
    switch (input_.below(8)) {
      case 0:
        piece.place.total = input_.take<uint16_t>();
        break;
      case 1:
        piece.place.offset = input_.take<uint16_t>();
        break;
      case 2:
        redundant = !redundant;
        break;
      default:
        change(piece.octets, input_);
        break;
    }
    add(piece, redundant, peer);
  }

  // The segments of one frame in a row, without some.
  void many() {
    const unsigned which = input_.below(static_cast<uint32_t>(sources().size()));
    const uint32_t id = which * kIds + input_.below(kIds), lost = input_.take<uint32_t>();
    const unsigned peer = input_.below(kPeers);
    for (size_t i = 0; i < sources()[which].pieces.size(); ++i) {
      if (lost >> i % 32 & 1) continue;
      Piece piece = sources()[which].pieces[i];
      piece.place.id = id;
      add(piece, sources()[which].redundant, peer);
    }
  }

  // Anything, of a frame that nobody sent.
  void made_up() {
    Piece piece{{input_.take<uint16_t>(), input_.take<uint16_t>(), ~uint32_t{input_.below(kIds)}},
                input_.octets(input_.below(2000))};
    const unsigned peer = input_.below(kPeers);
    spoiled_[{piece.place.id, peer}] = true;
    add(piece, input_.flag(), peer);
  }

  void add(const Piece& piece, bool redundant, unsigned peer) {
    const DropReason reason =
        rig_.add(piece, redundant, now_, static_cast<uint8_t>(peer), input_.below(4));
    using enum DropReason;
    require(reason == none || reason == segment_malformed || reason == segment_mismatch ||
                reason == segment_duplicate || reason == segment_overlap ||
                reason == no_packet_buffer,
            "a reason of a segment's");
    require(rig_.reassembler.frames() <= limits_.frames, "not more frames than the limit");
    require(rig_.reassembler.octets() <= limits_.octets, "not more octets than the limit");
  }

  void look() {
    for (const Kept::Out& out : rig_.kept.outs) came_out(out);
    for (const Kept::Lost& lost : rig_.kept.losses) was_lost(lost);
    rig_.kept.outs.clear();
    rig_.kept.losses.clear();
  }

  bool is_spoiled(const Key& key) { return all_spoiled_ || spoiled_[{key.id, peer_of(key)}]; }
  static unsigned peer_of(const Key& key) { return key.source.octets[3]; }

  void came_out(const Kept::Out& out) {
    require(out.frame.size() <= kPool.large_octets, "a frame that a buffer holds");
    if (out.delivery.redundant) headers_are_there(out);
    if (is_spoiled(out.delivery.key)) return;
    const Source& source = sources()[out.delivery.key.id / kIds];
    require(out.delivery.redundant == source.redundant, "as it was sent");
    if (!source.redundant) {
      require(out.delivery.whole && out.frame == source.stream, "a stream is whole");
      return;
    }
    require(out.delivery.vni == kVni && out.mss == source.mss, "as it was sent");
    Layers layers;
    require(parse::parse(out.frame, {.super_frame = true}, layers) == DropReason::none &&
                layers.l4 == L4::kTcp && layers.payload_offset == out.delivery.payload,
            "a TCP frame, with its payload where it is said");
    if (out.delivery.whole) {
      require(out.frame == source.super.frame, "what is whole is as it was");
      return;
    }
    const uint32_t first =
        TcpHeader(const_cast<uint8_t*>(source.super.frame.data()) + source.super.layers.l4_offset)
            .sequence();
    const uint32_t sequence =
        TcpHeader(const_cast<uint8_t*>(out.frame.data()) + out.delivery.l4).sequence();
    const size_t from = source.super.layers.payload_offset + (sequence - first);
    const size_t length = out.frame.size() - out.delivery.payload;
    require(from + length <= source.super.frame.size(), "a part lies in the whole");
    require(std::equal(out.frame.begin() + out.delivery.payload, out.frame.end(),
                       source.super.frame.begin() + static_cast<ptrdiff_t>(from)),
            "a part is what was sent");
  }

  // By these the lengths and sums of a part are written, whatever else its sender said of it.
  void headers_are_there(const Kept::Out& out) {
    const uint32_t l3 = out.delivery.l3, l4 = out.delivery.l4, payload = out.delivery.payload;
    require(l3 >= 14 && l4 >= l3 + 20 && payload >= l4 + 20 && payload < out.frame.size(),
            "headers lie in their frame, in their order");
    require(l4 + TcpHeader(out.frame.data() + l4).header_length() == payload,
            "the payload is behind TCP's header");
  }

  void was_lost(const Kept::Lost& lost) {
    uint32_t end = 0;
    for (const Range& range : lost.missing) {
      require(range.begin >= end && range.begin < range.end, "what is missing is in order");
      end = range.end;
    }
    require(end <= lost.loss.total, "and in the frame");
    if (is_spoiled(lost.loss.key)) return;
    using Cause = Loss::Cause;
    require(lost.loss.cause != Cause::kOverlap && lost.loss.cause != Cause::kUnsound,
            "nothing was wrong with it");
    require(!lost.missing.empty(), "something is missing");
    const Source& source = sources()[lost.loss.key.id / kIds];
    require(lost.loss.redundant == source.redundant, "as it was sent");
    const size_t whole = source.redundant ? source.super.payload() : source.stream.size();
    require(lost.loss.total == whole, "of as many octets");
  }

  void save_and_load() {
    const Bytes saved = saved_by(rig_.reassembler);
    const uint32_t held = rig_.reassembler.frames();
    if (input_.below(4) == 0) {
      all_spoiled_ |= load_spoiled(rig_.reassembler, saved, input_);
      return;
    }
    rig_.reassembler.forget();
    load(rig_.reassembler, saved);
    require(rig_.reassembler.frames() <= held, "no more than that");
  }

  Input& input_;
  Limits limits_;
  Rig rig_;
  std::map<std::pair<uint32_t, unsigned>, bool> spoiled_;
  bool all_spoiled_ = false;
  int64_t now_ = 0;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  Play(input).run();
}

}  // namespace gatehouse::fuzz
