// SPDX-License-Identifier: GPL-2.0-or-later
// The card's own pipeline with one vnic, whose guest is this program.
#ifndef GATEHOUSE_TOOLS_GATEWAY_OVERLAY_HH_
#define GATEHOUSE_TOOLS_GATEWAY_OVERLAY_HH_

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "hw/card/capture/capture.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/policy/policy.hh"
#include "tools/common/stream.hh"

namespace gatehouse::gateway {

class Overlay final : private pipeline::Sink {
 public:
  // Gets each inner frame for the vnic; may call send(), nothing else.
  using Receiver = std::function<void(std::span<const uint8_t> frame)>;

  // `capture` may be null; it sees outer frames and drops.
  Overlay(Receiver receiver, capture::Capture* capture);

  Status load(const policy::Policy& policy, const std::string& vnic, const MacAddress& mac);
  // All whole frames that the reader has.
  void from_wire(common::FrameReader& reader, int64_t now_ns);
  // An inner frame; leaves with the next drain().
  void send(std::span<const uint8_t> frame);
  void drain(int64_t now_ns);
  int64_t next_tick() const { return pipeline_.next_tick(); }
  void tick(int64_t now_ns);
  uint32_t mtu() const { return pipeline_.overlay_mtu(kVnic); }
  // Outer frames on their way out; the owner flushes it.
  common::FrameWriter& writer() { return writer_; }
  nlohmann::json report() const;

 private:
  static constexpr unsigned kVnic = 0, kUplink = 0;

  void to_uplink(unsigned uplink, std::span<const OutFrame> frames) override;
  void to_vnic(unsigned vnic, std::span<const OutFrame> frames, const Layers& layers, bool checked,
               bool good) override;
  void tapped(pipeline::TapPoint point, pipeline::TapDirection direction, unsigned port,
              const OutFrame& frame, spec::DropReason reason) override;
  void dropped(bool, unsigned, spec::DropReason) override {}

  // A packet of the pool with these octets; null when there is none.
  Packet* packet_of(std::span<const uint8_t> frame);

  Receiver receiver_;
  capture::Capture* capture_;
  PacketPool pool_;
  pipeline::Pipeline pipeline_;
  common::FrameWriter writer_;
  std::vector<Packet*> waiting_;  // from send() to drain()
  std::vector<uint8_t> whole_;    // a delivered frame in one piece
  int64_t now_ns_ = 0;
  uint64_t no_packet_buffer_ = 0;
};

}  // namespace gatehouse::gateway

#endif  // GATEHOUSE_TOOLS_GATEWAY_OVERLAY_HH_
