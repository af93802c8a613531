// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/switch/ethernet_switch.hh"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>

namespace gatehouse::ethernet_switch {
namespace {

constexpr size_t kEthernetHeader = 14;
constexpr size_t kSource = 6;  // offset

int64_t calendar_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

EthernetSwitch::EthernetSwitch(const SwitchOptions& options, capture::Capture* capture)
    : options_(options), capture_(capture), delay_(options.delay_ms), random_(options.seed) {
  // Taken from the back: port 0 first.
  for (unsigned number = options.max_ports; number-- > 0;) numbers_free_.push_back(number);
}

bool EthernetSwitch::add_port(common::Descriptor socket) {
  if (numbers_free_.empty()) {
    ++refused_ports_;
    return false;
  }
  auto port = std::make_unique<Port>();
  port->number = numbers_free_.back();
  numbers_free_.pop_back();
  port->socket = std::move(socket);
  ports_.push_back(std::move(port));
  return true;
}

void EthernetSwitch::poll_fill(std::vector<pollfd>& fds) const {
  for (const std::unique_ptr<Port>& port : ports_) {
    const short events = port->writer.wants_write() ? POLLIN | POLLOUT : POLLIN;
    fds.push_back({port->socket.get(), events, 0});
  }
}

void EthernetSwitch::poll_done(std::span<const pollfd> fds, int64_t now_ms) {
  assert(fds.size() <= ports_.size());
  for (size_t i = 0; i < fds.size(); ++i) {
    if ((fds[i].revents & POLLOUT) != 0) ports_[i]->dirty = true;
  }
  flush_dirty();
  for (size_t i = 0; i < fds.size(); ++i) {
    if ((fds[i].revents & ~POLLOUT) != 0) read_port(*ports_[i], now_ms);
  }
  remove_gone();
}

void EthernetSwitch::read_port(Port& port, int64_t now_ms) {
  if (port.gone) return;
  using State = common::FrameReader::State;
  port.reader.fill(port.socket.get());
  common::FramedFrame frame;
  while (port.reader.next(frame)) take(port, frame, now_ms);
  // Before the reader's memory is used again.
  flush_dirty();
  if (port.reader.state() == State::kOpen) return;
  port.gone = true;
  broken_streams_ += port.reader.state() == State::kBroken;
}

bool EthernetSwitch::lost() {
  if (options_.loss <= 0) return false;
  return std::uniform_real_distribution<double>(0, 1)(random_) < options_.loss;
}

void EthernetSwitch::take(Port& from, const common::FramedFrame& frame, int64_t now_ms) {
  const std::span<const uint8_t> octets = frame.frame();
  ++from.rx_frames;
  from.rx_octets += octets.size();
  if (octets.size() < kEthernetHeader) {
    ++runts_;
    return;
  }
  if (capture_) {
    capture_->add(capture::TapPoint::kOuter, capture::TapDirection::kFromGuest, from.number,
                  OutFrame{{octets.data(), static_cast<uint32_t>(octets.size())}, {}},
                  spec::DropReason::none, calendar_ns());
  }
  macs_.learn(MacAddress::from(octets.data() + kSource), from.number, now_ms);
  if (lost()) {
    ++lost_;
  } else if (options_.delay_ms > 0) {
    delay_full_ += !delay_.put(from.number, frame.framed, now_ms);
  } else {
    forward(from.number, frame, now_ms);
  }
}

void EthernetSwitch::forward(unsigned from, const common::FramedFrame& frame, int64_t now_ms) {
  const MacAddress destination = MacAddress::from(frame.frame().data());
  const std::optional<unsigned> known =
      destination.is_multicast() ? std::nullopt : macs_.find(destination, now_ms);
  flooded_ += !known;
  for (const std::unique_ptr<Port>& port : ports_) {
    if (port->number == from || port->gone) continue;
    if (!known || *known == port->number) send(*port, frame);
  }
}

void EthernetSwitch::send(Port& to, const common::FramedFrame& frame) {
  to.writer.add(frame);
  to.dirty = true;
  ++to.tx_frames;
  to.tx_octets += frame.frame().size();
}

void EthernetSwitch::flush_dirty() {
  for (const std::unique_ptr<Port>& port : ports_) {
    if (!std::exchange(port->dirty, false) || port->gone) continue;
    port->gone = !port->writer.flush(port->socket.get());
  }
}

void EthernetSwitch::remove_gone() {
  for (const std::unique_ptr<Port>& port : ports_) {
    if (!port->gone) continue;
    macs_.forget_port(port->number);
    numbers_free_.push_back(port->number);
    dropped_of_closed_ += port->writer.dropped();
    ++closed_ports_;
  }
  std::erase_if(ports_, [](const std::unique_ptr<Port>& port) { return port->gone; });
}

void EthernetSwitch::tick(int64_t now_ms) {
  while (std::optional<DelayLine::Entry> entry = delay_.take_due(now_ms)) {
    forward(entry->port, {entry->framed}, now_ms);
    flush_dirty();  // the entry's memory ends here
  }
  remove_gone();
}

nlohmann::json EthernetSwitch::report(int64_t now_ms) const {
  nlohmann::json ports = nlohmann::json::array();
  uint64_t dropped = dropped_of_closed_;
  for (const std::unique_ptr<Port>& port : ports_) {
    dropped += port->writer.dropped();
    ports.push_back({{"port", port->number},
                     {"rx_frames", port->rx_frames},
                     {"rx_octets", port->rx_octets},
                     {"tx_frames", port->tx_frames - port->writer.dropped()},
                     {"tx_octets", port->tx_octets},
                     {"tx_dropped", port->writer.dropped()}});
  }
  return {{"ports", ports},
          {"addresses", macs_.size(now_ms)},
          {"flooded", flooded_},
          {"runts", runts_},
          {"lost_on_purpose", lost_},
          {"dropped_port_full", dropped},
          {"dropped_delay_full", delay_full_},
          {"ports_refused", refused_ports_},
          {"ports_closed", closed_ports_},
          {"streams_broken", broken_streams_}};
}

}  // namespace gatehouse::ethernet_switch
