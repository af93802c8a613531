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
  // places: one Envelope serves them, but not one name of flows.
  explicit Envelope(const policy::Format& format);

  // The bits of Origin::flow that read() fills in by which this format names its flows.
  static uint64_t names(const policy::Format& format);

  // `outer`: a tunnel frame of the format, parsed and accepted, with all its headers; its tunnel
  // header takes `length` octets up to `inner_offset`. Fills flow, outer and opaque; flow with all
  // that a format may name flows by. Clears in the header the length and the checksum of the whole,
  // which nobody needs any more. false: the header is longer than kMaxOpaque; the frame is none to
  // be merged.
  [[nodiscard]] bool read(Packet& outer, uint32_t inner_offset, uint32_t length,
                          Origin& origin) const;

 private:
  static constexpr unsigned kPortBits = 16;  // the field stands above them

  bool has_ports_;
  Bits flow_;
  Bits total_length_, checksum_;
};

}  // namespace gatehouse::coalesce

#endif  // GATEHOUSE_HW_CORE_COALESCE_ENVELOPE_HH_
