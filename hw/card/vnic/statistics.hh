// SPDX-License-Identifier: GPL-2.0-or-later
// The statistics registers (data sheet 10.2.7). They count up and stick at their maximum; the
// guest's reads clear them.
#ifndef GATEHOUSE_HW_CARD_VNIC_STATISTICS_HH_
#define GATEHOUSE_HW_CARD_VNIC_STATISTICS_HH_

#include <cstdint>

#include "hw/spec/i82574_registers.hh"

namespace gatehouse::vnic {

class RegisterFile;

enum class Cast : uint8_t { kUnicast, kMulticast, kBroadcast };

// Kind of a frame by its destination address (six octets).
inline Cast cast_of(const uint8_t* destination) {
  if ((destination[0] & 1) == 0) return Cast::kUnicast;
  for (int i = 0; i < 6; ++i) {
    if (destination[i] != 0xff) return Cast::kMulticast;
  }
  return Cast::kBroadcast;
}

class Statistics {
 public:
  explicit Statistics(RegisterFile& registers) : registers_(registers) {}

  // `counter` is a kRc register of 10.2.7: reg::MPC, reg::RNBC, reg::TSCTC, ...
  void add(uint32_t counter, uint32_t count = 1);
  // 64-bit pair by its lower half: reg::GORCL, ...
  void add_octets(uint32_t low, uint64_t octets);

  // A frame that went out, and one that came in and passed the filters; `octets` without CRC (the
  // counters include its four octets). `count` frames of that size. Flow control frames are
  // neither.
  void transmitted(uint32_t octets, Cast cast, uint32_t count = 1);
  void received(uint32_t octets, Cast cast);
  // A flow control frame that went out: it counts in TPT and TOT only, and in a counter of its own.
  void transmitted_control(uint32_t octets);
  // A frame that the filters let in and that is longer than allowed.
  void oversized();
  // Any frame on the wire, whatever its length and whether or not a filter took it: TPR and TOR.
  // Called for each frame, before received().
  void seen(uint32_t octets);

 private:
  RegisterFile& registers_;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_STATISTICS_HH_
