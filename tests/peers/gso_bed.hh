// SPDX-License-Identifier: GPL-2.0-or-later
// A namespace in which the kernel cuts super-frames: they come in at one tap, in the virtio-net
// format, and leave at another, which takes none.
#ifndef GATEHOUSE_TESTS_PEERS_GSO_BED_HH_
#define GATEHOUSE_TESTS_PEERS_GSO_BED_HH_

#include <cstdint>
#include <functional>
#include <vector>

#include "tests/unit/core/frames.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::peers {

// virtio_net_hdr's `gso_type` (Virtio 1.1 section 5.1.6).
enum class Gso : uint8_t { kTcp4 = 1, kTcp6 = 4, kUdp = 5 };

struct Cut {
  Gso gso;
  bool cwr = false;
  uint16_t l4 = 0, payload = 0;  // octets from the frame's start
  uint16_t mss = 0;              // octets of payload in each segment but the last
};

// The frame as the first tap takes it. Its L4 checksum becomes the sum of the pseudo header, which
// is what the kernel starts from.
test::Bytes for_tap(const Cut& cut, test::Bytes frame);

struct GsoBed {
  lab::Netns net{"gso"};
  int in = net.open_tap("in0", 1500, /*vnet_hdr=*/true);
  int out = net.open_tap("out0", 1700, /*vnet_hdr=*/false);

  // Nothing of the kernel's own on the wire.
  void silence();
  // Puts in what for_tap() made. What leaves, of that what `is_ours` says yes to, until there are
  // `frames` of it, or nothing more comes.
  std::vector<test::Bytes> pass(const test::Bytes& super_frame, size_t frames,
                                const std::function<bool(const test::Bytes&)>& is_ours);
};

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_GSO_BED_HH_
