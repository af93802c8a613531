// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/native_bed.hh"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <functional>

namespace gatehouse::peers {
namespace {

using test::Bytes;

constexpr unsigned kOverlayMtu = 1500, kUnderlayMtu = 1700;

// All that a tap has.
void drain(int tap, const std::function<void(const Bytes&)>& take) {
  Bytes frame(2048);
  while (true) {
    frame.resize(2048);
    const ssize_t octets = read(tap, frame.data(), frame.size());
    if (octets <= 0) return;
    frame.resize(static_cast<size_t>(octets));
    take(frame);
  }
}

// A full or closed tap loses frames, as a wire may.
void put(int tap, const Bytes& frame) {
  if (write(tap, frame.data(), frame.size()) < 0) return;
}

}  // namespace

NativeBed::NativeBed(const policy::Policy& policy)
    : vnic_(guest_.open_tap("eth0", kOverlayMtu, /*vnet_hdr=*/false)),
      wire_(peer_.open_tap("wire0", kUnderlayMtu, /*vnet_hdr=*/false)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      card_(policy) {
  guest_.sh(
      "ip link set eth0 address 52:54:00:00:00:01; ip addr add 10.0.0.1/24 dev eth0; "
      "ip addr add fd00::1/64 dev eth0 nodad");
  peer_.sh(std::string("ip link set wire0 address ") + test::kMacB +
           "; ip addr add 192.0.2.2/24 dev wire0; ip addr add 2001:db8::2/64 dev wire0 nodad");
  thread_ = std::thread([this] { pump(); });
}

NativeBed::~NativeBed() {
  eventfd_write(stop_, 1);
  thread_.join();
  close(stop_);
}

void NativeBed::pump() {
  pollfd ready[] = {{vnic_, POLLIN, 0}, {wire_, POLLIN, 0}, {stop_, POLLIN, 0}};
  while (poll(ready, std::size(ready), -1) > 0 && ready[2].revents == 0) {
    card_.now =
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
    drain(vnic_, [this](const Bytes& frame) {
      card_.from_vnic(0, frame);
      hand_on();
    });
    drain(wire_, [this](const Bytes& frame) {
      card_.from_wire(frame);
      hand_on();
    });
  }
}

void NativeBed::hand_on() {
  for (const test::SentFrame& sent : card_.sink.sent) put(wire_, sent.frame);
  for (const test::VnicFrame& frame : card_.sink.received) put(vnic_, frame.frame);
  card_.sink.clear();
}

}  // namespace gatehouse::peers
