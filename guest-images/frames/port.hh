// SPDX-License-Identifier: GPL-2.0-or-later
// A raw socket on one interface (packet(7)): whole Ethernet frames out and in, VLAN tags where the
// wire has them.
#ifndef GUEST_IMAGES_FRAMES_PORT_HH_
#define GUEST_IMAGES_FRAMES_PORT_HH_

#include <chrono>
#include <optional>

#include "guest-images/frames/hex.hh"

namespace gatehouse::frames {

class Port {
 public:
  using Clock = std::chrono::steady_clock;

  Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port();

  // False: errno tells why.
  bool open(const char* interface, bool promiscuous);
  bool send(const Frame& frame);

  // The next frame that came in from the wire, or nothing when the time is up.
  std::optional<Frame> receive(Clock::time_point until);

 private:
  int fd_ = -1;
};

}  // namespace gatehouse::frames

#endif  // GUEST_IMAGES_FRAMES_PORT_HH_
