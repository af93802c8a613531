// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/ally.hh"

#include <array>
#include <cstdio>
#include <optional>
#include <span>
#include <sstream>
#include <tuple>
#include <utility>

#include "tools/bench/frame.hh"
#include "tools/bench/test_bed.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::bench {
namespace {

using nlohmann::json;

constexpr unsigned kPairs = 5;

// What is counted for each Ethernet frame on the wire, of the partition's core alone. An octet that
// is moved is loaded once and stored once: the stores are Table 2's "bytes moved".
constexpr const char* kCells[] = {"instructions", "interrupts", "bytes moved", "bytes loaded",
                                  "descriptors"};
constexpr size_t kCellCount = std::size(kCells);
constexpr size_t kPaperCells = 3;  // those that Table 2 has

struct Load {
  const char* name;
  const char* mode;
  double paper[kPaperCells];  // Ally, Table 2
  const char* unit;
  double goal;  // interception on over off
};

constexpr Load kLoads[] = {
    {"stream out", "tcp-out", {21.33, 0.04, 19.34}, "Mb/s", 0.8},
    {"stream in", "tcp-in", {71.99, 0.39, 31.88}, "Mb/s", 0.8},
    {"request/response", "tcp-rr", {246.40, 1.98, 63.05}, "transactions/s", 0.5},
};

// The same requests in front of a core that polls before it halts.
constexpr Load kPollingLoads[] = {
    {"request/response, polling", "tcp-rr", {}, "transactions/s", 0.8}};
constexpr double kBootGoal = 1.1;

std::string throughput_row(const char* nic, const Load& load) {
  return std::string(nic) + ", " + load.name + ": throughput";
}

std::string cell_row(const char* nic, const Load& load, size_t cell) {
  return std::string(nic) + ", " + load.name + ": " + kCells[cell];
}

std::string guard_row(const char* nic, const Load& load, const char* guard) {
  return throughput_row(nic, load) + ", " + guard;
}

std::string boot_row(const char* nic) { return std::string(nic) + ", boot time with a partition"; }
std::string boot_at_once_row(const char* nic) { return boot_row(nic) + ", at once"; }

// Frames on the wire so far. Received: as the NIC counts them. Sent: segments of TCP, because a NIC
// counts a super-frame once.
double wire_frames(TestBed& bed) {
  std::istringstream text(
      bed.guest().agent().check("ethtool -S eth0 | sed -n 's/^ *rx_packets: //p'; "
                                "grep ^Tcp: /proc/net/snmp | tail -n 1 | cut -d ' ' -f 12"));
  double received = 0, sent = 0;
  if (!(text >> received >> sent)) throw lab::Failure("no packet counters in: " + text.str());
  return received + sent;
}

// Core 0 is the guest's only CPU; the partition's comes behind it.
json partition_counts(lab::Qmp& qmp) {
  const json cores = qmp.execute("query-gatehouse-counts").at("cores");
  if (cores.size() != 2) throw lab::Failure("expected two cores, got " + cores.dump());
  return cores[1];
}

using Cost = std::array<double, kCellCount>;

double descriptors(TestBed& bed) {
  const auto counts = bed.interceptor_counts();
  return counts.at("transmit_descriptors") + counts.at("receive_descriptors");
}

Cost measure_cost(TestBed& bed, const Load& load) {
  lab::Qmp& qmp = bed.guest().qmp();
  const double descriptors_before = descriptors(bed), before = wire_frames(bed);
  qmp.execute("gatehouse-count-start");
  bed.load(load.mode);
  qmp.execute("gatehouse-count-stop");
  const double frames = wire_frames(bed) - before;
  if (frames <= 0) throw lab::Failure(std::string(load.name) + ": no frame was counted");
  const json counts = partition_counts(qmp);
  const auto per_frame = [&](const char* name) { return counts.at(name).get<double>() / frames; };
  return {per_frame("instructions"), per_frame("interrupts"), per_frame("bytes-written"),
          per_frame("bytes-read"), (descriptors(bed) - descriptors_before) / frames};
}

struct Nic {
  const char* name;
  TestBed& bed;
};

void add_table_2(const Nic& nic, const Options& options, std::vector<Row>* rows) {
  nic.bed.intercept(true);
  for (const Load& load : kLoads) {
    Row cells[kCellCount];
    bool wanted = false;
    for (size_t i = 0; i < kCellCount; ++i) {
      cells[i].name = cell_row(nic.name, load, i);
      cells[i].unit = "per frame";
      if (i < kPaperCells) {
        cells[i].peer_name = "Ally, Table 2";
        cells[i].goal = 1;
        cells[i].at_most = true;
      }
      wanted |= options.wants(cells[i].name);
    }
    for (unsigned run = 0; wanted && run < options.pairs; ++run) {
      const Cost cost = measure_cost(nic.bed, load);
      std::fprintf(stderr, "  %s, %s  run %u/%u ", nic.name, load.name, run + 1, options.pairs);
      for (size_t i = 0; i < kCellCount; ++i) {
        cells[i].ours.push_back(cost[i]);
        if (i < kPaperCells) cells[i].peer.push_back(load.paper[i]);
        std::fprintf(stderr, " %s %.2f", kCells[i], cost[i]);
      }
      std::fprintf(stderr, "\n");
    }
    for (Row& cell : cells) {
      if (options.wants(cell.name)) rows->push_back(std::move(cell));
    }
  }
}

void add_throughput(const Nic& nic, std::span<const Load> loads, const Options& options,
                    std::vector<Row>* rows) {
  std::vector<Row> pairs;
  for (const Load& load : loads) {
    const std::string name = throughput_row(nic.name, load);
    if (!options.wants(name)) continue;
    const auto run = [&nic, &load](bool intercepted) {
      nic.bed.intercept(intercepted);
      return nic.bed.load(load.mode);
    };
    pairs.push_back({.name = name,
                     .unit = load.unit,
                     .peer_name = "interception off",
                     .goal = load.goal,
                     .measure_ours = [run] { return run(true); },
                     .measure_peer = [run] { return run(false); }});
  }
  measure(pairs, options.pairs);
  for (Row& row : pairs) rows->push_back(std::move(row));
}

// What it costs that a guest can't change what was inspected.
constexpr std::tuple<const char*, Bed, const char*, Partition> kGuards[] = {
    {"vnic", Bed::kCard, "seal=on", Partition::kSealing},
    {"vnic", Bed::kCard, "copy=on", Partition::kCopying},
    {"e1000e", Bed::kStock, "copy=on", Partition::kCopying}};

void add_guards(const lab::WorkDir& work, const Options& options, std::vector<Row>* rows) {
  for (const auto& [nic, bed, guard, partition] : kGuards) {
    std::vector<Row> pairs;
    std::optional<TestBed> guarded, plain;
    for (const Load& load : kLoads) {
      const std::string name = guard_row(nic, load, guard);
      if (!options.wants(name)) continue;
      pairs.push_back({.name = name,
                       .unit = load.unit,
                       .peer_name = "rules alone",
                       .measure_ours = [&guarded, &load] { return guarded->load(load.mode); },
                       .measure_peer = [&plain, &load] { return plain->load(load.mode); }});
    }
    if (pairs.empty()) continue;
    guarded.emplace(bed, work, partition).intercept(true);
    plain.emplace(bed, work, Partition::kInspecting).intercept(true);
    measure(pairs, options.pairs);
    for (Row& row : pairs) rows->push_back(std::move(row));
  }
}

// A boot lasts as long as this machine changes its speed for, so that one after the other says
// little; the goal is for two at once.
void add_boot(const char* nic, Bed bed, const lab::WorkDir& work, const Options& options,
              std::vector<Row>* rows) {
  std::vector<Row> pairs;
  if (options.wants(boot_at_once_row(nic))) {
    pairs.push_back({.name = boot_at_once_row(nic),
                     .unit = "s of CPU",
                     .peer_name = "no partition",
                     .goal = kBootGoal,
                     .at_most = true,
                     .measure_both = [&] { return boot_at_once(bed, work); }});
  }
  if (options.wants(boot_row(nic))) {
    pairs.push_back({.name = boot_row(nic),
                     .unit = "s",
                     .peer_name = "no partition",
                     .measure_ours = [&] { return boot(bed, work, Partition::kHalting); },
                     .measure_peer = [&] { return boot(bed, work, Partition::kNone); }});
  }
  measure(pairs, options.pairs);
  for (Row& row : pairs) rows->push_back(std::move(row));
}

std::vector<std::string> row_names() {
  std::vector<std::string> names;
  for (const char* nic : {"vnic", "e1000e"}) {
    for (const Load& load : kLoads) {
      for (size_t cell = 0; cell < kCellCount; ++cell) names.push_back(cell_row(nic, load, cell));
      names.push_back(throughput_row(nic, load));
    }
    for (const Load& load : kPollingLoads) names.push_back(throughput_row(nic, load));
    names.push_back(boot_at_once_row(nic));
    names.push_back(boot_row(nic));
  }
  for (const auto& [nic, bed, guard, partition] : kGuards) {
    for (const Load& load : kLoads) names.push_back(guard_row(nic, load, guard));
  }
  return names;
}

// Each part has the machine for itself: a core that polls takes a CPU of the host.
std::vector<Row> measure_all(const Options& options) {
  std::fprintf(stderr,
               "bench ally: guests beside a partition that takes over their NIC: our vnic, and "
               "QEMU's e1000e\n");
  lab::WorkDir work("ally");
  std::vector<Row> rows;
  {
    TestBed card(Bed::kCard, work, Partition::kHalting);
    TestBed stock(Bed::kStock, work, Partition::kHalting);
    const Nic nics[] = {{"vnic", card}, {"e1000e", stock}};
    for (const Nic& nic : nics) add_table_2(nic, options, &rows);
    for (const Nic& nic : nics) add_throughput(nic, kLoads, options, &rows);
  }
  constexpr std::pair<const char*, Bed> kNics[] = {{"vnic", Bed::kCard}, {"e1000e", Bed::kStock}};
  for (const auto& [name, bed] : kNics) {
    if (!options.wants(throughput_row(name, kPollingLoads[0]))) continue;
    TestBed polling(bed, work, Partition::kPolling);
    add_throughput({name, polling}, kPollingLoads, options, &rows);
  }
  add_guards(work, options, &rows);
  for (const auto& [name, bed] : kNics) add_boot(name, bed, work, options, &rows);
  return rows;
}

}  // namespace

int run_ally(const std::vector<std::string>& arguments) {
  return run({.name = "ally",
              .heading = "what interception costs a partition's core (TCG, 1 vCPU; medians)",
              .row_names = row_names,
              .pairs = kPairs,
              .namespaces = true,
              .measure = measure_all},
             arguments);
}

}  // namespace gatehouse::bench
