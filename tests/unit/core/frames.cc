// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/core/frames.hh"

#include <stdexcept>

#include "hw/core/base/address.hh"

namespace gatehouse::test {
namespace {

void put(Bytes& to, uint64_t value, unsigned octets) {
  while (octets-- > 0) to.push_back(static_cast<uint8_t>(value >> (8 * octets)));
}
void put(Bytes& to, const Bytes& octets) { to.insert(to.end(), octets.begin(), octets.end()); }
void put_mac(Bytes& to, const std::string& text) {
  const auto mac = parse_mac(text);
  if (!mac) throw std::invalid_argument("not a MAC address: " + text);
  to.insert(to.end(), mac->octets.begin(), mac->octets.end());
}
void put_ip(Bytes& to, const std::string& text, unsigned octets) {
  const auto ip = parse_ip(text);
  if (!ip || ip->is_v4() != (octets == 4)) throw std::invalid_argument("not that IP: " + text);
  to.insert(to.end(), ip->octets.begin(), ip->octets.begin() + octets);
}
void set16(Bytes& to, size_t at, size_t value) {
  to.at(at) = static_cast<uint8_t>(value >> 8);
  to.at(at + 1) = static_cast<uint8_t>(value);
}

constexpr uint8_t kExperimentalProtocol = 253;  // RFC 3692
constexpr uint8_t kNoNextHeader = 59;
constexpr uint16_t kExperimentalType = 0x88b5;

// Sum of the pseudo header of an IP header; `ip` is its octets.
uint32_t pseudo(const Bytes& ip, uint8_t protocol, size_t length) {
  const bool v6 = ip[0] >> 4 == 6;
  const std::span<const uint8_t> addresses = std::span(ip).subspan(v6 ? 8 : 12, v6 ? 32 : 8);
  return naive_sum(addresses, static_cast<uint32_t>(protocol + length));
}

}  // namespace

Frame& Frame::add(Kind kind, Bytes octets) {
  layers_.push_back({});
  layers_.back().kind = kind;
  layers_.back().octets = std::move(octets);
  return *this;
}

Frame& Frame::ethernet(const Ethernet& fields) {
  Bytes b;
  put_mac(b, fields.destination);
  put_mac(b, fields.source);
  put(b, fields.type.value_or(0), 2);
  add(Kind::kEthernet, b);
  layers_.back().fixed_next = fields.type.has_value();
  return *this;
}

Frame& Frame::vlan(uint16_t tci, uint16_t tpid) {
  Bytes b;
  put(b, tci, 2);
  put(b, 0, 2);
  add(Kind::kVlan, b);
  layers_.back().type = tpid;
  return *this;
}

Frame& Frame::arp(const Arp& fields) {
  Bytes b;
  put(b, 0x0001080006040000 | fields.operation, 8);
  put_mac(b, fields.sender_mac);
  put_ip(b, fields.sender_ip, 4);
  put_mac(b, fields.target_mac);
  put_ip(b, fields.target_ip, 4);
  return add(Kind::kArp, b);
}

Frame& Frame::ipv4(const Ipv4& fields) {
  Bytes b;
  put(b, 0x40 | (20 + fields.options.size()) / 4, 1);
  put(b, fields.tos, 1);
  put(b, fields.total_length.value_or(0), 2);
  put(b, fields.id, 2);
  put(b,
      (fields.dont_fragment ? 0x4000u : 0) | (fields.more_fragments ? 0x2000u : 0) |
          fields.fragment_offset / 8,
      2);
  put(b, fields.ttl, 1);
  put(b, fields.protocol.value_or(0), 1);
  put(b, fields.checksum.value_or(0), 2);
  put_ip(b, fields.source, 4);
  put_ip(b, fields.destination, 4);
  put(b, fields.options);
  add(Kind::kIpv4, b);
  layers_.back().fixed_next = fields.protocol.has_value();
  layers_.back().fixed_length = fields.total_length.has_value();
  layers_.back().fixed_checksum = fields.checksum.has_value();
  return *this;
}

Frame& Frame::ipv6(const Ipv6& fields) {
  Bytes b;
  put(b, 6u << 28 | fields.traffic_class << 20 | fields.flow_label, 4);
  put(b, fields.payload_length.value_or(0), 2);
  put(b, fields.next_header.value_or(0), 1);
  put(b, fields.hop_limit, 1);
  put_ip(b, fields.source, 16);
  put_ip(b, fields.destination, 16);
  add(Kind::kIpv6, b);
  layers_.back().fixed_next = fields.next_header.has_value();
  layers_.back().fixed_length = fields.payload_length.has_value();
  return *this;
}

Frame& Frame::extension(uint8_t type, Bytes body) {
  if (body.size() < 6) {  // PadN: type 1, length of what follows
    const size_t rest = 6 - body.size();
    if (rest == 1) {
      body.push_back(0);  // Pad1
    } else {
      body.push_back(1);
      body.push_back(static_cast<uint8_t>(rest - 2));
      body.resize(6);
    }
  }
  if ((body.size() + 2) % 8 != 0) throw std::invalid_argument("extension header: 6 + 8n octets");
  Bytes b;
  put(b, 0, 1);
  // The Authentication Header counts words of 32 bits (RFC 4302), the others of 64.
  put(b, type == 51 ? (body.size() + 2) / 4 - 2 : (body.size() + 2) / 8 - 1, 1);
  put(b, body);
  add(Kind::kExtension, b);
  layers_.back().number = type;
  return *this;
}

Frame& Frame::fragment(uint32_t offset, bool more, uint32_t id) {
  Bytes b;
  put(b, 0, 2);
  put(b, offset | (more ? 1 : 0), 2);
  put(b, id, 4);
  return add(Kind::kFragment, b);
}

Frame& Frame::tcp(const Tcp& fields) {
  Bytes b;
  put(b, fields.source, 2);
  put(b, fields.destination, 2);
  put(b, fields.sequence, 4);
  put(b, fields.acknowledgement, 4);
  put(b, (20 + fields.options.size()) / 4 << 4, 1);
  put(b, fields.flags, 1);
  put(b, fields.window, 2);
  put(b, fields.checksum.value_or(0), 2);
  put(b, 0, 2);
  put(b, fields.options);
  add(Kind::kTcp, b);
  layers_.back().fixed_checksum = fields.checksum.has_value();
  return *this;
}

Frame& Frame::udp(const Udp& fields) {
  Bytes b;
  put(b, fields.source, 2);
  put(b, fields.destination, 2);
  put(b, fields.length.value_or(0), 2);
  put(b, fields.checksum.value_or(0), 2);
  add(Kind::kUdp, b);
  layers_.back().fixed_length = fields.length.has_value();
  layers_.back().fixed_checksum = fields.checksum.has_value();
  return *this;
}

Frame& Frame::icmp(const Icmp& fields) {
  Bytes b;
  put(b, fields.type, 1);
  put(b, fields.code, 1);
  put(b, fields.checksum.value_or(0), 2);
  put(b, fields.rest, 4);
  add(Kind::kIcmp, b);
  layers_.back().fixed_checksum = fields.checksum.has_value();
  return *this;
}

Frame& Frame::neighbor_solicitation(const std::string& target, const Bytes& options) {
  Bytes body;
  put_ip(body, target, 16);
  put(body, options);
  return icmp({.type = 135}).payload(body);
}

Frame& Frame::neighbor_advertisement(const std::string& target, uint32_t flags,
                                     const Bytes& options) {
  Bytes body;
  put_ip(body, target, 16);
  put(body, options);
  return icmp({.type = 136, .rest = flags}).payload(body);
}

Frame& Frame::payload(uint32_t octets) { return payload(pattern(octets)); }
Frame& Frame::payload(const Bytes& octets) { return add(Kind::kPayload, octets); }
Frame& Frame::append(const Bytes& octets) {
  put(trailer_, octets);
  return *this;
}

// EtherType, protocol or next header of layer `index`, by what follows it.
void Frame::fill_next(std::vector<Layer>& layers, size_t index) {
  Layer& layer = layers[index];
  uint16_t ether_type = kExperimentalType;
  uint8_t protocol = kNoNextHeader;
  if (index + 1 < layers.size()) {
    const Layer& next = layers[index + 1];
    const Bytes* ip = ip_header(layers, index + 1);
    const uint8_t icmp = ip != nullptr && (*ip)[0] >> 4 == 6 ? 58 : 1;
    switch (next.kind) {
      case Kind::kVlan:
        ether_type = next.type;
        break;
      case Kind::kArp:
        ether_type = 0x0806;
        break;
      case Kind::kIpv4:
        ether_type = 0x0800;
        protocol = 4;
        break;
      case Kind::kIpv6:
        ether_type = 0x86dd;
        protocol = 41;
        break;
      case Kind::kExtension:
        protocol = next.number;
        break;
      case Kind::kFragment:
        protocol = 44;
        break;
      case Kind::kTcp:
        protocol = 6;
        break;
      case Kind::kUdp:
        protocol = 17;
        break;
      case Kind::kIcmp:
        protocol = icmp;
        break;
      default:
        protocol = kExperimentalProtocol;
        break;
    }
  }
  if (layer.fixed_next) return;
  switch (layer.kind) {
    case Kind::kEthernet:
      set16(layer.octets, 12, ether_type);
      break;
    case Kind::kVlan:
      set16(layer.octets, 2, ether_type);
      break;
    case Kind::kIpv4:
      layer.octets[9] = protocol;
      break;
    case Kind::kIpv6:
      layer.octets[6] = protocol;
      break;
    case Kind::kExtension:
    case Kind::kFragment:
      layer.octets[0] = protocol;
      break;
    default:
      break;
  }
}

// `below`: octets behind the layer.
void Frame::fill_lengths(Layer& layer, size_t below) {
  if (layer.fixed_length) return;
  const size_t whole = layer.octets.size() + below;
  if (layer.kind == Kind::kIpv4) set16(layer.octets, 2, whole);
  if (layer.kind == Kind::kIpv6) set16(layer.octets, 4, below);
  if (layer.kind == Kind::kUdp) set16(layer.octets, 4, whole);
}

void Frame::fill_checksum(std::vector<Layer>& layers, size_t index, const Bytes& below) {
  Layer& layer = layers[index];
  Bytes& b = layer.octets;
  if (layer.fixed_checksum) return;
  if (layer.kind == Kind::kIpv4) set16(b, 10, ~naive_sum(b) & 0xffff);
  const Bytes* ip = ip_header(layers, index);
  if (ip == nullptr) return;
  const bool v6 = (*ip)[0] >> 4 == 6;
  const Bytes whole = concat({b, below});
  const auto checksum = [&](uint8_t protocol, bool with_pseudo) {
    const uint32_t seed = with_pseudo ? pseudo(*ip, protocol, whole.size()) : 0;
    return ~naive_sum(whole, seed) & 0xffff;
  };
  if (layer.kind == Kind::kTcp) set16(b, 16, checksum(6, true));
  if (layer.kind == Kind::kIcmp) set16(b, 2, checksum(58, v6));
  if (layer.kind == Kind::kUdp) {
    const unsigned value = checksum(17, true);
    set16(b, 6, value == 0 ? 0xffff : value);
  }
}

// The IP header in front of layer `index`; null: none.
const Bytes* Frame::ip_header(const std::vector<Layer>& layers, size_t index) {
  const Bytes* ip = nullptr;
  for (size_t i = 0; i < index; ++i) {
    if (layers[i].kind == Kind::kIpv4 || layers[i].kind == Kind::kIpv6) ip = &layers[i].octets;
  }
  return ip;
}

Bytes Frame::build() const {
  std::vector<Layer> layers = layers_;
  Bytes below;
  for (size_t i = layers.size(); i-- > 0;) {
    fill_next(layers, i);
    fill_lengths(layers[i], below.size());
    fill_checksum(layers, i, below);
    below = concat({layers[i].octets, below});
  }
  return concat({below, trailer_});
}

}  // namespace gatehouse::test
