// SPDX-License-Identifier: GPL-2.0-or-later
// JSON of ours as QEMU's QObject.
#ifndef GATEHOUSE_HW_QEMU_JSON_QOBJECT_HH_
#define GATEHOUSE_HW_QEMU_JSON_QOBJECT_HH_

#include "hw/qemu/qemu-cxx.hh"

#include <nlohmann/json_fwd.hpp>

#include "hw/qemu/qemu-begin.hh"
#include "qobject/qobject.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {

// The caller owns the reference. For values made by the card, not by a guest: depth is that of the
// schema.
QObject* to_qobject(const nlohmann::json& value);

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_JSON_QOBJECT_HH_
