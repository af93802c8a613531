// SPDX-License-Identifier: GPL-2.0-or-later
// Open vSwitch's userspace data path with DPDK: frames from a file in memory, anti-spoofing and
// connection tracking by flow rules, a meter, VXLAN, a device that forgets them. Daemons, database
// and interfaces are its own: a directory and a network namespace.
#include <signal.h>

#include <thread>

#include "tools/bench/peers/cpu.hh"
#include "tools/bench/peers/peer.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kMostFlows = 262'144;  // traffic.hh
constexpr const char* kProgram = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk";
constexpr const char* kWorker = "pmd-c";
constexpr const char* kUnderlayMac = "02:00:00:00:00:02";

// One pass of tracking for each frame: the rule commits what is new, the next table looks at what
// came out. (Rules that ask first and commit then are slower.)
const std::string kFlows = "table=0,priority=10,in_port=in,dl_src=" + std::string(kSenderMac) +
                           ",ip,nw_src=" + kSenderIp +
                           ",actions=ct(commit,zone=1,table=1)\n"
                           "table=0,priority=0,actions=drop\n"
                           "table=1,priority=20,ct_state=+inv,actions=drop\n"
                           "table=1,priority=10,ct_state=+trk,ip,actions=meter:1,output:vx\n"
                           "table=1,priority=0,actions=drop\n";

class OpenVSwitch final : public Peer {
 public:
  OpenVSwitch(const lab::WorkDir& work, unsigned core) : work_(work), core_(core) {
    require_program(kProgram, kPackagesFix);
    start_database();
    start_switch();
    make_bridges();
  }
  ~OpenVSwitch() override {
    if (switch_) kill(switch_->pid(), SIGCONT);
  }

  uint32_t most_flows() const override { return kMostFlows; }

  void give(const FrameSize& size, uint32_t flows) override {
    const std::string file = work_.path("ovs.pcap");
    const Traffic traffic(size, flows);
    traffic.write_pcap(file);
    resume();
    const std::string port = "net_pcap" + std::to_string(serial_++);
    vsctl(
        "--if-exists del-port br-int in -- add-port br-int in -- set interface in type=dpdk "
        "ofport_request=1 options:dpdk-devargs=" +
        port + ",rx_pcap=" + file + ",infinite_rx=1");
    check("ovs-ofctl del-flows " + socket("br-int") + " && ovs-appctl -t " +
          work_.path("vswitchd.ctl") +
          " dpctl/flush-conntrack && ovs-ofctl -O OpenFlow15 add-flows " + socket("br-int") + " " +
          work_.path("flows"));
    // Each flow has begun when so many frames have gone out.
    const double before = sent();
    const auto end = std::chrono::steady_clock::now() + seconds(60);
    while (sent() < before + 3.0 * static_cast<double>(traffic.count())) {
      if (std::chrono::steady_clock::now() > end)
        throw lab::Failure("Open vSwitch sends nothing" + switch_->last_words());
      std::this_thread::sleep_for(milliseconds(50));
    }
    const std::string rules = appctl("dpctl/dump-flows -m");
    for (const char* part : {"ct(commit", "meter(", "tnl_push"}) {
      if (rules.find(part) == std::string::npos)
        throw lab::Failure(std::string("Open vSwitch's data path has no ") + part + ": " + rules);
    }
    pause();
  }

  // Its worker never sleeps: the core is shared half and half.
  std::pair<double, double> beside(const std::function<double()>& ours) override {
    resume();
    std::this_thread::sleep_for(milliseconds(200));
    const double frames = sent();
    const CpuTime time = thread_time(switch_->pid(), kWorker);
    const double first = ours();
    const double more = sent() - frames;
    const double taken = thread_time(switch_->pid(), kWorker).running - time.running;
    pause();
    return {first, more / taken};
  }

 private:
  std::string environment() const {
    std::string words = "RUNTIME_DIRECTORY=" + work_.path();
    for (const char* name : {"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"})
      words += std::string(" ") + name + "=" + work_.path();
    return words;
  }
  std::string check(const std::string& script) const {
    return net_.sh("export " + environment() + "; " + script);
  }
  std::string vsctl(const std::string& words) const {
    const std::string out =
        check("ovs-vsctl --timeout=30 --db=unix:" + work_.path("db.sock") + " " + words);
    if (out.find("Error") != std::string::npos) throw lab::Failure("ovs-vsctl: " + out);
    return out;
  }
  std::string appctl(const std::string& words) const {
    return check("ovs-appctl -t " + work_.path("vswitchd.ctl") + " " + words);
  }
  std::string socket(const char* bridge) const {
    return "unix:" + work_.path(std::string(bridge) + ".mgmt");
  }
  std::unique_ptr<lab::Process> start(const std::string& command, const char* log) const {
    return net_.start({"sh", "-ec", "export " + environment() + "; exec " + command},
                      work_.path(log));
  }

  void start_database() {
    check("ovsdb-tool create " + work_.path("conf.db") +
          " /usr/share/openvswitch/vswitch.ovsschema");
    database_ = start("ovsdb-server --remote=punix:" + work_.path("db.sock") +
                          " --unixctl=" + work_.path("ovsdb.ctl") + " " + work_.path("conf.db"),
                      "ovsdb.log");
    check("for i in $(seq 100); do [ -S " + work_.path("db.sock") +
          " ] && exit; sleep 0.1; done; exit 1");
  }

  // In hexadecimal, of any length.
  static std::string mask_of(unsigned core) {
    constexpr const char* kDigits[] = {"1", "2", "4", "8"};
    return std::string("0x") + kDigits[core % 4] + std::string(core / 4, '0');
  }

  void start_switch() {
    vsctl("--no-wait init");
    char words[400];
    // --no-huge goes with --legacy-mem only, which Open vSwitch must be told.
    std::snprintf(
        words, sizeof words,
        "--no-wait set Open_vSwitch . other_config:dpdk-init=true "
        "other_config:pmd-cpu-mask=%s other_config:dpdk-lcore-mask=%s "
        "other_config:dpdk-extra=\"--no-huge --legacy-mem --no-pci --no-telemetry -m 2048\"",
        mask_of(core_).c_str(), mask_of(core_beside(core_)).c_str());
    vsctl(words);
    switch_ = start(std::string(kProgram) + " unix:" + work_.path("db.sock") +
                        " --unixctl=" + work_.path("vswitchd.ctl"),
                    "vswitchd.log");
  }

  void make_bridges() {
    lab::write_file(work_.path("flows"), kFlows);
    vsctl(
        "add-br br-int -- set bridge br-int datapath_type=netdev fail-mode=secure "
        "-- add-br br-phy -- set bridge br-phy datapath_type=netdev fail-mode=secure");
    vsctl(
        "add-port br-phy out -- set interface out type=dpdk mtu_request=1600 "
        "options:dpdk-devargs=net_null0,no-rx=1");
    vsctl(
        "add-port br-int vx -- set interface vx type=vxlan options:remote_ip=192.168.0.2 "
        "options:key=5");
    net_.sh("ip addr add 192.168.0.1/16 dev br-phy; ip link set br-phy up");
    check("ovs-ofctl -O OpenFlow15 add-meter " + socket("br-int") +
          " meter=1,kbps,bands=type=drop,rate=4000000000");
    check("ovs-ofctl add-flow " + socket("br-phy") + " actions=NORMAL");
    appctl(std::string("tnl/neigh/set br-phy 192.168.0.2 ") + kUnderlayMac);
  }

  // Frames that the last port has taken.
  double sent() const {
    const std::string text = appctl("dpctl/show -s");
    const size_t at = text.find("TX packets:", text.find(": out (dpdk"));
    if (at == std::string::npos)
      throw lab::Failure("Open vSwitch has no port for the wire: " + text);
    return std::stod(text.substr(at + 11));
  }
  void pause() { kill(switch_->pid(), SIGSTOP); }
  void resume() {
    kill(switch_->pid(), SIGCONT);
    switch_->require_running("Open vSwitch");
  }

  const lab::WorkDir& work_;
  unsigned core_;
  unsigned serial_ = 0;
  lab::Netns net_{"ovs"};
  std::unique_ptr<lab::Process> database_, switch_;
};

}  // namespace

std::unique_ptr<Peer> start_open_vswitch(const lab::WorkDir& work, unsigned core) {
  return std::make_unique<OpenVSwitch>(work, core);
}

}  // namespace gatehouse::bench
