// SPDX-License-Identifier: GPL-2.0-or-later
// What the pipeline's taps see goes into a capture file.
#include <algorithm>

#include "hw/card/card.hh"

namespace gatehouse::card {

using pipeline::TapDirection;
using pipeline::TapPoint;

Status Card::start_tap(const std::string& path, std::span<const TapPoint> points,
                       uint64_t max_octets) {
  const Status stopped = stop_tap();
  if (!stopped.ok()) return stopped;
  capture::Options options;
  options.max_octets = max_octets;
  Result<std::unique_ptr<capture::Capture>> tap = capture::Capture::open(path, options);
  if (!tap.ok()) return tap.status();
  tap_ = std::move(tap.value());
  name_tap_ports();
  for (const TapPoint point : points) pipeline_->tap(point, true);
  return {};
}

Status Card::stop_tap() {
  for (unsigned i = 0; i < static_cast<unsigned>(TapPoint::kCount); ++i)
    pipeline_->tap(static_cast<TapPoint>(i), false);
  if (!tap_) return {};
  tap_->close();
  const Status status = tap_->status();
  tap_.reset();
  return status;
}

void Card::name_tap_ports() {
  if (!tap_) return;
  constexpr TapDirection kBoth[] = {TapDirection::kFromGuest, TapDirection::kToGuest};
  for (const auto& port : vnics_) {
    if (!port) continue;
    for (const TapDirection direction : kBoth) {
      tap_->name_port(TapPoint::kGuest, direction, port->index_, port->name_ + " guest");
      tap_->name_port(TapPoint::kInner, direction, port->index_, port->name_ + " inner");
    }
    tap_->name_port(TapPoint::kDrops, TapDirection::kFromGuest, port->index_,
                    port->name_ + " drops");
  }
  for (unsigned i = 0; i < uplinks_.size(); ++i) {
    for (const TapDirection direction : kBoth)
      tap_->name_port(TapPoint::kOuter, direction, i, port_name(false, i) + " outer");
    tap_->name_port(TapPoint::kDrops, TapDirection::kToGuest, i, port_name(false, i) + " drops");
  }
}

void Card::tapped(TapPoint point, TapDirection direction, unsigned port, const OutFrame& frame,
                  spec::DropReason reason) {
  if (tap_) tap_->add(point, direction, port, frame, reason, ports_.clock.now_ns());
}

}  // namespace gatehouse::card
