// SPDX-License-Identifier: GPL-2.0-or-later
// DPDK's testpmd: frames from a file in memory, through one of its engines, to a device that
// forgets them. io hands them on: what source and device cost. csum parses and makes checksums
// anew: what a frame costs that is looked at. Neither has tables, a firewall or a tunnel.
#include <signal.h>

#include <thread>

#include "tools/bench/peers/cpu.hh"
#include "tools/bench/peers/peer.hh"
#include "tools/lab/deadline.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::bench {
namespace {

using std::chrono::seconds;

constexpr seconds kLimit{30};  // to begin, and to end
constexpr uint32_t kBuffers = 270'000, kMostFlows = 260'000;
constexpr const char* kWorker = "-worker";  // rte-worker-CORE, since 24.11 dpdk-workerCORE
constexpr const char* kForwarded = "Accumulated forward statistics for all ports";

class Testpmd final : public Peer {
 public:
  Testpmd(const lab::WorkDir& work, unsigned core, const char* engine)
      : work_(work), core_(core), engine_(engine) {
    require_program("dpdk-testpmd", kPackagesFix);
    if (core_beside(core) == core)
      throw lab::Failure("testpmd needs a second core, for its command line");
  }
  uint32_t most_flows() const override { return kMostFlows; }
  void give(const FrameSize& size, uint32_t flows) override {
    Traffic(size, flows).write_pcap(file());
  }

  std::pair<double, double> beside(const std::function<double()>& ours) override {
    const double first = ours();
    return {first, rate()};
  }

 private:
  double rate() {
    lab::Process process(command(), work_.path("testpmd.log"));
    wait_until_it_forwards(process);
    std::this_thread::sleep_for(seconds(1));
    const double taken = time_until_end(process);
    const std::string log = process.log();
    const size_t at = log.find("TX-packets:", log.find(kForwarded));
    if (at == std::string::npos)
      throw lab::Failure("testpmd did not say what it sent" + process.last_words());
    return std::stod(log.substr(at + 11)) / taken;
  }

  std::string file() const { return work_.path("testpmd.pcap"); }

  std::vector<std::string> command() const {
    const unsigned other = core_beside(core_);
    return {"env",
            "RUNTIME_DIRECTORY=" + work_.path(),
            "dpdk-testpmd",
            "--no-huge",
            "--no-pci",
            "--no-telemetry",
            "--file-prefix=testpmd",
            "-m",
            "1536",
            "--main-lcore=" + std::to_string(other),
            "-l",
            std::to_string(other) + "," + std::to_string(core_),
            "--vdev=net_pcap0,rx_pcap=" + file() + ",infinite_rx=1",
            "--vdev=net_null0,no-rx=1",
            "--",
            "--total-num-mbufs=" + std::to_string(kBuffers),
            std::string("--forward-mode=") + engine_,
            "--stats-period=1"};
  }

  // Processor time of the core that forwards. It forwards on until the program has seen the signal,
  // within its period of statistics; what counts is the last that is seen of it.
  static double time_until_end(lab::Process& process) {
    double taken = thread_time(process.pid(), kWorker).running;
    kill(process.pid(), SIGTERM);
    const lab::Deadline deadline(kLimit);
    while (process.running() && !deadline.expired()) {
      try {
        taken = thread_time(process.pid(), kWorker).running;
      } catch (const lab::Failure&) {
        break;  // gone between two looks
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (process.wait(std::chrono::milliseconds(deadline.remaining_ms())) < 0)
      throw lab::Failure("testpmd does not end" + process.last_words());
    return taken;
  }

  static void wait_until_it_forwards(lab::Process& process) {
    const lab::Deadline deadline(kLimit);
    while (process.log().find("Port statistics") == std::string::npos) {
      process.require_running("testpmd");
      if (deadline.expired()) throw lab::Failure("testpmd forwards nothing" + process.last_words());
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  const lab::WorkDir& work_;
  unsigned core_;
  const char* engine_;
};

}  // namespace

std::unique_ptr<Peer> start_testpmd_io(const lab::WorkDir& work, unsigned core) {
  return std::make_unique<Testpmd>(work, core, "io");
}
std::unique_ptr<Peer> start_testpmd_csum(const lab::WorkDir& work, unsigned core) {
  return std::make_unique<Testpmd>(work, core, "csum");
}

}  // namespace gatehouse::bench
