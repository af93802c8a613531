// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/registers/machine.hh"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "hw/spec/i82574_registers.hh"
#include "tests/registers/probe.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;

constexpr int kFrameLimitMs = 20'000;

sockaddr_un socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw lab::Failure("socket path too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Wire::Wire(const std::string& own_path, std::string peer_path) : peer_path_(std::move(peer_path)) {
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = socket_address(own_path);
  if (fd_ < 0 || bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw lab::Failure("cannot bind " + own_path + ": " + std::strerror(errno));
  }
}

Wire::~Wire() {
  if (fd_ >= 0) close(fd_);
}

void Wire::send(std::span<const uint8_t> frame) {
  if (!send(frame, 0)) {
    throw lab::Failure("cannot send to " + peer_path_ + ": " + std::strerror(errno));
  }
}

void Wire::offer(std::span<const uint8_t> frame) { send(frame, MSG_DONTWAIT); }

bool Wire::send(std::span<const uint8_t> frame, int flags) {
  const sockaddr_un address = socket_address(peer_path_);
  return sendto(fd_, frame.data(), frame.size(), flags, reinterpret_cast<const sockaddr*>(&address),
                sizeof address) >= 0;
}

std::optional<std::vector<uint8_t>> Wire::receive() {
  pollfd waiting{fd_, POLLIN, 0};
  if (poll(&waiting, 1, kFrameLimitMs) <= 0) return std::nullopt;
  std::vector<uint8_t> frame(70'000);
  const ssize_t length = recv(fd_, frame.data(), frame.size(), 0);
  if (length < 0) return std::nullopt;
  frame.resize(static_cast<size_t>(length));
  return frame;
}

bool Wire::idle() {
  pollfd waiting{fd_, POLLIN, 0};
  return poll(&waiting, 1, 0) == 0;
}

std::string halting_rom() {
  std::string rom;
  while (rom.size() < 65536) rom += "\xfa\xf4\xeb\xfd";
  return rom;
}

json Machine::default_policy() {
  return {{"uplinks",
           {{{"name", "uplink0"},
             {"mac", "02:00:00:00:00:01"},
             {"addresses", {"10.1.0.1/24"}},
             {"neighbours", {{{"address", "10.1.0.2"}, {"mac", "02:00:00:00:00:02"}}}}}}},
          {"tenants", {{{"name", "red"}, {"vni", 5001}, {"format", "vxlan"}}}},
          {"vnics",
           {{{"name", "vnic0"},
             {"tenant", "red"},
             {"mac", "52:54:00:00:00:01"},
             {"addresses", {"192.168.0.1"}}}}},
          {"mappings",
           {{{"tenant", "red"},
             {"destination", "192.168.0.2"},
             {"mac", "52:54:00:00:00:02"},
             {"peer", "10.1.0.2"}}}}};
}

Machine::Machine(MachineOptions options) : work_(options.name) {
  const std::string policy = work_.path("policy.json");
  lab::write_file(policy, (options.policy.is_null() ? default_policy() : options.policy).dump());
  const std::string near = work_.path("near"), far = work_.path("far");
  wire_ = std::make_unique<Wire>(far, near);
  std::vector<std::string> command = {
      lab::Build::qemu(),
      "-M",
      "q35",
      "-accel",
      options.partition ? "tcg" : "qtest",
      "-m",
      "64",
      "-nodefaults",
      "-vga",
      "none",
      "-display",
      "none",
      "-qmp",
      "unix:" + work_.path("qmp") + ",server=on,wait=off",
      "-qtest",
      "unix:" + work_.path("qtest") + ",server=on,wait=off",
      "-qtest-log",
      "none",
      "-netdev",
      "dgram,id=up0,local.type=unix,local.path=" + near + ",remote.type=unix,remote.path=" + far,
      "-device",
      "gatehouse-card,id=card0,uplink0=up0,policy=" + policy + options.card};
  for (const std::string& word : lab::Build::firmware_path()) command.push_back(word);
  if (options.partition) {
    const std::string halt = work_.path("halt");
    lab::write_file(halt, halting_rom());
    command.insert(
        command.end(),
        {"-bios", halt, "-chardev",
         "socket,id=probe,path=" + work_.path("probe") + ",server=on,wait=off", "-device",
         "gatehouse-partition,id=p0,chardev=probe,memory=16M,firmware=" + Probe::firmware() +
             options.partition_more});
  }
  if (options.vnic_present) {
    command.insert(command.end(),
                   {"-device", "gatehouse-vnic,id=vnic0,card=card0,romfile=" + options.vnic});
  }
  if (!options.incoming.empty()) command.insert(command.end(), {"-incoming", "defer"});
  command.insert(command.end(), options.more.begin(), options.more.end());
  process_ = std::make_unique<lab::Process>(command, work_.path("log"));
  qmp_.connect(work_.path("qmp"), std::chrono::seconds(30));
  bus_.connect(work_.path("qtest"));
  // Only now: QEMU ends when it refuses what comes in.
  if (!options.incoming.empty()) qmp_.execute("migrate-incoming", {{"uri", options.incoming}});
}

uint32_t Machine::config_read(unsigned device, unsigned offset, unsigned size) {
  bus_.out(0xcf8, 0x80000000u | device << 11 | (offset & 0xfc), 4);
  return bus_.in(static_cast<uint16_t>(0xcfc + (offset & 3)), size);
}

void Machine::config_write(unsigned device, unsigned offset, uint32_t value, unsigned size) {
  bus_.out(0xcf8, 0x80000000u | device << 11 | (offset & 0xfc), 4);
  bus_.out(static_cast<uint16_t>(0xcfc + (offset & 3)), value, size);
}

uint32_t Machine::extended_read(unsigned device, unsigned offset) {
  // PCIEXBAR of the host bridge: 256 MiB, enabled (Q35 data sheet 5.1.16).
  config_write(0, 0x60, static_cast<uint32_t>(kMmconfig) | 1, 4);
  return static_cast<uint32_t>(bus_.read(kMmconfig + (device << 15) + offset, 4));
}

void Machine::place_bars(unsigned device) {
  config_write(device, 0x10, kMemoryBar, 4);
  config_write(device, 0x14, kFlashBar, 4);
  config_write(device, 0x18, kIoBar, 4);
  config_write(device, 0x1c, kMsixBar, 4);
  config_write(device, 0x04, 7, 2);  // I/O, memory, bus master
}

json Machine::card(bool all_drops) {
  const json cards = qmp_.execute("query-gatehouse", {{"all-drops", all_drops}});
  if (cards.size() != 1)
    throw lab::Failure("query-gatehouse does not show one card: " + cards.dump());
  return cards[0];
}

json Machine::vnic() {
  const json state = card();
  if (state["vnics"].size() != 1)
    throw lab::Failure("the card does not have one vnic: " + state.dump());
  return state["vnics"][0];
}

uint64_t Machine::drops(const std::string& reason) {
  const json state = card(true);
  for (const json& row : state["drops"]) {
    if (row["reason"] == reason) return row["count"];
  }
  throw lab::Failure("no drop reason is named " + reason);
}

void Machine::save(const std::string& path) {
  qmp_.execute("stop");
  save_running(path);
}

void Machine::save_running(const std::string& path) {
  qmp_.execute("migrate", {{"uri", "file:" + path}});
  if (!migrated()) throw lab::Failure("no state was saved: " + process_->log());
}

bool Machine::load() { return migrated(); }

bool Machine::migrated() {
  std::string status;
  const bool ended = wait([&] {
    status = qmp_.execute("query-migrate").value("status", "");
    return status == "completed" || status == "failed";
  });
  return ended && status == "completed";
}

void Machine::wait_received(uint64_t frames) {
  if (!wait([&] { return card()["uplinks"][0]["counters"]["rx_frames"] >= frames; })) {
    throw lab::Failure("the card did not take " + std::to_string(frames) + " frames from the wire");
  }
}

}  // namespace gatehouse::registers
