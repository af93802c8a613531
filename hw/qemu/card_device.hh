// SPDX-License-Identifier: GPL-2.0-or-later
// The QOM type gatehouse-card: the hidden card as a device on no bus.
#ifndef GATEHOUSE_HW_QEMU_CARD_DEVICE_HH_
#define GATEHOUSE_HW_QEMU_CARD_DEVICE_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/qdev-core.h"
#include "net/net.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/core/pipeline/pipeline.hh"

#define TYPE_GATEHOUSE_CARD "gatehouse-card"

namespace gatehouse::qemu {

class CardHost;

}  // namespace gatehouse::qemu

// Zeroed memory without a constructor: what needs one is behind `host`, from realize to unrealize.
struct GatehouseCardState {
  DeviceState parent_obj;
  NICConf uplinks[gatehouse::pipeline::kMaxUplinks];
  char* policy;
  uint64_t link_rate;  // bits per second
  uint64_t latency;    // ns
  uint32_t queue;      // frames
  bool offload;        // let the netdev's kernel cut super-datagrams
  gatehouse::qemu::CardHost* host;
};

DECLARE_INSTANCE_CHECKER(GatehouseCardState, GATEHOUSE_CARD, TYPE_GATEHOUSE_CARD)

#endif  // GATEHOUSE_HW_QEMU_CARD_DEVICE_HH_
