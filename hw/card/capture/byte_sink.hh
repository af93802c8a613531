// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_HW_CARD_CAPTURE_BYTE_SINK_HH_
#define GATEHOUSE_HW_CARD_CAPTURE_BYTE_SINK_HH_

#include <cstdint>
#include <span>

#include "hw/core/base/status.hh"

namespace gatehouse::capture {

// Where a capture's octets go, in order. All of the octets or none: after an error the end is where
// it was before the call.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status append(std::span<const uint8_t> octets) = 0;
};

}  // namespace gatehouse::capture

#endif  // GATEHOUSE_HW_CARD_CAPTURE_BYTE_SINK_HH_
