// SPDX-License-Identifier: GPL-2.0-or-later
// Frames out of an input: one that is right, then changed here and there, or plain octets.
#ifndef GATEHOUSE_TESTS_FUZZ_FRAME_INPUT_HH_
#define GATEHOUSE_TESTS_FUZZ_FRAME_INPUT_HH_

#include <span>

#include "hw/core/base/packet.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {

// Guests' frames: every header that a stage looks at. The ends are those of tests/unit/core/
// frames.hh (52:54:00:00:00:01, 10.0.0.1, fd00::1, and ...02).
const std::vector<Bytes>& guest_frames();

inline constexpr size_t kMostFrame = 4096;

// `known`: what the frame may begin as. The memory ends where the frame does.
Bytes take_frame(Input& input, std::span<const Bytes> known = guest_frames());
// Changes it as the input says.
void change(Bytes& frame, Input& input);
// Makes right the lengths and the header checksum of the IPv4 header at `l3`, where there is one
// without options, so that a changed frame does not end at the first check.
void mend_ipv4(Bytes& frame, size_t l3 = 14);
// The same of either IP header, behind tags, and the length and checksum of what it carries: TCP,
// UDP with a checksum, ICMP, ICMPv6, GRE with a checksum.
void mend_sums(Bytes& frame);

// A segmentation or checksum context, mostly one that fits the frame.
Offload take_offload(Input& input, const Bytes& frame);

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_FRAME_INPUT_HH_
