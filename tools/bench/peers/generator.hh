// SPDX-License-Identifier: GPL-2.0-or-later
// Frames into an interface of a namespace, by a packet socket, as fast as one core can.
#ifndef GATEHOUSE_TOOLS_BENCH_PEERS_GENERATOR_HH_
#define GATEHOUSE_TOOLS_BENCH_PEERS_GENERATOR_HH_

#include <string>

#include "tools/bench/peers/traffic.hh"

namespace gatehouse::bench {

struct Sending {
  double frames = 0;
  double seconds = 0;  // of processor time: the sender's and what the kernel did for it
  double all = 0;      // frames, with those that were sent before it was measured
};

// Sends all frames once, then again for so long (seconds), which is what is measured. The kernel
// works on each frame during the call that sends it. Throws lab::Failure.
Sending send_frames(const std::string& netns, const std::string& interface, unsigned core,
                    const Traffic& traffic, double seconds);

// Throws lab::Failure unless so many frames that came through are nearly all that were sent: a peer
// that drops does less.
void require_through(const Sending& sending, double through);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_PEERS_GENERATOR_HH_
