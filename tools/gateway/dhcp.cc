// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/gateway/dhcp.hh"

#include <algorithm>
#include <array>
#include <cstring>

#include "hw/core/base/headers.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/parse/parse.hh"

namespace gatehouse::gateway {
namespace {

using Bootp = BootpHeader<const uint8_t>;

constexpr std::array<uint8_t, 4> kMagic = {0x63, 0x82, 0x53, 0x63};  // RFC 2131 section 3
constexpr size_t kOptionsAt = Bootp::kLength + kMagic.size();
constexpr size_t kNamesAt = 44;  // server name, then boot file
constexpr size_t kFileAt = 108, kFileOctets = 128;
constexpr size_t kLeastMessage = 300;  // RFC 951: some clients take no shorter one
constexpr uint8_t kTtl = 64;

// RFC 2132, by its section 9.6.
enum MessageType : uint8_t {
  kDiscover = 1,
  kOffer = 2,
  kRequest = 3,
  kAck = 5,
  kNak = 6,
  kInform = 8
};
// RFC 2132 and, for the boot file, section 9.5 there.
enum OptionCode : uint8_t {
  kPad = 0,
  kSubnetMask = 1,
  kRouter = 3,
  kDns = 6,
  kMtu = 26,
  kRequestedIp = 50,
  kLeaseTime = 51,
  kMessageType = 53,
  kServerId = 54,
  kBootFile = 67,
  kEnd = 255,
};

// The UDP payload, when the frame is for port 67.
std::span<const uint8_t> message_of(std::span<const uint8_t> frame) {
  Layers layers;
  if (parse::parse(frame, {}, layers) != spec::DropReason::none) return {};
  if (layers.l3 != L3::kIpv4 || layers.l4 != L4::kUdp || layers.fragment) return {};
  const UdpHeader<const uint8_t> udp(frame.data() + layers.l4_offset);
  if (udp.destination_port() != Bootp::kServerPort || udp.length() < udp.kLength) return {};
  const size_t octets =
      std::min<size_t>(udp.length() - udp.kLength, layers.l3_end - layers.payload_offset);
  return frame.subspan(layers.payload_offset, octets);
}

// The value of an option, empty when it is not there or cut off.
std::span<const uint8_t> option(std::span<const uint8_t> message, uint8_t code) {
  for (size_t at = kOptionsAt; at < message.size() && message[at] != kEnd;) {
    if (message[at] == kPad) {
      ++at;
      continue;
    }
    if (message.size() - at < 2 || message.size() - at - 2 < message[at + 1]) break;
    if (message[at] == code) return message.subspan(at + 2, message[at + 1]);
    at += size_t{2} + message[at + 1];
  }
  return {};
}

void put(std::vector<uint8_t>& message, uint8_t code, std::span<const uint8_t> value) {
  message.push_back(code);
  message.push_back(static_cast<uint8_t>(value.size()));
  for (const uint8_t octet : value) message.push_back(octet);
}

template <class T>
void put_number(std::vector<uint8_t>& message, uint8_t code, T value) {
  uint8_t raw[sizeof value];
  store_be<T>(raw, value);
  put(message, code, raw);
}

void put_ip(std::vector<uint8_t>& message, uint8_t code, const IpAddress& ip) {
  put(message, code, std::span(ip.octets).first<4>());
}

bool same_v4(std::span<const uint8_t> octets, const IpAddress& ip) {
  return octets.size() == 4 && std::memcmp(octets.data(), ip.octets.data(), 4) == 0;
}

std::vector<uint8_t> in_frame(std::span<const uint8_t> message, const MacAddress& from_mac,
                              const MacAddress& to_mac, const IpAddress& from,
                              const IpAddress& to) {
  constexpr size_t kIpAt = EthernetHeader<uint8_t>::kLength,
                   kUdpAt = kIpAt + Ipv4Header<uint8_t>::kLength;
  constexpr size_t kMessageAt = kUdpAt + UdpHeader<uint8_t>::kLength;
  std::vector<uint8_t> frame(kMessageAt + message.size());
  std::memcpy(frame.data() + kMessageAt, message.data(), message.size());
  const EthernetHeader<uint8_t> ethernet(frame.data());
  ethernet.set_destination(to_mac);
  ethernet.set_source(from_mac);
  ethernet.set_ether_type(static_cast<uint16_t>(EtherType::kIpv4));
  const Ipv4Header<uint8_t> ip(frame.data() + kIpAt);
  ip.set_version_ihl(0x45);  // no options
  ip.set_total_length(static_cast<uint16_t>(frame.size() - kIpAt));
  ip.set_ttl(kTtl);
  ip.set_protocol(static_cast<uint8_t>(IpProtocol::kUdp));
  ip.set_source(from);
  ip.set_destination(to);
  const UdpHeader<uint8_t> udp(frame.data() + kUdpAt);
  udp.set_source_port(Bootp::kServerPort);
  udp.set_destination_port(Bootp::kClientPort);
  udp.set_length(static_cast<uint16_t>(frame.size() - kUdpAt));
  Layers layers;
  layers.l2_length = kIpAt;
  layers.l3 = L3::kIpv4;
  layers.l4 = L4::kUdp;
  layers.l4_offset = kUdpAt;
  layers.payload_offset = kMessageAt;
  layers.ip_protocol = ip.protocol();
  layers.l3_end = static_cast<uint32_t>(frame.size());
  complete_checksums(frame.data(), layers);
  return frame;
}

}  // namespace

struct DhcpServer::Request {
  std::span<const uint8_t> message;
  MacAddress client;
  IpAddress lease;
};

bool DhcpServer::is_for_server(std::span<const uint8_t> frame) {
  return !message_of(frame).empty();
}

std::vector<uint8_t> DhcpServer::answer(std::span<const uint8_t> frame) const {
  const std::span<const uint8_t> message = message_of(frame);
  if (message.size() < kOptionsAt ||
      !std::equal(kMagic.begin(), kMagic.end(), message.begin() + Bootp::kLength))
    return {};
  const Bootp bootp(message.data());
  constexpr uint8_t kMacOctets = 6;
  if (bootp.operation() != Bootp::kRequest ||
      bootp.hardware_type() != ArpHeader<const uint8_t>::kEthernet ||
      bootp.hardware_length() != kMacOctets) {
    return {};
  }
  const auto lease = config_.leases.find(bootp.client_mac());
  const std::span<const uint8_t> type = option(message, kMessageType);
  if (lease == config_.leases.end() || type.size() != 1) return {};
  const Request request{message, lease->first, lease->second};

  if (type[0] == kDiscover) return reply(request, kOffer);
  if (type[0] == kInform) return reply(request, kAck);
  if (type[0] != kRequest) return {};  // decline, release: the lease is the policy's, and stays
  const std::span<const uint8_t> server = option(message, kServerId);
  if (!server.empty() && !same_v4(server, config_.server))
    return {};  // the client chose another server
  // While selecting or rebooting the client asks for an address by option, while renewing it has it
  // (section 4.3.2).
  std::span<const uint8_t> wanted = option(message, kRequestedIp);
  if (wanted.empty()) wanted = {bootp.client_ip_octets(), 4};
  return reply(request, same_v4(wanted, request.lease) ? kAck : kNak);
}

void DhcpServer::put_options(std::vector<uint8_t>& message, const Request& request,
                             uint8_t type) const {
  put(message, kMessageType, std::span(&type, 1));
  put_ip(message, kServerId, config_.server);
  if (type == kNak) return;
  const bool inform = option(request.message, kMessageType)[0] == kInform;
  if (!inform) put_number<uint32_t>(message, kLeaseTime, config_.lease_seconds);
  put_number<uint32_t>(
      message, kSubnetMask,
      config_.prefix_length == 0 ? 0 : ~uint32_t{0} << (32 - config_.prefix_length));
  put_ip(message, kRouter, config_.server);
  put_ip(message, kDns, config_.dns);
  if (config_.mtu != 0) put_number<uint16_t>(message, kMtu, config_.mtu);
  if (!config_.boot_file.empty()) {
    put(message, kBootFile,
        {reinterpret_cast<const uint8_t*>(config_.boot_file.data()), config_.boot_file.size()});
  }
}

std::vector<uint8_t> DhcpServer::reply(const Request& request, uint8_t type) const {
  // As the request has it: transaction, flags, client's own address and MAC address; no relay.
  std::vector<uint8_t> message(kOptionsAt);
  std::copy_n(request.message.begin(), kOptionsAt, message.begin());  // the magic number too
  const BootpHeader<uint8_t> bootp(message.data());
  std::fill_n(message.begin() + kNamesAt, Bootp::kLength - kNamesAt, uint8_t{0});
  bootp.set_operation(Bootp::kReply);
  const bool inform = option(request.message, kMessageType)[0] == kInform;
  bootp.set_your_ip(type == kNak || inform ? IpAddress() : request.lease);
  bootp.set_relay_ip(IpAddress());
  bootp.set_server_ip(IpAddress());
  if (type != kNak && !config_.boot_file.empty()) {
    bootp.set_server_ip(config_.server);
    std::copy_n(config_.boot_file.begin(), std::min(config_.boot_file.size(), kFileOctets - 1),
                message.begin() + kFileAt);
  }
  put_options(message, request, type);
  message.push_back(kEnd);
  message.resize(std::max(message.size(), kLeastMessage));
  return in_frame(message, config_.mac, request.client, config_.server, request.lease);
}

}  // namespace gatehouse::gateway
