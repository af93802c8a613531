// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/demo/demo.hh"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tools/demo/scene.hh"
#include "tools/lab/apart.hh"
#include "tools/lab/deadline.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/run_lock.hh"
#include "tools/report/capture_file.hh"
#include "tools/report/terminal.hh"

namespace gatehouse::demo {
namespace {

using nlohmann::json;
using report::Style;
using report::Terminal;
using std::chrono::seconds;

constexpr int kStreamSeconds = 3;

std::string first_line_with(const std::string& text, const std::string& word) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(word) != std::string::npos) return line;
  }
  return "";
}

std::string number(double value, int digits, const std::string& unit) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %s", digits, value, unit.c_str());
  return text;
}

uint64_t drops_of(const json& card, const std::string& reason) {
  for (const json& drop : card.value("drops", json::array())) {
    if (drop.value("reason", "") == reason) return drop.value("count", uint64_t{0});
  }
  return 0;
}

class Demo {
 public:
  Demo(Scene& scene, Terminal& terminal) : scene_(scene), terminal_(terminal) {}

  bool run() {
    buses();
    reach();
    streams();
    spoof();
    scene_.stop_captures();
    encapsulation();
    counters();
    files();
    return all_held_;
  }

 private:
  void claim(bool held, const std::string& what, const std::string& seen) {
    all_held_ = all_held_ && held;
    terminal_.mark(held, what, seen);
  }

  void buses() {
    terminal_.heading("What each guest sees on its bus (lspci)");
    for (lab::Guest* guest : {&scene_.red1(), &scene_.red2(), &scene_.blue()}) {
      const std::string bus = guest->agent().check("lspci -nn");
      const size_t functions = std::count(bus.begin(), bus.end(), '\n');
      const std::string nic = first_line_with(bus, "8086:10d3");
      claim(!nic.empty() && bus.find("1b36") == std::string::npos, guest->name(), nic);
      terminal_.line(
          terminal_.styled(Style::kDim, "    of " + std::to_string(functions) +
                                            " functions; the rest is the q35 chipset. No card, no "
                                            "partition, no second function."));
    }
  }

  void ping(lab::Guest& guest, const std::string& prefix, const std::string& from,
            const std::string& address, bool expected) {
    const lab::CommandResult result =
        guest.agent().run(prefix + "ping -c 3 -i 0.2 -W 2 " + address, seconds(20));
    const bool answered = result.exit_status == 0;
    std::string seen = first_line_with(result.output, answered ? "rtt" : "packets transmitted");
    claim(answered == expected, from + " pings " + address + (expected ? "" : " (must fail)"),
          seen);
  }

  void who(lab::Guest& guest, const std::string& prefix, const std::string& from,
           const std::string& address, const std::string& expected) {
    std::string name =
        guest.agent().check(prefix + "timeout 10 bash -c 'exec 3<>/dev/tcp/" + address +
                                "/7; echo GET /name HTTP/1.0 >&3; echo >&3; cat <&3' | tail -n 1",
                            seconds(20));
    name.erase(name.find_last_not_of(" \r\n") + 1);
    claim(name == expected, from + " asks " + address + " for its name", "\"" + name + "\"");
  }

  void reach() {
    terminal_.heading("Two tenants, the same addresses: each reaches its own peer only");
    const std::string second = "ip netns exec second ";
    ping(scene_.red1(), "", "red-1", kSecond, true);
    ping(scene_.blue(), "", "blue-1", kSecond, true);
    who(scene_.red2(), "", "red-2", kFirst, "red-1");
    who(scene_.blue(), second, "blue-2", kFirst, "blue-1");
    const uint64_t before = drops_of(Scene::card(scene_.red1()), "unknown_arp_target");
    ping(scene_.red1(), "", "red-1", kBlueOnly, false);
    const uint64_t dropped = drops_of(Scene::card(scene_.red1()), "unknown_arp_target") - before;
    claim(dropped > 0, "  because its tenant has no such mapping",
          std::to_string(dropped) + " ARP requests dropped: unknown_arp_target, nobody was asked");
  }

  void streams() {
    terminal_.heading("TCP through the cards (iperf3, Geneve, anti-spoofing on, TCG)");
    stream(scene_.red1(), scene_.red2(), "red-1 > red-2, two cards, on the wire");
    stream_inside_blue();
  }

  void stream(lab::Guest& from, lab::Guest& to, const std::string& what) {
    const lab::Agent::Job server = to.agent().start("iperf3 -s -1 -p 5201 --forceflush");
    to.agent().expect(server, "listening", seconds(20));
    report_stream(from.agent().check("iperf3 -J -c " + std::string(kSecond) + " -t " +
                                         std::to_string(kStreamSeconds),
                                     seconds(60)),
                  what);
    to.agent().finish(server, seconds(20));
  }

  void stream_inside_blue() {
    lab::Agent& agent = scene_.blue().agent();
    const lab::Agent::Job server = agent.start("ip netns exec second iperf3 -s -1 --forceflush");
    agent.expect(server, "listening", seconds(20));
    report_stream(agent.check("iperf3 -J -c " + std::string(kSecond) + " -t " +
                                  std::to_string(kStreamSeconds),
                              seconds(60)),
                  "blue-1 > blue-2, two vnics of one card");
    agent.finish(server, seconds(20));
  }

  void report_stream(const std::string& output, const std::string& what) {
    const json result = json::parse(output, nullptr, false);
    const json end = result.is_object() ? result.value("end", json::object()) : json::object();
    const double bits = end.value("/sum_received/bits_per_second"_json_pointer, 0.0);
    const double resent = end.value("/sum_sent/retransmits"_json_pointer, 0.0);
    claim(bits > 1e6, what,
          number(bits / 1e6, 0, "Mb/s") + ", " + number(resent, 0, "segments resent"));
  }

  void spoof() {
    terminal_.heading("A guest lies about its address");
    const uint64_t before = drops_of(Scene::card(scene_.red1()), "spoofed_ipv4");
    const uint64_t arrived = rx_frames(scene_.red2());
    // A UDP datagram to red-2 with red-1's MAC but 192.168.0.66 as its source.
    scene_.red1().agent().check(
        "gh-frames send eth0 5254000000025254000000010800"
        "45000020000040004011b938c0a80042c0a8000210001000000c0000676f7463");
    const json card = Scene::card(scene_.red1());
    const uint64_t dropped = drops_of(card, "spoofed_ipv4") - before;
    claim(dropped == 1, "red-1 sends from 192.168.0.66",
          std::to_string(dropped) + " frame dropped: spoofed_ipv4");
    claim(rx_frames(scene_.red2()) == arrived, "  red-2 received nothing",
          "its vnic's counter did not move");
  }

  static uint64_t rx_frames(lab::Guest& guest) {
    return Scene::card(guest).at("vnics").at(0).at("counters").value("rx_frames", uint64_t{0});
  }

  void encapsulation() {
    terminal_.heading("One frame before and after encapsulation");
    const std::vector<report::CapturedFrame> frames = report::read_capture(scene_.capture("red-1"));
    // An ICMP echo request and the same octets at the end of an outer frame.
    for (const report::CapturedFrame& inner : frames) {
      if (inner.octets.size() < 42 || inner.octets[12] != 8 || inner.octets[23] != 1 ||
          inner.octets[34] != 8)
        continue;
      const auto outer =
          std::find_if(frames.begin(), frames.end(), [&](const report::CapturedFrame& frame) {
            return frame.octets.size() > inner.octets.size() &&
                   std::equal(
                       inner.octets.begin(), inner.octets.end(),
                       frame.octets.end() - static_cast<std::ptrdiff_t>(inner.octets.size()));
          });
      if (outer == frames.end()) continue;
      terminal_.line("as the guest sent it (" + std::to_string(inner.octets.size()) + " octets)");
      terminal_.block(report::decode_frame(inner.octets));
      terminal_.line("as it left the card (" + std::to_string(outer->octets.size()) + " octets)");
      terminal_.block(report::decode_frame(outer->octets));
      return;
    }
    claim(false, "an encapsulated echo request", "not found in " + scene_.capture("red-1"));
  }

  void counters() {
    terminal_.heading("Counters (QMP query-gatehouse)");
    Terminal::Table table{{"card / vnic", "tenant", "frames out", "super-frames", "encapsulated",
                           "local", "frames in", "answers", "drops"},
                          {}};
    Terminal::Table drops{{"card", "drop reason", "count", "meaning"}, {}};
    for (lab::Guest* guest : {&scene_.red1(), &scene_.red2(), &scene_.blue()}) {
      const json card = Scene::card(*guest);
      for (const json& vnic : card.at("vnics")) {
        const auto count = [&](const char* name) {
          return std::to_string(vnic.at("counters").value(name, uint64_t{0}));
        };
        table.rows.push_back({guest->name() + " / " + vnic.value("name", ""),
                              vnic.value("tenant", ""), count("tx_frames"),
                              count("tx_super_frames"), count("tx_encapsulated"), count("tx_local"),
                              count("rx_frames"), count("answers"), count("tx_drops")});
      }
      for (const json& drop : card.value("drops", json::array())) {
        drops.rows.push_back({guest->name(), drop.value("reason", ""),
                              std::to_string(drop.value("count", uint64_t{0})),
                              drop.value("text", "")});
      }
    }
    terminal_.table(table);
    terminal_.line();
    terminal_.table(drops);
  }

  void files() {
    terminal_.heading("To look at yourself");
    for (const char* guest : {"red-1", "red-2", "blue"}) {
      terminal_.line(scene_.capture(guest) +
                     "   pcapng: guest side, wire side, drops with their reasons");
    }
    terminal_.line(
        "the policies of the cards are beside them; tshark -r, Wireshark, tcpdump -r read the "
        "captures");
  }

  Scene& scene_;
  Terminal& terminal_;
  bool all_held_ = true;
};

int show() {
  Terminal terminal(stdout);
  const auto start = lab::Deadline::Clock::now();
  terminal.title("Gatehouse",
                 "three guests, three cards, two tenants with the same addresses; no root, no KVM");
  try {
    const std::string folder = lab::Build::directory() + "/demo";
    std::filesystem::remove_all(folder);
    terminal.line("booting three unmodified Debian guests, each on a card of its own ...");
    Scene scene(folder);
    terminal.line("booted, links up after " + number(lab::seconds_since(start), 1, "s"));
    const bool held = Demo(scene, terminal).run();
    terminal.line();
    terminal.mark(held, held ? "everything above was seen in this run" : "not everything held",
                  number(lab::seconds_since(start), 1, "s in all"));
    return held ? 0 : 1;
  } catch (const lab::Failure& failure) {
    std::fprintf(stderr, "gatehouse demo: %s\n", failure.what());
    return 1;
  }
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    std::fprintf(stderr, "gatehouse demo: takes no arguments\n");
    return 2;
  }
  const lab::RunLock lock("demo");
  const lab::WorkDir work("run");
  return lab::run_apart(work, show);
}

}  // namespace gatehouse::demo
