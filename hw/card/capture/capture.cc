// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/capture/capture.hh"

#include <algorithm>
#include <utility>

#include "hw/card/capture/file_sink.hh"

namespace gatehouse::capture {
namespace {

constexpr size_t kBufferOctets = 256 * 1024;
constexpr uint64_t kLeastLimit = 64 * 1024;
// Description with names, and statistics at the end: kept free for each interface when the limit is
// looked at.
constexpr size_t kInterfaceReserve = 512;
constexpr size_t kMaxNameOctets = 128;

struct PointRow {
  const char* name;
  const char* description;
};
constexpr PointRow kPoints[] = {
    {"guest", "between the guest and the card"},
    {"inner", "inside the card, without the tunnel's headers"},
    {"outer", "on the underlay"},
    {"drops", "dropped frames; the comment tells why"},
};
static_assert(std::size(kPoints) == static_cast<size_t>(TapPoint::kCount));

const PointRow& row_of(TapPoint point) { return kPoints[static_cast<size_t>(point)]; }

// One interface for each point and port; drops of vnics and uplinks are apart, as their ports are
// numbered apart.
uint32_t key_of(TapPoint point, TapDirection direction, unsigned port) {
  const bool uplink_drop = point == TapPoint::kDrops && direction == TapDirection::kToGuest;
  return static_cast<uint32_t>(point) << 24 | uint32_t{uplink_drop} << 23 | (port & 0x7fffff);
}

constexpr uint32_t kNobody = UINT32_MAX;  // no port's key

std::string default_name(TapPoint point, TapDirection direction, unsigned port) {
  std::string name = row_of(point).name;
  if (point == TapPoint::kDrops)
    name += direction == TapDirection::kFromGuest ? "-vnic" : "-uplink";
  return name + std::to_string(port);
}

std::string comment_of(spec::DropReason reason) {
  const spec::DropReasonRow* row = spec::drop_row(reason);
  if (!row) return {};
  return std::string(row->name) + ": " + row->text + " (stage " + spec::stage_name(row->stage) +
         ")";
}

}  // namespace

Result<std::unique_ptr<Capture>> Capture::open(const std::string& path, const Options& options) {
  if (options.max_octets < kLeastLimit)
    return Status::error(path + ": a capture needs a limit of at least 65536 octets; raise it");
  if (options.snap_length == 0)
    return Status::error(path + ": a snap length of 0 keeps nothing; write at least 1");
  Result<std::unique_ptr<FileSink>> sink = FileSink::create(path);
  if (!sink.ok()) return sink.status();
  auto capture = std::make_unique<Capture>(std::move(sink.value()), options);
  capture->flush();  // so that a full disk is told now
  if (!capture->status().ok()) return capture->status();
  return Result<std::unique_ptr<Capture>>(std::move(capture));
}

Capture::Capture(std::unique_ptr<ByteSink> sink, const Options& options)
    : sink_(std::move(sink)), options_(options) {
  buffer_.reserve(kBufferOctets + options_.snap_length);
  pcapng::section_header(buffer_, options_.hardware, options_.application);
  counters_.octets = buffer_.size();
}

Capture::~Capture() { close(); }

Capture::Interface& Capture::interface(TapPoint point, TapDirection direction, unsigned port) {
  const uint32_t key = key_of(point, direction, port);
  for (Interface& known : interfaces_) {
    if (known.key == key) return known;
  }
  interfaces_.push_back({.key = key, .name = default_name(point, direction, port)});
  return interfaces_.back();
}

void Capture::name_port(TapPoint point, TapDirection direction, unsigned port, std::string name) {
  name.resize(std::min(name.size(), kMaxNameOctets));
  Interface& in = interface(point, direction, port);
  if (!in.described || in.name == name) {
    in.name = std::move(name);
    return;
  }
  // What stands in the file stays, until its statistics: the port is another's now.
  const uint32_t key = std::exchange(in.key, kNobody);
  interfaces_.push_back({.key = key, .name = std::move(name)});
}

uint64_t Capture::calendar(int64_t time_ns) const {
  return static_cast<uint64_t>(std::max<int64_t>(0, options_.epoch_ns + time_ns));
}

bool Capture::has_room(size_t octets) const {
  // Those that are described, and the one that this frame may bring.
  return counters_.octets + octets + (size_t{described_} + 1) * kInterfaceReserve <=
         options_.max_octets;
}

void Capture::add(TapPoint point, TapDirection direction, unsigned port, const OutFrame& frame,
                  spec::DropReason reason, int64_t time_ns) {
  Interface& in = interface(point, direction, port);
  ++in.received;
  const std::string comment = comment_of(reason);
  pcapng::PacketInfo info{.interface = in.number, .time_ns = calendar(time_ns), .comment = comment};
  info.direction = direction == TapDirection::kFromGuest ? pcapng::Direction::kOutbound
                                                         : pcapng::Direction::kInbound;
  full_ |= !has_room(pcapng::enhanced_packet_size(info, frame, options_.snap_length));
  if (closed_ || full_ || !status_.ok()) {
    ++in.not_recorded;
    ++counters_.not_recorded;
    return;
  }
  const size_t before = buffer_.size();
  if (!in.described) {
    in.described = true;
    info.interface = in.number = described_++;
    pcapng::interface_description(buffer_, in.name, row_of(point).description,
                                  options_.snap_length);
  }
  pcapng::enhanced_packet(buffer_, info, frame, options_.snap_length);
  counters_.octets += buffer_.size() - before;
  ++counters_.frames;
  ++buffered_frames_;
  if (!any_) first_ns_ = time_ns;
  last_ns_ = time_ns;
  any_ = true;
  if (buffer_.size() >= kBufferOctets) flush();
}

void Capture::flush() {
  if (!buffer_.empty() && status_.ok()) {
    status_ = sink_->append(buffer_);
    if (!status_.ok()) {
      counters_.octets -= buffer_.size();
      counters_.frames -= buffered_frames_;
      counters_.not_recorded += buffered_frames_;
    }
  }
  buffered_frames_ = 0;
  buffer_.clear();
}

void Capture::close() {
  if (closed_) return;
  closed_ = true;
  for (const Interface& in : interfaces_) {
    if (!in.described) continue;
    const size_t before = buffer_.size();
    pcapng::interface_statistics(buffer_, {.interface = in.number,
                                           .time_ns = calendar(last_ns_),
                                           .start_ns = calendar(first_ns_),
                                           .end_ns = calendar(last_ns_),
                                           .received = in.received,
                                           .not_recorded = in.not_recorded});
    if (status_.ok()) counters_.octets += buffer_.size() - before;
  }
  flush();
}

}  // namespace gatehouse::capture
