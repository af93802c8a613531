// SPDX-License-Identifier: GPL-2.0-or-later
// Receive side scaling (data sheet 7.1.11): which octets of a frame are hashed, the Toeplitz hash
// over them, and the queue.
#ifndef GATEHOUSE_HW_CARD_VNIC_RSS_HH_
#define GATEHOUSE_HW_CARD_VNIC_RSS_HH_

#include <array>
#include <cstdint>
#include <span>

#include "hw/core/base/layers.hh"
#include "hw/spec/i82574_descriptors.hh"

namespace gatehouse::vnic {

inline constexpr uint32_t kRssKeyOctets = 40;
// IPv6 addresses and ports.
inline constexpr uint32_t kRssInputOctets = 36;
inline constexpr uint32_t kRetaEntries = 128;

// Toeplitz hash. Tables of all 4-bit pieces at all positions make it two look-ups for each octet.
class Toeplitz {
 public:
  // Octet 0 of the key is bits 7:0 of RSSRK[0].
  void set_key(std::span<const uint8_t, kRssKeyOctets> key);
  // Input beyond kRssInputOctets is ignored.
  uint32_t hash(std::span<const uint8_t> input) const;

 private:
  std::array<std::array<uint32_t, 16>, 2 * kRssInputOctets> nibbles_{};
};

// What RSS needs of the registers.
struct RssControl {
  bool tcp_ipv4 = false, ipv4 = false, tcp_ipv6 = false, ipv6_ex = false,
       ipv6 = false;  // MRQC field enables
  // RFCTL.IPV6_EX_DIS: frames with extension headers are not hashed as ...Ex.
  // RFCTL.NEW_IPV6_EXT_DIS: those whose extension headers replace an address are not.
  bool ipv6_ex_disabled = false, new_ipv6_ext_disabled = false;
};

struct RssInput {
  i82574::RssType type = i82574::RssType::kNone;
  uint8_t length = 0;
  std::array<uint8_t, kRssInputOctets> octets;
};

// `frame` begins at the destination MAC and `layers` are its own. What does not fit into the frame
// is not hashed.
RssInput rss_input(const RssControl& control, std::span<const uint8_t> frame, const Layers& layers);

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_RSS_HH_
