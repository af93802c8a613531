// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_BENCH_LOSS_HH_
#define GATEHOUSE_TOOLS_BENCH_LOSS_HH_

#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse::bench {

// `gatehouse-tool bench loss`: what a lost frame costs in three ways of sending a tunnelled
// super-frame. Native, by hw/core/stateless itself, without a clock: two runs print the same.
int run_loss(const std::vector<std::string>& arguments);

// One way of sending at one rate of loss.
struct LossPoint {
  std::string way;
  double percent = 0;        // of the frames on the wire
  uint64_t payload = 0;      // octets of the guest's stream, all of which arrived
  uint64_t resent = 0;       // octets of it that were sent again
  uint64_t frames = 0;       // on the wire
  uint64_t frames_lost = 0;  // of these
  uint64_t wire = 0;         // octets, with preamble and gap

  double goodput() const;  // Gbit/s of a link of 10 Gbit/s that is never idle
  double resent_percent() const;
};

// Points of one way are together, the rates of loss the same in each.
std::string loss_csv(const std::vector<LossPoint>& points);
std::string loss_figure(const std::vector<LossPoint>& points);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_LOSS_HH_
