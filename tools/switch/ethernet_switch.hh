// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_SWITCH_ETHERNET_SWITCH_HH_
#define GATEHOUSE_TOOLS_SWITCH_ETHERNET_SWITCH_HH_

#include <poll.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <vector>

#include "hw/card/capture/capture.hh"
#include "tools/common/descriptor.hh"
#include "tools/common/stream.hh"
#include "tools/switch/delay_line.hh"
#include "tools/switch/mac_table.hh"

namespace gatehouse::ethernet_switch {

struct SwitchOptions {
  double loss = 0;  // share of frames that are lost on purpose, 0-1
  int64_t delay_ms = 0;
  uint64_t seed = 1;  // of the loss; the same seed loses the same frames
  unsigned max_ports = 128;
};

// Ports are stream sockets. The owner polls them and calls in; a call never blocks.
class EthernetSwitch {
 public:
  // `capture` may be null; it sees each frame once, when it comes in.
  EthernetSwitch(const SwitchOptions& options, capture::Capture* capture);

  // False: no port is free; the socket is closed.
  bool add_port(common::Descriptor socket);
  // One entry for each port, in the order that poll_done() expects.
  void poll_fill(std::vector<pollfd>& fds) const;
  // What poll() said about these entries.
  void poll_done(std::span<const pollfd> fds, int64_t now_ms);
  // Delayed frames whose time has come.
  void tick(int64_t now_ms);
  std::optional<int64_t> next_tick_ms() const { return delay_.next_due_ms(); }
  nlohmann::json report(int64_t now_ms) const;
  size_t ports() const { return ports_.size(); }

 private:
  struct Port {
    unsigned number = 0;
    common::Descriptor socket;
    common::FrameReader reader;
    common::FrameWriter writer;
    uint64_t rx_frames = 0, rx_octets = 0, tx_frames = 0, tx_octets = 0;
    bool dirty = false;
    bool gone = false;
  };

  void read_port(Port& port, int64_t now_ms);
  void take(Port& from, const common::FramedFrame& frame, int64_t now_ms);
  void forward(unsigned from, const common::FramedFrame& frame, int64_t now_ms);
  void send(Port& to, const common::FramedFrame& frame);
  void flush_dirty();
  void remove_gone();
  bool lost();

  SwitchOptions options_;
  capture::Capture* capture_;
  MacTable macs_;
  DelayLine delay_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<unsigned> numbers_free_;
  uint64_t runts_ = 0, lost_ = 0, flooded_ = 0, refused_ports_ = 0, broken_streams_ = 0,
           delay_full_ = 0, closed_ports_ = 0;
  uint64_t dropped_of_closed_ = 0;
};

}  // namespace gatehouse::ethernet_switch

#endif  // GATEHOUSE_TOOLS_SWITCH_ETHERNET_SWITCH_HH_
