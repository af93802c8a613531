// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/net.hh"

#include <cstdio>

#include "tools/bench/frame.hh"
#include "tools/bench/test_bed.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::bench {
namespace {

constexpr unsigned kPairs = 15;  // of a second each

struct Figure {
  const char* name;
  const char* mode;
  const char* unit;
  double goal;         // against the stock e1000e with nothing
  double tunnel_goal;  // against the stock e1000e with vxlan and nftables in the guest; 0: not
                       // measured
};

// US 9,385,912 speaks of up to 80 % more throughput by segmentation of what is tunnelled.
constexpr double kSegmentationGoal = 1.8;

constexpr Figure kFigures[] = {
    {"TCP out", "tcp-out", "Mb/s", 1.0, 3.0},
    {"TCP in", "tcp-in", "Mb/s", 1.0, 1.2},
    {"UDP 64 B out", "udp-out", "datagrams/s", 1.0, 0},
    {"UDP 64 B in", "udp-in", "datagrams/s", 1.0, 0},
    {"TCP request/response", "tcp-rr", "transactions/s", 1.0, 0},
};

constexpr const char* kSecured = ", secured";
constexpr const char* kCut = "TCP out, cut below the guest";

std::vector<std::string> row_names() {
  std::vector<std::string> names;
  for (const Figure& figure : kFigures) {
    names.push_back(figure.name);
    if (figure.tunnel_goal != 0) names.push_back(std::string(figure.name) + kSecured);
  }
  names.push_back(kCut);
  return names;
}

std::vector<Row> measure_all(const Options& options) {
  lab::WorkDir work("bench");
  std::fprintf(stderr,
               "bench net: three guests, each with a namespace of its own: a card, a stock e1000e, "
               "a stock e1000e with tunnel and firewall\n");
  TestBed card(Bed::kCard, work), stock(Bed::kStock, work), tunnel(Bed::kStockTunnel, work);
  std::vector<Row> rows;
  const auto add = [&](const Figure& figure, const std::string& suffix, const char* peer,
                       double goal, TestBed& other) {
    if (goal == 0 || !options.wants(figure.name + suffix)) return;
    const std::string mode = figure.mode;
    rows.push_back({.name = figure.name + suffix,
                    .unit = figure.unit,
                    .peer_name = peer,
                    .goal = goal,
                    .measure_ours = [&card, mode] { return card.load(mode); },
                    .measure_peer = [&other, mode] { return other.load(mode); }});
  };
  for (const Figure& figure : kFigures) add(figure, "", "e1000e, nothing", figure.goal, stock);
  for (const Figure& figure : kFigures)
    add(figure, kSecured, "e1000e, vxlan + nftables in the guest", figure.tunnel_goal, tunnel);
  if (options.wants(kCut)) {
    rows.push_back({.name = kCut,
                    .unit = "Mb/s",
                    .peer_name = "the same card, the guest cuts by itself",
                    .goal = kSegmentationGoal,
                    .measure_ours =
                        [&card] {
                          card.segmentation_by_nic(true);
                          return card.load("tcp-out");
                        },
                    .measure_peer =
                        [&card] {
                          card.segmentation_by_nic(false);
                          return card.load("tcp-out");
                        }});
  }
  measure(rows, options.pairs);
  return rows;
}

std::string heading() {
  return std::string("vnic with ") +
         (lab::kernel_has_link_type("geneve") ? "Geneve" : "VXLAN (this kernel has no geneve)") +
         " and anti-spoofing against QEMU's e1000e (TCG, 1 vCPU; medians, ratios of the pairs)";
}

}  // namespace

int run_net(const std::vector<std::string>& arguments) {
  return run({.name = "net",
              .heading = heading(),
              .row_names = row_names,
              .pairs = kPairs,
              .namespaces = true,
              .measure = measure_all},
             arguments);
}

}  // namespace gatehouse::bench
