// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_HW_CARD_VNIC_STATE_HH_
#define GATEHOUSE_HW_CARD_VNIC_STATE_HH_

#include <nlohmann/json_fwd.hpp>

#include "hw/card/vnic/vnic.hh"

namespace gatehouse::card {

// What the driver has set up: rings, receiver, transmitter, interrupts. Reads no register as a
// guest would: nothing is cleared.
nlohmann::json vnic_state(const vnic::Vnic& vnic);

}  // namespace gatehouse::card

#endif  // GATEHOUSE_HW_CARD_VNIC_STATE_HH_
