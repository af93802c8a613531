// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GUEST_IMAGES_LOAD_SERVER_HH_
#define GUEST_IMAGES_LOAD_SERVER_HH_

#include <cstdint>

namespace gatehouse::load {

// Serves clients on the TCP port, each in a process of its own, until it is killed; those end with
// it. Returns only if it cannot start.
int serve(uint16_t port);

}  // namespace gatehouse::load

#endif  // GUEST_IMAGES_LOAD_SERVER_HH_
