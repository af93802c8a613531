// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/scenarios/intercepted.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tools/lab/failure.hh"

namespace gatehouse::scenarios {

using partition::Answer, partition::Request;
using std::chrono::seconds;

std::string name_of(Nic nic) { return nic == Nic::kVnic ? "vnic" : "e1000e"; }

std::vector<std::string> interceptor(const std::string& device, const std::string& console,
                                     const std::string& more) {
  lab::write_file(console, "");
  return {"-chardev",
          "file,id=p0c,path=" + console,
          "-device",
          "gatehouse-partition,id=p0,chardev=p0c,memory=16M,firmware=" +
              lab::Build::firmware("interceptor") + more,
          "-device",
          "gatehouse-redirect,id=r0,partition=p0,device=" + device,
          "-device",
          "gatehouse-steer,id=s0,partition=p0,device=" + device};
}

Answer request(lab::Guest& guest, Request what) {
  guest.qmp().execute("gatehouse-partition-request",
                      {{"partition", "p0"}, {"request", static_cast<uint32_t>(what)}});
  const auto event = guest.qmp().wait_event("GATEHOUSE_PARTITION_ANSWER", seconds(20));
  if (!event) throw lab::Failure("the partition does not answer");
  return static_cast<Answer>(event->at("data").at("answer").get<uint32_t>());
}

Intercepted::Intercepted(Nic nic, const std::string& more, const std::vector<std::string>& devices)
    : nic_(nic), more_(more), devices_(devices), topology_(pair_topology({})) {
  underlay_ = std::make_unique<lab::Process>(
      std::vector<std::string>{lab::Build::tool(), "switch", "--listen",
                               "unix:" + work_.path("net")},
      work_.path("switch.log"));
  guest_ = start("left", guest_name_);
  peer_ = start("right", "right");
  for (lab::Guest* guest : {guest_.get(), peer_.get()}) {
    guest->wait_ready();
    wait_for_carrier(*guest);
  }
}

std::unique_ptr<lab::Guest> Intercepted::start(const std::string& side, const std::string& name,
                                               const std::string& incoming) {
  const bool left = side == "left";
  const std::string netdev = lab::stream_netdev("up0", work_.path("net"));
  lab::GuestOptions options;
  options.name = name;
  options.memory_mib = 384;
  options.incoming = incoming;
  options.append = "gh.hostname=" + side + " gh.ip=" + (left ? kLeft4 : kRight4) + "/24";
  if (nic_ == Nic::kVnic) {
    options.devices =
        lab::card_with_vnic(netdev, topology_.write_policy(side, work_.path(side + ".json")));
  } else {
    options.devices = {
        "-netdev", netdev, "-device",
        std::string("e1000e,id=vnic0,netdev=up0,romfile=,mac=") + (left ? kLeftMac : kRightMac)};
  }
  if (left) {
    const std::vector<std::string> words = interceptor("vnic0", console(), more_);
    options.devices.insert(options.devices.end(), words.begin(), words.end());
    options.devices.insert(options.devices.end(), devices_.begin(), devices_.end());
  }
  return std::make_unique<lab::Guest>(work_, options);
}

// The firmware's last words are on the console before its answer is.
std::map<std::string, uint64_t> Intercepted::report() {
  if (request(guest(), Request::kReport) != Answer::kDone) throw lab::Failure("no report");
  std::map<std::string, uint64_t> counts;
  std::istringstream lines(lab::read_file(console()));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("interceptor: st"))
      counts["started"] = line.starts_with("interceptor: started");
    const size_t space = line.rfind(' ');
    if (line.starts_with("  ") && space > 2)
      counts[line.substr(2, space - 2)] = std::strtoull(line.c_str() + space, nullptr, 10);
  }
  return counts;
}

void Intercepted::move() {
  const std::string image = work_.path(guest_name_ + ".state");
  guest().qmp().execute("migrate", {{"uri", "file:" + image}});
  if (!eventually(
          [&] { return guest().qmp().execute("query-migrate").value("status", "") == "completed"; },
          seconds(60)))
    throw lab::Failure(guest().qmp().execute("query-migrate").dump());
  guest().qmp().execute("quit");
  guest().process().wait(seconds(30));
  guest_name_ += "-on";
  guest_ = start("left", guest_name_, "file:" + image);
  if (!eventually(
          [&] { return guest().qmp().execute("query-status").value("status", "") == "running"; },
          seconds(60)))
    throw lab::Failure("it does not run: " + guest().process().log());
  guest().wait_ready();
}

Pinged::Pinged(const std::string& output) {
  uint64_t in_the_end = 0;
  for (const auto& [words, count] : {std::pair{" packets transmitted", &sent},
                                     {" received,", &received},
                                     {" received in the end", &in_the_end},
                                     {" duplicates", &duplicates}}) {
    const size_t end = output.find(words);
    if (end == std::string::npos || end == 0) continue;
    const size_t before = output.find_last_not_of("0123456789", end - 1);
    *count =
        std::strtoull(output.c_str() + (before == std::string::npos ? 0 : before + 1), nullptr, 10);
  }
  // An answer to an earlier ping may be among them.
  received = std::max(received, std::min(in_the_end, sent));
}

// ping itself waits two round trips for the last answers, which a busy host may exceed: the kernel
// counts those that come later, too.
std::string ping(unsigned times, const std::string& more) {
  const std::string count = std::to_string(times);
  return "{ answers() { grep ^Icmp: /proc/net/snmp | tail -n 1 | cut -d ' ' -f 11; }; "
         "before=$(answers); ping -q -i 0.02 -W 10 -c " +
         count + " " + more + " " + kRight4 +
         "; status=$?; for try in $(seq 30); do [ $(($(answers) - before)) -ge " + count +
         " ] && break; sleep 0.1; done; echo \"$(($(answers) - before)) received in the end\"; "
         "(exit $status); }";
}

void expect_no_loss(const lab::CommandResult& result) {
  const Pinged pinged(result.output);
  EXPECT_GT(pinged.sent, 0u) << result.output;
  EXPECT_EQ(pinged.received, pinged.sent) << result.output;
  EXPECT_EQ(pinged.duplicates, 0u) << result.output;
}

}  // namespace gatehouse::scenarios
