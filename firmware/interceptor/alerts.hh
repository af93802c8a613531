// SPDX-License-Identifier: GPL-2.0-or-later
// What an interceptor has to say to its manager.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_ALERTS_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_ALERTS_HH_

#include <cstdint>

namespace gatehouse::interceptor {

// What an alert tells; once for the first, second, fourth, eighth ... time.
enum class Alert : uint8_t {
  kRefusedAddress,  // the guest gave the NIC a buffer in private memory
  kUnusableRing,    // a ring that is too long, or not in memory that the NIC reaches: it stays off
  kIoBar,           // the guest wrote to registers through the I/O BAR
  kOverrun,         // records were lost; the registers were read anew
  kUnplugged,       // the device is gone
  kTampered,        // the guest changed a received frame before it was inspected
  kNoBuffers,       // copy mode: no memory for a receive ring's buffers: it stays off
};

class AlertSink {
 public:
  virtual void alert(Alert what, uint64_t times) = 0;

 protected:
  ~AlertSink() = default;
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_ALERTS_HH_
