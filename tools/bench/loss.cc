// SPDX-License-Identifier: GPL-2.0-or-later
// A guest's TCP stream, as super-frames of 64 KiB, over a wire that loses frames at random. What is
// missing is sent again until all has arrived, and every octet that arrives is compared. There is
// no congestion control: what is seen is what loss costs in octets alone.
#include "tools/bench/loss.hh"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <random>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/stateless/cutter.hh"
#include "hw/core/stateless/reassembler.hh"
#include "tools/bench/options.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/process.hh"
#include "tools/report/terminal.hh"

namespace gatehouse::bench {
namespace {

using stateless::Range;

constexpr double kPercents[] = {0, 0.1, 0.5, 1, 2, 3, 5};
constexpr double kLinkGbit = 10;

// Octets. A TCP/IPv4 frame with timestamps; outer headers over IPv4; what Ethernet adds on the
// wire: preamble and start, FCS, gap.
constexpr uint32_t kEthernet = EthernetHeader<uint8_t>::kLength;
constexpr uint32_t kIpv4 = Ipv4Header<uint8_t>::kLength;
constexpr uint32_t kTcp = TcpHeader<uint8_t>::kLength;
constexpr uint32_t kUdp = UdpHeader<uint8_t>::kLength;
constexpr uint32_t kTimestamps = 12, kVxlan = 8, kStt = 18, kOnWire = 8 + 4 + 12;
constexpr uint32_t kInner = kEthernet + kIpv4 + kTcp + kTimestamps;
constexpr uint32_t kShaped = kEthernet + kIpv4 + kTcp;
constexpr uint32_t kMtu = 1500;
// The same for all three ways, as the tenant's MTU leaves it: a segment that is sent again has
// stt-redundant's tunnel header, as STT's, in front.
constexpr uint32_t kMss = kMtu - kIpv4 - kTcp - kStt - kInner;
constexpr uint32_t kStreamSegment = kMtu - kIpv4 - kTcp;
static_assert(kIpv4 + kUdp + kVxlan + kInner + kMss <= kMtu);
constexpr uint32_t kInformation = stateless::Information::kPrefix + kInner;
constexpr uint32_t kSuperFrame = stateless::Cutter::most_redundant(kInformation, kMss);
static_assert(kSuperFrame > 60'000 && kSuperFrame + kInner + kStt <= stateless::kMaxTotal);
constexpr uint64_t kPayload = uint64_t{kSuperFrame} * 8192;

// The wire: what is sent is counted, and lost or not by the seed alone.
class Wire {
 public:
  Wire(LossPoint& point, uint64_t seed)
      : point_(point),
        random_(seed),
        lost_below_(static_cast<uint64_t>(point.percent / 100 * 0x1p63) * 2) {}
  // `octets`: of an Ethernet frame without FCS. true: it arrives.
  bool carry(uint32_t octets) {
    if (octets > kEthernet + kMtu) throw lab::Failure("a frame is larger than the MTU");
    ++point_.frames;
    point_.wire += octets + kOnWire;
    const bool arrives = random_() >= lost_below_;
    point_.frames_lost += !arrives;
    return arrives;
  }

 private:
  LossPoint& point_;
  std::mt19937_64 random_;
  uint64_t lost_below_;
};

// The guest's stream, one octet after the other, and what of it has arrived.
class Transfer {
 public:
  Transfer() : octets_(kSuperFrame * 2), arrived_(kPayload / kMss + 1) {
    std::mt19937_64 random(1);
    for (uint8_t& octet : octets_) octet = static_cast<uint8_t>(random());
  }
  Slice at(uint64_t from, uint32_t length) const {
    return {octets_.data() + from % kSuperFrame, length};
  }
  void receive(uint64_t from, const uint8_t* octets, uint32_t length) {
    if (from % kMss != 0 || std::memcmp(octets, at(from, length).data, length) != 0)
      throw lab::Failure("an octet arrived that was not sent");
    for (uint64_t segment = from / kMss; segment * kMss < from + length; ++segment) {
      missing_ -= !arrived_[segment];
      arrived_[segment] = true;
    }
  }
  bool complete() const { return missing_ == 0; }

 private:
  std::vector<uint8_t> octets_;
  std::vector<bool> arrived_;
  uint64_t missing_ = kPayload / kMss;
};
static_assert(kSuperFrame % kMss == 0);

// A part of the stream that is sent as one.
struct Part {
  uint64_t from = 0;
  uint32_t length = 0;
};

class Way : public stateless::Outlet {
 public:
  explicit Way(Wire& wire) : wire_(wire), reassembler_(pool_, *this, {}) {}
  // Sends a part once, and says what of it did not arrive.
  void send(const Part& part, std::deque<Part>& missing) {
    part_ = part;
    missing_ = &missing;
    heard_ = false;
    transmit(part);
    reassembler_.tick(INT64_MAX);
    if (!heard_) missing.push_back(part);
  }
  bool complete() const { return transfer_.complete(); }

 protected:
  virtual void transmit(const Part& part) = 0;
  void carry_shaped(stateless::Cutter& cutter, bool redundant) {
    uint8_t octets[kMtu];
    while (!cutter.done()) {
      const stateless::Segment segment = cutter.next(octets);
      if (!wire_.carry(kShaped + segment.length())) continue;
      std::memcpy(octets + segment.head_length, segment.body.data, segment.body.length);
      const stateless::Arrival arrival{.key = {.id = segment.place.id},
                                       .place = segment.place,
                                       .redundant = redundant,
                                       .octets = {octets, segment.length()}};
      if (reassembler_.add(arrival, 0) != spec::DropReason::none)
        throw lab::Failure("a segment was refused");
    }
  }
  // A TCP/IPv4 header for the part, with its place in the stream as sequence number.
  Layers write_inner(const Part& part, uint8_t* at) const {
    std::memset(at, 0, kInner);
    EthernetHeader(at).set_ether_type(static_cast<uint16_t>(EtherType::kIpv4));
    const Ipv4Header ip(at + kEthernet);
    ip.set_version_ihl(0x45);
    ip.set_total_length(static_cast<uint16_t>(kInner - kEthernet + part.length));
    ip.set_protocol(static_cast<uint8_t>(IpProtocol::kTcp));
    const TcpHeader tcp(at + kEthernet + kIpv4);
    tcp.set_sequence(static_cast<uint32_t>(part.from));
    tcp.set_data_offset((kTcp + kTimestamps) / 4 << 4);
    tcp.set_flags(tcp.kAck);
    Layers layers;
    layers.l2_length = kEthernet;
    layers.l4_offset = kEthernet + kIpv4;
    layers.payload_offset = kInner;
    return layers;
  }
  // Of the inner frame at `at`.
  void receive_inner(const uint8_t* at, uint32_t length) {
    const uint32_t sequence = TcpHeader(at + kEthernet + kIpv4).sequence();
    transfer_.receive(sequence, at + kInner, length - kInner);
  }
  void receive(const Part& part) {
    transfer_.receive(part.from, transfer_.at(part.from, part.length).data, part.length);
  }

  Wire& wire_;
  Transfer transfer_;
  PacketPool pool_;
  stateless::Reassembler reassembler_;
  Part part_;
  std::deque<Part>* missing_ = nullptr;
  bool heard_ = false;  // what did not arrive is known
  uint32_t id_ = 0;
};
static_assert(kPayload <= UINT32_MAX);

// Each segment is a tunnel frame of its own (VXLAN).
class FrameByFrame final : public Way {
 public:
  using Way::Way;
  void reassembled(Packet&, const stateless::Delivery&) override {}
  void given_up(const stateless::Loss&) override {}

 private:
  void transmit(const Part& part) override {
    heard_ = true;
    for (uint32_t at = 0; at < part.length; at += kMss) {
      const Part segment{part.from + at, std::min(kMss, part.length - at)};
      const uint32_t headers = kEthernet + kIpv4 + kUdp + kVxlan + kInner;
      if (wire_.carry(headers + segment.length)) {
        receive(segment);
      } else {
        missing_->push_back(segment);
      }
    }
  }
};

// STT: a super-frame of which a segment is missing is missing.
class Stream final : public Way {
 public:
  using Way::Way;
  void reassembled(Packet& packet, const stateless::Delivery&) override {
    heard_ = true;
    receive_inner(packet.data + kStt, packet.length - kStt);
    pool_.give(&packet);
  }
  void given_up(const stateless::Loss&) override {}

 private:
  void transmit(const Part& part) override {
    uint8_t head[kStt + kInner] = {};
    write_inner(part, head + kStt);
    stateless::Cutter cutter;
    if (!cutter.begin_stream({head, sizeof head}, transfer_.at(part.from, part.length),
                             kStreamSegment, id_++)) {
      throw lab::Failure("a super-frame is too long");
    }
    carry_shaped(cutter, false);
  }
};

class Redundant final : public Way {
 public:
  using Way::Way;
  void reassembled(Packet& packet, const stateless::Delivery& delivery) override {
    heard_ |= delivery.whole;
    receive_inner(packet.data, packet.length);
    pool_.give(&packet);
  }
  void given_up(const stateless::Loss& loss) override {
    heard_ = true;
    for (const Range& range : loss.missing)
      missing_->push_back({part_.from + range.begin, range.length()});
  }

 private:
  void transmit(const Part& part) override {
    uint8_t head[kInner];
    const Layers layers = write_inner(part, head);
    if (part.length <= kMss) {  // alone it is an ordinary tunnel frame
      heard_ = wire_.carry(kShaped + kStt + kInner + part.length);
      if (heard_) receive(part);
      return;
    }
    stateless::Information information;
    stateless::Cutter cutter;
    if (!information.set(0, head, layers) ||
        !cutter.begin_redundant(information, transfer_.at(part.from, part.length), kMss, id_++)) {
      throw lab::Failure("a super-frame does not fit");
    }
    carry_shaped(cutter, true);
  }
};

template <class OneWay>
LossPoint send_all(const char* name, double percent) {
  LossPoint point{.way = name, .percent = percent, .payload = kPayload};
  Wire wire(point, 20'261'128 + static_cast<uint64_t>(percent * 10));  // others for each rate
  OneWay way(wire);
  std::deque<Part> todo;
  for (uint64_t from = 0; from < kPayload; from += kSuperFrame) todo.push_back({from, kSuperFrame});
  for (uint64_t sent = 0; !todo.empty(); todo.pop_front()) {
    const Part part = todo.front();
    way.send(part, todo);
    sent += part.length;
    point.resent = sent > kPayload ? sent - kPayload : 0;
  }
  if (!way.complete()) throw lab::Failure("not all octets arrived");
  return point;
}

struct WayRow {
  const char* name;
  LossPoint (*send)(const char* name, double percent);
};
constexpr WayRow kWays[] = {
    {"frames", send_all<FrameByFrame>},
    {"stt", send_all<Stream>},
    {"redundant", send_all<Redundant>},
};

std::vector<std::string> way_names() {
  std::vector<std::string> names;
  for (const WayRow& way : kWays) names.push_back(way.name);
  return names;
}

std::string fixed(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

void print(const std::vector<LossPoint>& points) {
  report::Terminal terminal(stdout);
  terminal.heading(
      "bench loss: goodput of a 10 Gbit/s link, and octets sent again in percent of the payload");
  report::Terminal::Table table;
  table.header = {"frames lost"};
  const size_t rates = std::size(kPercents);
  for (size_t way = 0; way < points.size(); way += rates) {
    table.header.push_back(points[way].way + " Gbit/s");
    table.header.push_back("again %");
  }
  for (size_t rate = 0; rate < rates; ++rate) {
    std::vector<std::string> row = {fixed(kPercents[rate], 1) + " %"};
    for (size_t way = 0; way < points.size(); way += rates) {
      row.push_back(fixed(points[way + rate].goodput(), 2));
      row.push_back(fixed(points[way + rate].resent_percent(), 2));
    }
    table.rows.push_back(row);
  }
  terminal.table(table);
}

}  // namespace

double LossPoint::goodput() const {
  return kLinkGbit * static_cast<double>(payload) / static_cast<double>(wire);
}

double LossPoint::resent_percent() const {
  return 100 * static_cast<double>(resent) / static_cast<double>(payload);
}

std::string loss_csv(const std::vector<LossPoint>& points) {
  std::string csv =
      "way,loss_percent,goodput_gbit_s,resent_octets,payload_octets,wire_octets,frames,frames_"
      "lost\n";
  for (const LossPoint& point : points) {
    csv += point.way + "," + fixed(point.percent, 1) + "," + fixed(point.goodput(), 4);
    for (const uint64_t value :
         {point.resent, point.payload, point.wire, point.frames, point.frames_lost}) {
      csv += "," + std::to_string(value);
    }
    csv += "\n";
  }
  return csv;
}

int run_loss(const std::vector<std::string>& arguments) {
  try {
    const Options options = read_options(arguments, 1);
    require_rows(options, way_names);
    if (!options.json.empty())
      throw lab::Failure("--json is for the other benches; --directory DIR writes loss.csv");
    require_folders(options);
    std::vector<LossPoint> points;
    for (const auto& [name, send] : kWays) {
      if (!options.wants(name)) continue;
      for (const double percent : kPercents) points.push_back(send(name, percent));
    }
    print(points);
    if (!options.directory.empty()) {
      lab::write_file(options.directory + "/loss.csv", loss_csv(points));
      lab::write_file(options.directory + "/loss.svg", loss_figure(points));
    }
    return 0;
  } catch (const lab::Failure& failure) {
    std::fprintf(stderr, "gatehouse bench loss: %s\n", failure.what());
    return 1;
  }
}

}  // namespace gatehouse::bench
