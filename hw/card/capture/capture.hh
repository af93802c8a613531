// SPDX-License-Identifier: GPL-2.0-or-later
// One pcapng file. Nothing here can stop the caller: after an error, or at the size limit, frames
// are only counted.
#ifndef GATEHOUSE_HW_CARD_CAPTURE_CAPTURE_HH_
#define GATEHOUSE_HW_CARD_CAPTURE_CAPTURE_HH_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hw/card/capture/byte_sink.hh"
#include "hw/card/capture/pcapng.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/base/status.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::capture {

using pipeline::TapDirection;
using pipeline::TapPoint;

struct Options {
  uint32_t snap_length = 262144;            // octets kept of each frame
  uint64_t max_octets = uint64_t{1} << 30;  // of the file; at least 64 KiB
  // Added to each time stamp: where on the calendar the virtual clock's zero is, in ns since 1970
  // UTC. 0 keeps two runs of the same guest byte for byte the same.
  int64_t epoch_ns = 0;
  std::string hardware = "gatehouse-card";
  std::string application = "gatehouse";
};

struct Counters {
  uint64_t frames = 0;        // recorded; the last ones perhaps still buffered
  uint64_t octets = 0;        // of the file, buffered ones included
  uint64_t not_recorded = 0;  // lost to the limit or an error
};

class Capture {
 public:
  static Result<std::unique_ptr<Capture>> open(const std::string& path, const Options& options);
  // For other places than a file.
  Capture(std::unique_ptr<ByteSink> sink, const Options& options);
  ~Capture();  // close()
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // What people call a port, from its next frame on; until then it has the default ("guest0",
  // "outer1", "drops-vnic0"). Frames of a port that had another name stay with that.
  void name_port(TapPoint point, TapDirection direction, unsigned port, std::string name);

  // Directions in the file are the guest's: kFromGuest is outbound. A dropped frame's reason
  // becomes its comment. At kDrops the direction tells what `port` is: a vnic (kFromGuest) or an
  // uplink. time_ns: virtual clock, not negative.
  void add(TapPoint point, TapDirection direction, unsigned port, const OutFrame& frame,
           spec::DropReason reason, int64_t time_ns);

  // Hands what is buffered to the file.
  void flush();
  // Interface statistics, flush; nothing is recorded afterwards.
  void close();

  const Counters& counters() const { return counters_; }
  // The first error of the file; ok while there is none (the size limit is none).
  const Status& status() const { return status_; }

 private:
  struct Interface {
    uint32_t key = 0;
    std::string name;
    bool described = false;
    uint32_t number = 0;  // in the file
    uint64_t received = 0;
    uint64_t not_recorded = 0;
  };

  Interface& interface(TapPoint point, TapDirection direction, unsigned port);
  uint64_t calendar(int64_t time_ns) const;
  bool has_room(size_t octets) const;

  std::unique_ptr<ByteSink> sink_;
  Options options_;
  pcapng::Buffer buffer_;
  std::vector<Interface> interfaces_;
  uint32_t described_ = 0;
  int64_t first_ns_ = 0, last_ns_ = 0;
  uint64_t buffered_frames_ = 0;
  bool any_ = false;
  bool full_ = false;
  bool closed_ = false;
  Counters counters_;
  Status status_;
};

}  // namespace gatehouse::capture

#endif  // GATEHOUSE_HW_CARD_CAPTURE_CAPTURE_HH_
