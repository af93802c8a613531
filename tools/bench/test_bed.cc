// SPDX-License-Identifier: GPL-2.0-or-later
#include <sched.h>

#include <cstring>
#include <future>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "hw/spec/core_counts.hh"
#include "hw/spec/partition.hh"
#include "hw/spec/pattern_rules.hh"
#include "tools/bench/test_bed.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/topology.hh"

namespace gatehouse::bench {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr int kSeconds = 1;  // of one measurement: longer than that, machines change their speed
constexpr unsigned kUnderlayMtu =
    1600;  // a full-size inner frame and its Geneve or VXLAN headers fit
constexpr const char* kGuestMac = "52:54:00:00:00:02";
constexpr const char* kPeerMac = "52:54:00:00:00:01";
constexpr const char* kCardMac = "02:00:00:00:00:02";
constexpr const char* kUnderlayGuest = "10.99.0.2";
constexpr const char* kUnderlayPeer = "10.99.0.1";
constexpr unsigned kVni = 77;
constexpr const char* kLoadPort = "5300";
constexpr const char* kPolling = "poll=100000";  // rounds before a halt: some ten milliseconds

struct PartitionRow {
  const char* name;  // of what belongs to such a bed, unless it is the only one
  const char* arguments;
  bool counted;  // of a core that polls nothing is counted, and counting would slow each round
  bool inspecting;
};
const PartitionRow& row_of(Partition partition) {
  static constexpr PartitionRow kRows[] = {
      {"", "", false, false}, {"", "", true, false},         {"", kPolling, false, false},
      {"i", "", false, true}, {"s", "seal=on", false, true}, {"c", "copy=on", false, true}};
  return kRows[static_cast<size_t>(partition)];
}

// One rule, which no frame of the load matches.
std::string write_rule(const lab::WorkDir& work) {
  const partition::PatternRule rule =
      partition::make_pattern(1, partition::kPatternAlert, "\xd1\xd2\xd3\xd4 unwanted");
  const partition::PatternHeader header{partition::kPatternMagic, 1, 0};
  std::string image(sizeof header + sizeof rule, '\0');
  std::memcpy(image.data(), &header, sizeof header);
  std::memcpy(image.data() + sizeof header, &rule, sizeof rule);
  const std::string path = work.path("rule");
  lab::write_file(path, image);
  return path;
}

const char* name_of(Bed bed) {
  switch (bed) {
    case Bed::kCard:
      return "card";
    case Bed::kStock:
      return "stock";
    case Bed::kStockTunnel:
      return "tunnel";
  }
  return "?";
}

// The format that this machine's kernel can take off: Geneve, or VXLAN where it has no geneve. Both
// have eight octets of tunnel header.
std::string card_format() { return lab::kernel_has_link_type("geneve") ? "geneve" : "vxlan"; }

std::string tunnel_peer() {
  const std::string format = card_format(), port = format == "vxlan" ? " dstport 4789" : "";
  return "ip link add tun0 type " + format + " id " + std::to_string(kVni) + " remote " +
         kUnderlayGuest + port + "; ip link set tun0 address " + kPeerMac +
         " mtu 1500 up; ip addr add " + kPeerAddress + "/24 dev tun0; ip neigh replace " +
         kGuestAddress + " lladdr " + kGuestMac + " dev tun0";
}

std::string card_policy(const lab::WorkDir& work) {
  lab::Topology topology;
  topology.underlay_mtu = kUnderlayMtu;
  topology.tenants = {{.name = "bench", .vni = kVni, .format = card_format()}};
  topology.hosts = {
      {.name = "guest",
       .mac = kCardMac,
       .underlay = {std::string(kUnderlayGuest) + "/24"},
       .endpoints =
           {{.vnic = "vnic0", .tenant = "bench", .mac = kGuestMac, .addresses = {kGuestAddress}}}},
      {.name = "peer",
       .mac = "",
       .underlay = {std::string(kUnderlayPeer) + "/24"},
       .endpoints = {
           {.vnic = "peer", .tenant = "bench", .mac = kPeerMac, .addresses = {kPeerAddress}}}}};
  return topology.write_policy("guest", work.path("bench-policy.json"));
}

// The bed's NIC, the device "vnic0", on a netdev whose id is "up0".
std::vector<std::string> nic_of(Bed bed, const lab::WorkDir& work, const std::string& netdev) {
  if (bed != Bed::kCard)
    return {"-netdev", netdev, "-device",
            std::string("e1000e,id=vnic0,netdev=up0,romfile=,mac=") + kGuestMac};
  std::vector<std::string> words = lab::card_with_vnic(netdev, card_policy(work));
  words[3] += ",offload=on";  // as the stock NIC may leave segmentation to a tap, so may the card
  return words;
}

// A partition that can take over "vnic0", whichever NIC that is.
void add_partition(const std::string& console, const std::string& arguments,
                   std::vector<std::string>* devices) {
  const std::vector<std::string> words = {
      "-chardev",
      "file,id=partition,path=" + console,
      "-device",
      "gatehouse-partition,id=p0,cores=1,memory=16M,chardev=partition,firmware=" +
          lab::Build::firmware("interceptor") + ",arguments=" + arguments,
      "-device",
      "gatehouse-redirect,id=r0,partition=p0,device=vnic0",
      "-device",
      "gatehouse-steer,id=s0,partition=p0,device=vnic0"};
  devices->insert(devices->end(), words.begin(), words.end());
}

lab::GuestOptions boot_options(Bed bed, const lab::WorkDir& work, Partition partition) {
  lab::GuestOptions options;
  options.name = std::string(name_of(bed)) + (partition == Partition::kNone ? "-alone" : "-beside");
  options.devices = nic_of(bed, work, "user,id=up0,restrict=on");
  if (partition != Partition::kNone)
    add_partition(work.path(options.name + ".partition"), "start", &options.devices);
  return options;
}

// While it lives, this thread and what it starts have one CPU, the first that they may use.
class OnOneCpu {
 public:
  OnOneCpu() {
    if (sched_getaffinity(0, sizeof before_, &before_) != 0)
      throw lab::Failure("cannot ask which CPUs this process may use");
    int cpu = 0;
    while (!CPU_ISSET(cpu, &before_)) ++cpu;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof before_, &before_); }
  OnOneCpu(const OnOneCpu&) = delete;
  OnOneCpu& operator=(const OnOneCpu&) = delete;

 private:
  cpu_set_t before_;
};

double cpu_seconds_to_ready(lab::Guest& guest) {
  guest.wait_ready();
  return guest.process().cpu_seconds();
}

}  // namespace

double boot(Bed bed, const lab::WorkDir& work, Partition partition) {
  lab::Guest guest(work, boot_options(bed, work, partition));
  guest.wait_ready();
  return guest.seconds_to_ready();
}

std::pair<double, double> boot_at_once(Bed bed, const lab::WorkDir& work) {
  std::optional<lab::Guest> beside, alone;
  {
    const OnOneCpu here;
    beside.emplace(work, boot_options(bed, work, Partition::kHalting));
    alone.emplace(work, boot_options(bed, work, Partition::kNone));
  }
  auto other = std::async(std::launch::async, [&alone] { return cpu_seconds_to_ready(*alone); });
  const double ours = cpu_seconds_to_ready(*beside);
  return {ours, other.get()};
}

TestBed::TestBed(Bed bed, const lab::WorkDir& work, Partition partition)
    : bed_(bed),
      name_(std::string(name_of(bed)) + row_of(partition).name),
      work_(work),
      peer_(std::string("b") + name_of(bed)[0] + row_of(partition).name) {
  const int tap = peer_.open_tap("tap0", kUnderlayMtu, /*vnet_hdr=*/true);
  lab::GuestOptions options;
  options.name = name_;
  const std::string netdev = "tap,id=up0,vhost=off,fd=" + std::to_string(tap);
  options.devices = nic_of(bed_, work_, netdev);
  if (partition != Partition::kNone) {
    const PartitionRow& row = row_of(partition);
    add_partition(work_.path(name_ + ".partition"),
                  row.arguments + (row.inspecting ? ",data=" + write_rule(work_) : ""),
                  &options.devices);
    if (row.counted)
      options.devices.insert(options.devices.end(),
                             {"-plugin", lab::Build::plugin(counting::kFileName)});
  }
  guest_ = std::make_unique<lab::Guest>(work_, options);
  prepare_peer();
  guest_->wait_ready();
  guest_->agent().check("gh-wait carrier eth0 60000", seconds(70));
  prepare_guest();
  load_server_ = peer_.start({lab::Build::guest_images("host/gh-load"), "serve", kLoadPort},
                             work_.path(name_ + ".load"));
  peer_.sh(lab::Build::guest_images("host/gh-wait") + " tcp " + kLoadPort + " 20000");
  guest_->agent().wait_for("ping -c 1 -W 1 " + std::string(kPeerAddress), seconds(60));
}

void TestBed::request(partition::Request request, const char* purpose) {
  guest_->qmp().execute("gatehouse-partition-request",
                        {{"partition", "p0"}, {"request", static_cast<uint32_t>(request)}});
  const auto event = guest_->qmp().wait_event("GATEHOUSE_PARTITION_ANSWER", seconds(20));
  if (!event) throw lab::Failure(name_ + ": the partition does not answer: " + partition_console());
  if (event->at("data").at("answer") != static_cast<uint32_t>(partition::Answer::kDone))
    throw lab::Failure(name_ + ": the partition could not " + purpose + ": " + partition_console());
}

void TestBed::intercept(bool on) {
  if (on) return request(partition::Request::kStart, "take over the NIC");
  request(partition::Request::kStop, "hand back the NIC");
}

// The last lines of the form "  NAME NUMBER" of the console.
std::map<std::string, double> TestBed::interceptor_counts() {
  request(partition::Request::kReport, "report");
  std::istringstream lines(partition_console());
  std::map<std::string, double> counts;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    double value = 0;
    if (line.starts_with("  ") && words >> name >> value) counts[name] = value;
  }
  return counts;
}

std::string TestBed::partition_console() const {
  return lab::read_file(work_.path(name_ + ".partition"));
}

void TestBed::prepare_peer() {
  switch (bed_) {
    case Bed::kCard:
      peer_.sh("ip addr add " + std::string(kUnderlayPeer) + "/24 dev tap0; " + tunnel_peer());
      break;
    case Bed::kStock:
      peer_.sh("ip link set tap0 mtu 1500; ip addr add " + std::string(kPeerAddress) +
               "/24 dev tap0");
      break;
    case Bed::kStockTunnel:
      // See facts of the peer: with a vnet_hdr tap its vxlan device must not leave inner checksums
      // partial.
      peer_.sh("ip addr add " + std::string(kUnderlayPeer) +
               "/24 dev tap0; ip link add tun0 type vxlan id " + std::to_string(kVni) + " remote " +
               kUnderlayGuest +
               " dstport 4789; ip link set tun0 mtu 1500 up; "
               "ethtool -K tun0 tx off tso off gso off; ip addr add " +
               kPeerAddress + "/24 dev tun0");
      break;
  }
}

void TestBed::prepare_guest() {
  lab::Agent& agent = guest_->agent();
  const std::string address = std::string("ip addr add ") + kGuestAddress + "/24 dev ";
  if (bed_ != Bed::kStockTunnel) {
    agent.check(address + "eth0; ip link set eth0 up");
    return;
  }
  agent.check("ip link set eth0 mtu 1600 up; ip addr add " + std::string(kUnderlayGuest) +
              "/24 dev eth0; "
              "modprobe vxlan; ip link add tun0 type vxlan id " +
              std::to_string(kVni) + " remote " + kUnderlayPeer +
              " dstport 4789; ip link set tun0 mtu 1500 up; " + address + "tun0");
  agent.check(
      "nft -f - <<'END'\n"
      "table inet f {\n"
      "  chain in { type filter hook input priority 0; policy drop;\n"
      "    ct state established,related accept\n    ct state invalid drop\n    iif lo accept\n"
      "    udp dport 4789 accept\n    icmp type echo-request accept\n"
      "    iifname tun0 tcp dport 1-65535 ct state new accept\n    iifname tun0 udp dport 1-65535 "
      "ct state new accept\n  }\n"
      "  chain out { type filter hook output priority 0; policy accept; ct state invalid drop\n  "
      "}\n"
      "}\nEND");
}

void TestBed::segmentation_by_nic(bool on) {
  const std::string word = on ? " on" : " off";
  guest_->agent().check("ethtool -K eth0 tso" + word + " gso" + word);
}

double TestBed::load(const std::string& mode) {
  const std::string output = guest_->agent().check(
      "gh-load " + mode + " " + kPeerAddress + " " + kLoadPort + " " + std::to_string(kSeconds),
      seconds(60));
  const json parsed = json::parse(output, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("rate"))
    throw lab::Failure("gh-load printed: " + output);
  return parsed["rate"].get<double>();
}

}  // namespace gatehouse::bench
