// SPDX-License-Identifier: GPL-2.0-or-later
// A pipeline with a sink that remembers, and policies to put into it.
#ifndef GATEHOUSE_TESTS_UNIT_CORE_PIPELINE_WORLD_HH_
#define GATEHOUSE_TESTS_UNIT_CORE_PIPELINE_WORLD_HH_

#include <map>
#include <string>
#include <vector>

#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/stateless/reassembler.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {

struct SentFrame {
  unsigned uplink;
  Bytes frame;
  SuperFrame super = {};  // when the wire is to cut it
};
struct VnicFrame {
  unsigned vnic;
  Bytes frame;
  Layers layers;
  bool checked, good;
};
struct Tapped {
  pipeline::TapPoint point;
  pipeline::TapDirection direction;
  unsigned port;
  Bytes frame;
  spec::DropReason reason;
};
struct Dropped {
  bool from_vnic;
  unsigned port;
  spec::DropReason reason;
  bool operator==(const Dropped&) const = default;
};

struct Incomplete {
  stateless::Loss loss;  // without `missing`
  std::vector<stateless::Range> missing;
};

class Recorder final : public pipeline::Sink {
 public:
  void to_uplink(unsigned uplink, std::span<const OutFrame> frames) override;
  bool cuts(unsigned) const override { return wire_cuts; }
  void to_uplink_super(unsigned uplink, const OutFrame& frame, const SuperFrame& super) override;
  void to_vnic(unsigned vnic, std::span<const OutFrame> frames, const Layers& layers,
               bool l4_checksum_checked, bool l4_checksum_good) override;
  uint32_t largest_frame(unsigned) const override { return largest; }
  void tapped(pipeline::TapPoint point, pipeline::TapDirection direction, unsigned port,
              const OutFrame& frame, spec::DropReason reason) override;
  void dropped(bool from_vnic, unsigned port, spec::DropReason reason) override;
  void incomplete(const stateless::Loss& loss) override;
  void walked(spec::Stage stage, unsigned port, size_t frames) override;
  void clear() { *this = Recorder(); }
  static void expect_fit(const Bytes& frame, const Layers& layers);

  bool wire_cuts = false;
  uint32_t largest = kStandardFrame;
  std::vector<SentFrame> sent;
  std::vector<VnicFrame> received;
  size_t vnic_runs = 0;  // calls that `received` came by
  std::vector<Tapped> taps;
  std::vector<Dropped> drops;
  std::vector<Incomplete> losses;
  std::vector<std::string> stages;
};

// Counters that are not zero, by "drop.<reason>", "vnic<i>.<counter>", "vnic<i>.drop.<reason>" and
// "uplink<i>.<counter>": a whole-pipeline test compares two of them, so that what moved and what
// did not are both asserted.
using Counts = std::map<std::string, uint64_t>;
Counts counts(const pipeline::Pipeline& pipeline);
// b - a, without what is equal.
Counts moved(const Counts& before, const Counts& after);

struct World {
  explicit World(const policy::Policy& policy);
  ~World();
  // One frame from a vnic, or from the wire, at `now`; afterwards the pool has everything back but
  // what waits for neighbours.
  void from_vnic(unsigned vnic, const Bytes& frame, const Offload& offload = {});
  void from_wire(const Bytes& frame, unsigned uplink = 0, uint16_t wire_mss = 0,
                 uint16_t merged = 0);
  Counts count() const { return counts(pipeline); }

  PacketPool pool{{.small_count = 600, .small_octets = 2304, .large_count = 8}};
  Recorder sink;
  pipeline::Pipeline pipeline{pool, sink};
  int64_t now = 1'000'000'000;
};

// A format's name as one of a gtest: letters and digits alone.
std::string test_name(std::string format);

// "address" or "address/length".
IpPrefix prefix(const std::string& text);

// Two cards, "a" and "b", on one underlay link:
//   card a: 192.0.2.1, 2001:db8::1, MAC 02:00:00:00:00:0a; vnic 0 "a0" 10.0.0.1 fd00::1
//   52:54:00:00:00:01 (tenant red, VNI 100),
//           vnic 1 "a1" 10.0.0.3 fd00::3 52:54:00:00:00:03 (red), vnic 2 "a2" 10.0.0.1 fd00::1
//           52:54:00:00:00:01 (tenant blue, VNI 200)
//   card b: 192.0.2.2, 2001:db8::2, MAC 02:00:00:00:00:0b; vnic 0 "b0" 10.0.0.2 fd00::2
//   52:54:00:00:00:02 (red),
//           vnic 1 "b1" 10.0.0.2 fd00::2 52:54:00:00:00:02 (blue)
// Each knows the other's neighbour statically unless `ask`. Beyond: 10.1.0.0/16 and fd01::/64 at
// 52:54:00:00:00:99 behind the other card.
struct Shape {
  const char* kind = "geneve";  // a shipped format
  bool v6 = false;              // underlay
  bool udp_checksum = false;
  bool zero_checksum_ipv6 = false;
  std::vector<uint8_t> options = {};
  uint16_t vlan = 0;
  uint16_t mtu = 1500;  // uplink
  uint16_t tenant_mtu = 0;
  bool ask = false;
  bool broadcast = false;  // the other card is the tenant's broadcast peer
};
// The ARP answer of card_b to the card that asks for it: Shape::ask.
Bytes neighbours_answer();
policy::Policy card_a(const Shape& shape = {});
policy::Policy card_b(const Shape& shape = {});
// Without tenant blue; red is VNI 0 where its format has none.
policy::Policy only_red(policy::Policy policy);

inline constexpr const char* kMacA = "02:00:00:00:00:0a";
inline constexpr const char* kMacB = "02:00:00:00:00:0b";

// Of a TCP super-frame without options.
inline Offload tcp_tso(bool ipv4, uint16_t mss, uint32_t payload) {
  return {.tso = true,
          .tcp = true,
          .ipv4 = ipv4,
          .mss = mss,
          .header_length = static_cast<uint16_t>(ipv4 ? 54 : 74),
          .payload_length = payload};
}

}  // namespace gatehouse::test

#endif  // GATEHOUSE_TESTS_UNIT_CORE_PIPELINE_WORLD_HH_
