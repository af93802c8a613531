// SPDX-License-Identifier: GPL-2.0-or-later
// What hw/core is held against: other people's data paths, started by the bench on this machine, on
// one core.
#ifndef GATEHOUSE_TOOLS_BENCH_PEERS_PEER_HH_
#define GATEHOUSE_TOOLS_BENCH_PEERS_PEER_HH_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "tools/bench/peers/traffic.hh"
#include "tools/lab/process.hh"

namespace gatehouse::bench {

class Peer {
 public:
  virtual ~Peer() = default;
  // Of so many flows that are asked for, those that it can be given.
  virtual uint32_t most_flows() const = 0;
  // Until the next call: what beside() is about. Throws lab::Failure.
  virtual void give(const FrameSize& size, uint32_t flows) = 0;
  // {what `ours` returns, the peer's frames a second of processor time, by one core}: at once on
  // that core, if the peer can, so that both meet the same machine; else one after the other.
  // Between two calls it takes no processor time.
  virtual std::pair<double, double> beside(const std::function<double()>& ours) = 0;
};

// Each throws lab::Failure that names what is missing and how it is had.
std::unique_ptr<Peer> start_testpmd_io(const lab::WorkDir& work, unsigned core);
std::unique_ptr<Peer> start_testpmd_csum(const lab::WorkDir& work, unsigned core);
std::unique_ptr<Peer> start_open_vswitch(const lab::WorkDir& work, unsigned core);
std::unique_ptr<Peer> start_kernel(const lab::WorkDir& work, unsigned core);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_PEERS_PEER_HH_
