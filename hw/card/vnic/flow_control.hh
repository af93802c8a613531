// SPDX-License-Identifier: GPL-2.0-or-later
// IEEE 802.3x flow control: PAUSE frames that come stop the transmitter, the filling FIFO sends
// them (data sheet 3.1.3 and 10.2.2.8 - 10.2.2.13; IEEE 802.3 annex 31B).
#ifndef GATEHOUSE_HW_CARD_VNIC_FLOW_CONTROL_HH_
#define GATEHOUSE_HW_CARD_VNIC_FLOW_CONTROL_HH_

#include <cstdint>
#include <span>

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class Vnic;

class FlowControl {
 public:
  // What becomes of a received frame: the ordinary filters decide, it passes them, or it ends here.
  enum class Verdict : uint8_t { kFilter, kPass, kDiscard };

  explicit FlowControl(Vnic& vnic) : vnic_(vnic) {}

  // A PAUSE frame for us, whether or not we obey it: no counter of good frames counts it.
  bool is_pause(std::span<const uint8_t> frame) const;
  // Looks at a frame of at least 60 octets and obeys it when it is a PAUSE frame for us.
  Verdict received(std::span<const uint8_t> frame);
  // The transmitter has to wait; its resume() is called when that ends.
  bool paused() const { return paused_; }
  void timer_expired();
  // The receive FIFO holds so many octets.
  void fifo_level(uint32_t octets);
  // TCTL.SWXOFF, whatever CTRL.TFCE says, and what fifo_level() finds. Only with a link.
  void send(bool xoff);
  // What fifo_level() found: the receiver runs inside the card's pipeline, which must not be
  // entered again.
  void send_due();
  void reset();
  void archive(Archive& archive);

 private:
  bool is_control(std::span<const uint8_t> frame) const;
  bool is_for_us(std::span<const uint8_t> frame) const;
  void pause(uint16_t quanta);
  void set_paused(bool paused);
  int64_t quantum_ns() const;

  Vnic& vnic_;
  bool paused_ = false;
  int64_t until_ns_ = 0;  // valid when paused_
  bool above_ = false;    // the FIFO rose to FCRTH and has not fallen to FCRTL since
  bool due_ = false;      // a frame that says so is to be sent
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_FLOW_CONTROL_HH_
