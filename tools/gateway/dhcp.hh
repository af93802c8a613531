// SPDX-License-Identifier: GPL-2.0-or-later
// A DHCP server (RFC 2131) whose leases are given in advance. Clients are hostile: what is
// malformed gets no answer.
#ifndef GATEHOUSE_TOOLS_GATEWAY_DHCP_HH_
#define GATEHOUSE_TOOLS_GATEWAY_DHCP_HH_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "hw/core/base/address.hh"

namespace gatehouse::gateway {

struct DhcpConfig {
  MacAddress mac;    // the server's
  IpAddress server;  // also the router and, with a boot file, the TFTP server
  IpAddress dns;
  uint8_t prefix_length = 24;  // of the clients' network
  uint16_t mtu = 0;            // option 26; 0 = not told
  uint32_t lease_seconds = 86400;
  std::string boot_file;  // empty: none; at most 127 octets
  std::map<MacAddress, IpAddress> leases;
};

class DhcpServer {
 public:
  explicit DhcpServer(DhcpConfig config) : config_(std::move(config)) {}
  // Whether the frame is for a DHCP server at all: UDP over IPv4 to port 67, whole.
  static bool is_for_server(std::span<const uint8_t> frame);
  // The frame to send back, or nothing. Answers go to the client's own MAC and IP address, whatever
  // its broadcast flag says: the overlay carries no broadcast to a single guest, and clients that
  // have no address yet take what is sent to their MAC address.
  std::vector<uint8_t> answer(std::span<const uint8_t> frame) const;

 private:
  struct Request;
  std::vector<uint8_t> reply(const Request& request, uint8_t type) const;
  void put_options(std::vector<uint8_t>& message, const Request& request, uint8_t type) const;

  DhcpConfig config_;
};

}  // namespace gatehouse::gateway

#endif  // GATEHOUSE_TOOLS_GATEWAY_DHCP_HH_
