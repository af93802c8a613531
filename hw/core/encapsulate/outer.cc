// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/encapsulate/outer.hh"

#include <cstring>
#include <tuple>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::encapsulate {
namespace {

using policy::Format;

constexpr uint8_t kEcnMask = 0x03;  // RFC 3168 section 5

}  // namespace

Outer::Outer(const Ends& ends, const Plan& plan) : plan_(&plan) {
  const Format& format = *plan.format_;
  v6_ = ends.peer.is_v6();
  const uint32_t tag = ends.vlan != 0 ? VlanTag<uint8_t>::kLength : 0;
  l2_length_ = static_cast<uint8_t>(EthernetHeader<uint8_t>::kLength + tag);
  length_ = static_cast<uint8_t>(l2_length_ + plan.mtu_overhead(v6_) - plan.options_length_);
  l4_offset_ = static_cast<uint8_t>(length_ - plan.header_ - plan.l4_length());
  l4_checksum_ =
      plan.l4_ == Format::kTcp ||
      (plan.l4_ == Format::kUdp && (v6_ ? !format.zero_checksum_ipv6 : format.udp_checksum));
  wants_checksum_ = l4_checksum_ || plan.checksum_;
  is_usual_ = plan.plain_ && !v6_ && length_ <= kShort && plan.options_length_ == 0 &&
              !plan.ether_type_ && !plan.carries_ip();
  dscp_ = static_cast<uint8_t>(format.dscp.value_or(0) << 2);
  dscp_mask_ = format.dscp ? kEcnMask : 0xff;

  uint8_t* at = template_ + kTemplate - length_;
  const EthernetHeader ethernet(at);
  ethernet.set_source(ends.source_mac);
  at += EthernetHeader<uint8_t>::kLength;
  const auto type = static_cast<uint16_t>(v6_ ? EtherType::kIpv6 : EtherType::kIpv4);
  ethernet.set_ether_type(tag != 0 ? static_cast<uint16_t>(EtherType::kVlan) : type);
  if (tag != 0) {
    const VlanTag vlan(at);
    vlan.set_tci(ends.vlan);
    vlan.set_ether_type(type);
    at += tag;
  }
  at = write_ip(ends, at);
  write_l4(at);
  plan.write_header(template_ + kTemplate - plan.header_, ends.vni);
}

uint8_t* Outer::write_ip(const Ends& ends, uint8_t* at) {
  const uint8_t protocol = plan_->l4_;
  const uint8_t ttl = plan_->format_->ttl;
  if (v6_) {
    const Ipv6Header ip(at);
    ip.set_version_class_flow(0x60000000);
    ip.set_next_header(protocol);
    ip.set_hop_limit(ttl);
    ip.set_source(ends.source);
    ip.set_destination(ends.peer);
    l4_sum_ = checksum::pseudo_v6(ip.source_octets(), ip.destination_octets(), protocol, 0);
    return at + ip.kLength;
  }
  const Ipv4Header ip(at);
  ip.set_version_ihl(0x45);
  ip.set_fragment(ip.kDontFragment);
  ip.set_ttl(ttl);
  ip.set_protocol(protocol);
  ip.set_source(ends.source);
  ip.set_destination(ends.peer);
  ip_sum_ = checksum::sum(at, ip.kLength);
  l4_sum_ = checksum::pseudo_v4(ip.source_octets(), ip.destination_octets(), protocol, 0);
  return at + ip.kLength;
}

void Outer::write_l4(uint8_t* at) const {
  const uint16_t port = plan_->format_->port;
  if (plan_->l4_ == Format::kUdp) {
    const UdpHeader udp(at);
    udp.set_source_port(port);  // unless the flow says otherwise
    udp.set_destination_port(port);
  } else if (plan_->l4_ == Format::kTcp) {
    const TcpHeader tcp(at);
    tcp.set_source_port(port);
    tcp.set_destination_port(port);
    tcp.set_data_offset(static_cast<uint8_t>(tcp.kLength / 4 << 4));
    tcp.set_flags(tcp.kAck);
  }
}

inline void Outer::finish_ip(uint8_t* ip, uint16_t l4_length, Inner about,
                             uint16_t identification) const {
  if (!v6_) return finish_ipv4(ip, l4_length, about.traffic_class, identification);
  const Ipv6Header header(ip);
  // Where a port tells the flows apart it is zero, as Linux has it.
  const uint32_t label = plan_->port_by_flow_ ? 0 : flow_label(about.hash);
  header.set_version_class_flow(0x60000000u | uint32_t{tos_of(about.traffic_class)} << 20 | label);
  header.set_payload_length(l4_length);
}

bool Outer::writes_as(const Outer& other) const {
  const auto all = [](const Outer& outer) {
    const policy::Format& format = *outer.plan_->format_;
    return std::tuple(
        outer.length_, outer.l2_length_, outer.l4_offset_, outer.v6_, outer.wants_checksum_,
        outer.l4_checksum_, outer.dscp_, outer.dscp_mask_,
        std::tie(format.options, format.flow, format.entropy, format.checksum, format.total_length,
                 format.segments, format.inner, format.ether_type));
  };
  return std::memcmp(template_, other.template_, kTemplate) == 0 && all(*this) == all(other);
}

uint8_t* Outer::push_any(uint8_t* inner, uint32_t length, Inner about,
                         uint16_t identification) const {
  uint8_t* end = inner - plan_->options_length_;
  if (plan_->options_length_ != 0) {
    std::memcpy(end, plan_->format_->options.data(), plan_->options_length_);
  }
  if (length_ <= kShort) {
    std::memcpy(end - kShort, template_ + kTemplate - kShort, kShort);
  } else {
    std::memcpy(end - kTemplate, template_, kTemplate);
  }

  uint8_t* start = end - length_;
  uint8_t* l4 = start + l4_offset_;
  const auto l4_length = static_cast<uint16_t>(inner + length - l4);
  finish_ip(start + l2_length_, l4_length, about, identification);
  if (plan_->ether_type_) {
    plan_->ether_type_.write(l4 + plan_->l4_length(),
                             static_cast<uint16_t>(about.v6 ? EtherType::kIpv6 : EtherType::kIpv4));
  }
  finish(l4, l4_length, about.hash, identification);
  return start;
}

// What a format has for each frame beyond UDP's source port and length.
void Outer::finish(uint8_t* l4, uint16_t l4_length, uint32_t hash, uint16_t identification) const {
  const Plan& plan = *plan_;
  const uint32_t header_at = plan.l4_length();
  uint8_t* header = l4 + header_at;
  if (plan.port_by_flow_) UdpHeader(l4).set_source_port(source_port(hash));  // TCP's is there too
  if (plan.l4_ == Format::kUdp) {
    UdpHeader(l4).set_length(l4_length);
  } else if (plan.l4_ == Format::kTcp) {
    // davie-stt section 3.2: length of the whole and offset in it, then what its pieces share.
    const TcpHeader tcp(l4);
    tcp.set_sequence((l4_length - header_at) << 16);
    tcp.set_acknowledgement(identification);
  }
  if (plan.flow_) {
    plan.flow_.write(header, spread(hash, plan.flow_bits_));
  }
  if (plan.total_length_) {
    plan.total_length_.write(header,
                             l4_length - header_at - static_cast<uint32_t>(plan.total_addend_));
  }
}

void Outer::complete_checksum(uint8_t* head, uint32_t head_length, const Slice& body) const {
  const uint16_t body_sum = checksum::sum(body.data, body.length);
  const Plan& plan = *plan_;
  if (plan.checksum_) {
    uint8_t* header = head + length_ - plan.header_;
    const auto in_head = static_cast<uint32_t>(head + head_length - header);
    uint8_t* field = header + plan.checksum_at_;
    store_be<uint16_t>(field, 0);
    store_be<uint16_t>(field, checksum::finish(checksum::add_at(checksum::sum(header, in_head),
                                                                body_sum, in_head)));
  }
  if (l4_checksum_) complete_l4(head, head_length, body_sum, body.length);
}

void Outer::complete_l4(uint8_t* head, uint32_t head_length, uint16_t body_sum,
                        uint32_t body_length) const {
  uint8_t* l4 = head + l4_offset_;
  const auto in_head = static_cast<uint32_t>(head + head_length - l4);
  const bool udp = plan_->l4_ == Format::kUdp;
  uint8_t* field = l4 + (udp ? UdpHeader<uint8_t>::checksum_at : TcpHeader<uint8_t>::checksum_at);
  store_be<uint16_t>(field, 0);
  uint16_t sum = checksum::add(l4_sum_, static_cast<uint16_t>(in_head + body_length));
  sum = checksum::add(sum, checksum::sum(l4, in_head));
  sum = checksum::add_at(sum, body_sum, in_head);
  store_be<uint16_t>(field, udp ? checksum::finish_udp(sum) : checksum::finish(sum));
}

uint8_t* Outer::push_segment(uint8_t* head, uint32_t head_length, const Slice& body, Inner about,
                             uint16_t identification, const Place& place) const {
  const uint32_t headers = segment_headers();
  uint8_t* start = head - headers;
  std::memcpy(start, template_ + kTemplate - length_, headers);
  uint8_t* l4 = start + l4_offset_;
  const auto l4_length = static_cast<uint16_t>(head + head_length - l4 + body.length);
  finish_ip(start + l2_length_, l4_length, about, identification);
  const TcpHeader tcp(l4);
  if (plan_->port_by_flow_) tcp.set_source_port(source_port(about.hash));
  tcp.set_sequence(place.sequence);
  tcp.set_acknowledgement(place.acknowledgement);
  complete_l4(start, headers + head_length, checksum::sum(body.data, body.length), body.length);
  return start;
}

void Outer::tell_super_frame(uint8_t* header, const Layers& layers, uint16_t mss) const {
  const bool v4 = layers.l3 == L3::kIpv4;
  const SttOffload offload(header + plan_->offload_at_);
  offload.set_flags(
      static_cast<uint8_t>(offload.kPartial | offload.kTcp | (v4 ? offload.kIpv4 : 0)));
  const uint32_t left_out = carries_ip() ? EthernetHeader<uint8_t>::kLength : 0;
  offload.set_l4_offset(static_cast<uint8_t>(layers.l4_offset - left_out));
  offload.set_mss(mss);
}

void Outer::begin_checksum(uint8_t* head) const {
  const UdpHeader header(head + l4_offset_);
  header.set_checksum(checksum::add(l4_sum_, header.length()));
}

}  // namespace gatehouse::encapsulate
