// SPDX-License-Identifier: GPL-2.0-or-later
// SYSTIM and the time stamps of PTP frames (data sheet 10.2.9; IEEE 1588, 802.1AS).
#ifndef GATEHOUSE_HW_CARD_VNIC_TIME_STAMP_HH_
#define GATEHOUSE_HW_CARD_VNIC_TIME_STAMP_HH_

#include <cstdint>
#include <span>

#include "hw/card/vnic/ports.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class RegisterFile;

class TimeStamps {
 public:
  TimeStamps(RegisterFile& registers, const Ports& ports);

  // A frame whose descriptor asks for a stamp goes out now. A stamp that was not read yet stays.
  void transmitted();
  // A frame came in: stamped when TSYNCRXCTL says so and no stamp is waiting to be read. True: the
  // descriptor's time stamp bit is to be set. `head` is the frame's start, as much of it as lies
  // together; a frame whose PTP header is not in it is not stamped.
  bool received(std::span<const uint8_t> head);

  // The guest's accesses.
  uint32_t read_systim_low();
  void write_systim_low(uint32_t value);
  void write_systim_high(uint32_t value);
  void write_timinca(uint32_t value);
  void write_timadj_high(uint32_t value);
  void unlock_transmit();
  void unlock_receive();

  void reset();
  void archive(Archive& archive);

 private:
  uint64_t now() const;  // SYSTIM
  void settle();         // moves the base to now, so that TIMINCA may change

  RegisterFile& registers_;
  Ports ports_;
  uint64_t base_ = 0;  // SYSTIM at base_ns_
  int64_t base_ns_ = 0;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_TIME_STAMP_HH_
