// SPDX-License-Identifier: GPL-2.0-or-later
// Trains of TCP segments, as a guest sends them and as they come by on the wire, each with
// something in it that may keep two of them apart.
#ifndef GATEHOUSE_TESTS_PEERS_TRAINS_HH_
#define GATEHOUSE_TESTS_PEERS_TRAINS_HH_

#include <string>
#include <vector>

#include "tests/unit/core/frames.hh"

namespace gatehouse::peers {

struct Segment {
  uint32_t octets = 1000;
  test::Tcp tcp;                           // with the sequence number
  test::Ipv4 ipv4{.dont_fragment = true};  // with the identification
  test::Ipv6 ipv6;
  bool udp = false;     // another transport between the same hosts
  bool padded = false;  // two octets behind the datagram
};

// A word of a header in which some bits are turned over. Checksums stay right.
enum class Part : uint8_t { kIp, kTcp, kOuterIp, kOuterUdp };
struct Flip {
  size_t segment;
  Part part;
  uint16_t offset;  // octets into the header, even
  uint16_t bits;
};

enum class Inside : uint8_t { kAny, kIpv4, kIpv6 };
enum class Outside : uint8_t { kAny, kIpv4, kIpv6, kUdp };  // more than kAny: it is about these

struct Train {
  std::string name;
  std::vector<Segment> segments;
  std::vector<Flip> flips = {};
  Inside inside = Inside::kAny;
  Outside outside = Outside::kAny;
};

std::vector<Train> trains();
// Several of these at once, by chance.
Train mixed_train(uint32_t seed);

// As the guest sends it.
test::Bytes frame_of(const Train& train, size_t segment, bool v6);
// The same on the wire, when the train is about that, too. `frame`: the card's tunnel frame.
test::Bytes on_wire(const Train& train, size_t segment, bool outer_v6, test::Bytes frame);

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_TRAINS_HH_
