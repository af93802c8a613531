// SPDX-License-Identifier: GPL-2.0-or-later
// How commands of gatehouse.json find their card.
#ifndef GATEHOUSE_HW_QEMU_QMP_CARDS_HH_
#define GATEHOUSE_HW_QEMU_QMP_CARDS_HH_

#include "hw/qemu/card_host.hh"

namespace gatehouse::qemu {

// Null, and errp set: there is no such card.
CardHost* find_card(const char* id, Error** errp);

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_QMP_CARDS_HH_
