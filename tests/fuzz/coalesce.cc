// SPDX-License-Identifier: GPL-2.0-or-later
// Coalescer: nothing is lost or made up, nothing overtakes within a flow, cutting what comes out
// gives what went in; also over a save and a load.
#include <map>
#include <tuple>

#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/coalesce/coalescing.hh"

namespace gatehouse::fuzz {
namespace {

using coalesce::Origin;
using test::Frame;

constexpr unsigned kMostFrames = 60;
constexpr PacketPool::Limits kPool{
    .small_count = 64, .small_octets = 2304, .large_count = 2, .large_octets = 20'000};

// Owner, flow field, and what the frame itself says; empty for what is no whole TCP segment.
using FlowName = std::tuple<uint16_t, uint64_t, Bytes>;
FlowName name_of(const Bytes& frame, const Origin& origin) {
  Layers layers;
  if (parse::parse(frame, {}, layers) != spec::DropReason::none || layers.l4 != L4::kTcp ||
      layers.fragment)
    return {};
  const size_t l3 = layers.l2_length, addresses = layers.l3 == L3::kIpv4 ? 8 : 32;
  const size_t at = l3 + (layers.l3 == L3::kIpv4 ? 12 : 8);
  const auto octet = [&](size_t i) { return frame.begin() + static_cast<ptrdiff_t>(i); };
  Bytes ends(octet(at), octet(at + addresses));
  ends.insert(ends.end(), octet(layers.l4_offset), octet(layers.l4_offset + 4u));
  return {origin.owner, origin.flow, ends};
}
using Flows = std::map<FlowName, std::vector<Bytes>>;

class Play {
 public:
  explicit Play(Input& input) : input_(input), limits_(take_limits(input)), rig_(limits_, kPool) {}

  void run() {
    while (!input_.empty() && count_ < kMostFrames) {
      step();
      require(rig_.coalescer.held_flows() <= limits_.flows &&
                  rig_.coalescer.held_frames() <= limits_.frames,
              "no more is held than may be");
    }
    rig_.coalescer.flush();
    require(rig_.coalescer.held_frames() == 0 && rig_.pool.in_use() == 0, "all is given back");
    Flows out;
    for (const coalesce::Out& one : rig_.kept.outs) {
      if (one.super()) fits(one);
      for (const Bytes& piece : one.pieces) out[name_of(piece, one.origin)].push_back(piece);
    }
    for (Flows* flows : {&in_, &out}) std::sort((*flows)[{}].begin(), (*flows)[{}].end());
    require(in_ == out, "each flow comes out as it went in");
  }

 private:
  static coalesce::Limits take_limits(Input& input) {
    coalesce::Limits limits;
    limits.flows = 1 + input.below(4);
    limits.frames = 1 + input.below(16);
    limits.chain.segments = 2 + input.below(16);
    limits.chain.datagram = 600u + input.take<uint16_t>();
    limits.hold_ns = input.take();
    return limits;
  }

  void fits(const coalesce::Out& super) {
    require(super.pieces.size() <= limits_.chain.segments, "no more segments than may be");
    Layers layers;
    require(parse::parse(super.frame, {}, layers) == spec::DropReason::none, "a good frame");
    require(super.frame.size() <= layers.l2_length + limits_.chain.datagram,
            "a datagram as long as may be");
    require(super.origin.largest == 0 || super.frame.size() <= super.origin.largest,
            "a frame that its vnic takes");
  }

  void step() {
    switch (input_.below(12)) {
      case 0:
        rig_.coalescer.end_batch();
        break;
      case 1:
        now_ += input_.take();
        if (rig_.coalescer.next_deadline() <= now_) rig_.coalescer.tick(now_);
        require(rig_.coalescer.next_deadline() > now_, "time that is up is over");
        break;
      case 2:
        rig_.coalescer.flush();
        break;
      case 3:
        save_and_load();
        break;
      case 4:
        add(take_frame(input_));
        break;
      default:
        add(take_segment());
        break;
    }
  }

  Bytes take_segment() {
    const uint32_t flow = input_.below(3), odd = input_.take();
    uint32_t& sequence = sequences_[flow];
    const uint32_t length = odd & 1 ? input_.below(700) : 100;
    if (odd & 2) sequence += input_.take();
    test::Tcp tcp{.source = static_cast<uint16_t>(flow + 1), .sequence = sequence};
    if (odd & 4) tcp.flags = input_.take();
    if (odd & 8) tcp.options = {1, 1, 8, 10, 0, 0, 0, input_.take(), 0, 0, 0, 1};
    Frame frame;
    frame.ethernet();
    if (odd & 16) {
      frame.ipv6();
    } else {
      frame.ipv4({.tos = static_cast<uint8_t>(odd & 32 ? input_.take() : 0),
                  .id = odd & 64 ? uint16_t{7} : id_++,
                  .dont_fragment = (odd & 64) != 0});
    }
    sequence += length;
    Bytes built = frame.tcp(tcp).payload(test::pattern(length, sequence)).build();
    if (odd & 128) change(built, input_);
    return built;
  }

  void add(const Bytes& frame) {
    Layers layers;
    if (frame.size() > 1500 || parse::parse(frame, {}, layers) != spec::DropReason::none) return;
    const uint8_t which = input_.take();
    const Origin origin{.owner = static_cast<uint16_t>(which % 2),
                        .peer = which / 2 % 2u,
                        .flow = which / 4 % 2u,
                        .outer = which / 8 % 2u,
                        .largest = which & 16 ? 1514u : 0u};
    rig_.add(frame, origin, test::pattern(16, which / 32 % 2u), now_);
    in_[name_of(frame, origin)].push_back(frame);
    ++count_;
  }

  // What is held goes on; what has come out stays.
  void save_and_load() {
    const Bytes saved = saved_by(rig_.coalescer);
    const uint32_t held = rig_.coalescer.held_frames();
    rig_.coalescer.forget();
    load(rig_.coalescer, saved);
    require(rig_.coalescer.held_frames() <= held, "no more than that");
  }

  Input& input_;
  coalesce::Limits limits_;
  coalesce::Rig rig_;
  Flows in_;
  unsigned count_ = 0;
  uint32_t sequences_[3] = {};
  uint16_t id_ = 1;
  int64_t now_ = 0;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  Play(input).run();
}

}  // namespace gatehouse::fuzz
