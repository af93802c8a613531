// SPDX-License-Identifier: GPL-2.0-or-later
// A format's description as coalescing needs it: where the sixth part of a flow's name stands, and
// what differs between frames although nothing has changed.
#ifndef GATEHOUSE_HW_CORE_COALESCE_ENVELOPE_HH_
#define GATEHOUSE_HW_CORE_COALESCE_ENVELOPE_HH_

#include <cstdint>

#include "hw/core/base/bits.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/coalesce/origin.hh"
#include "hw/core/policy/policy.hh"

namespace gatehouse::coalesce {

class Envelope {
 public:
  // A description that policy::check_format() has passed. Formats that are read alike have the same
  // places: one Envelope serves them.
  explicit Envelope(const policy::Format& format);

  // `outer`: a tunnel frame of the format, parsed and accepted, with all its headers; its tunnel
  // header takes `length` octets up to `inner_offset`. Fills flow, outer and opaque. Clears in the
  // header the length and the checksum of the whole, which nobody needs any more.
  // false: the header is longer than kMaxOpaque; the frame is none to be merged.
  [[nodiscard]] bool read(Packet& outer, uint32_t inner_offset, uint32_t length,
                          Origin& origin) const;

 private:
  enum class Source : uint8_t { kNone, kPort, kField };

  Source source_ = Source::kNone;
  Bits flow_;
  Bits total_length_, checksum_;
};

}  // namespace gatehouse::coalesce

#endif  // GATEHOUSE_HW_CORE_COALESCE_ENVELOPE_HH_
