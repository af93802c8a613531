// SPDX-License-Identifier: GPL-2.0-or-later
// Build check only.
#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "chardev/char-fe.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/boards.h"
#include "hw/loader.h"
#include "hw/irq.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "hw/pci/pcie_regs.h"
#include "hw/resettable.h"
#include "hw/sysbus.h"
#include "hw/qdev-properties-system.h"
#include "hw/cpu/cluster.h"
#include "hw/core/cpu.h"
#include "migration/blocker.h"
#include "migration/register.h"
#include "migration/vmstate.h"
#include "monitor/monitor.h"
#include "net/checksum.h"
#include "net/eth.h"
#include "net/net.h"
#include "net/queue.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-gatehouse.h"
#include "qapi/qapi-events-gatehouse.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qapi/visitor.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "qemu/iov.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "qemu/rcu.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qemu/uuid.h"
#include "qemu/option.h"
#include "qemu/notify.h"
#include "qom/object.h"
#include "qom/qom-qobject.h"
#include "system/dma.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "system/system.h"
#include "system/cpus.h"
#include "system/replay.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/qom-cxx.hh"

#define TYPE_GATEHOUSE_HELLO "gatehouse-hello"
struct HelloState {
  PCIDevice parent;
  MemoryRegion mmio;
  uint64_t rate;
  uint32_t flags;
  uint8_t level;
  bool on;
  char* policy;
  NICConf conf;
  NICState* nic;
  CharBackend chr;
  uint8_t* saved;
  uint32_t saved_size;
  QEMUTimer* timer;
  QEMUBH* bh;
};
OBJECT_DECLARE_SIMPLE_TYPE(HelloState, GATEHOUSE_HELLO)

GatehouseCardList* qmp_query_gatehouse(bool, bool, Error**) { return nullptr; }
void qmp_gatehouse_tap_start(const char*, const char*, bool, GatehouseTapPointList*, bool, uint64_t, Error** errp) {
  error_setg(errp, "not yet");
}
void qmp_gatehouse_tap_stop(const char*, Error** errp) { error_setg(errp, "not yet"); }

static const MemoryRegionOps kOps = {
    .read = [](void*, hwaddr, unsigned) -> uint64_t { return 0x47617465; },
    .write = [](void* opaque, hwaddr, uint64_t value, unsigned) {
      auto* hello = static_cast<HelloState*>(opaque);
      timer_mod(hello->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + 1000);
      qemu_bh_schedule(hello->bh);
      uint8_t bytes[16];
      pci_dma_read(&hello->parent, value, bytes, sizeof bytes);
      stl_le_p(bytes, 1);
      BQL_LOCK_GUARD();
    },
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = {.min_access_size = 4, .max_access_size = 4},
};

static NetClientInfo kNet = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(NICState),
    .receive = [](NetClientState*, const uint8_t*, size_t size) -> ssize_t { return size; },
};

static const Property kProperties[] = {
    GATEHOUSE_PROPERTY("rate", HelloState, rate, uint64_t, qdev_prop_size, 7),
    GATEHOUSE_PROPERTY("on", HelloState, on, bool, qdev_prop_bool, true),
    GATEHOUSE_PROPERTY_BIT("bit", HelloState, flags, 3, true),
    DEFINE_PROP_STRING("policy", HelloState, policy),
    DEFINE_PROP_CHR("chardev", HelloState, chr),
    DEFINE_PROP_MACADDR("mac", HelloState, conf.macaddr),
    DEFINE_PROP_NETDEV("netdev", HelloState, conf.peers),
};

static const VMStateField kFields[] = {
    GATEHOUSE_VMSTATE_STRUCT(parent, HelloState, vmstate_pci_device, PCIDevice),
    GATEHOUSE_VMSTATE(level, HelloState, uint8_t),
    GATEHOUSE_VMSTATE(rate, HelloState, uint64_t),
    GATEHOUSE_VMSTATE(saved_size, HelloState, uint32_t),
    GATEHOUSE_VMSTATE_BYTES(saved, saved_size, HelloState),
    gatehouse::vmstate_end(),
};
static const VMStateDescription kVmstate = {
    .name = TYPE_GATEHOUSE_HELLO, .version_id = 1, .minimum_version_id = 1, .fields = kFields};

static void hello_realize(PCIDevice* device, Error** errp) {
  HelloState* hello = GATEHOUSE_HELLO(device);
  if (hello->policy) {
    error_setg(errp, "no policy %s", hello->policy);
    return;
  }
  memory_region_init_io(&hello->mmio, OBJECT(hello), &kOps, hello, "hello", 4096);
  pci_register_bar(device, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &hello->mmio);
  hello->nic = qemu_new_nic(&kNet, &hello->conf, object_get_typename(OBJECT(hello)), DEVICE(hello)->id,
                            &DEVICE(hello)->mem_reentrancy_guard, hello);
  hello->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, [](void*) {}, hello);
  hello->bh = qemu_bh_new([](void*) {}, hello);
}

static void hello_class_init(ObjectClass* klass, void*) {
  DeviceClass* dc = DEVICE_CLASS(klass);
  PCIDeviceClass* pc = PCI_DEVICE_CLASS(klass);
  pc->realize = hello_realize;
  pc->vendor_id = PCI_VENDOR_ID_INTEL;
  pc->device_id = 0x10d3;
  dc->vmsd = &kVmstate;
  device_class_set_props(dc, kProperties);
  object_class_property_add_str(klass, "greeting", [](Object*, Error**) { return g_strdup("hello"); }, nullptr);
}

static const InterfaceInfo kInterfaces[] = {{INTERFACE_PCIE_DEVICE}, {}};
static void hello_register() {
  static const TypeInfo info = {
      .name = TYPE_GATEHOUSE_HELLO,
      .parent = TYPE_PCI_DEVICE,
      .instance_size = sizeof(HelloState),
      .class_init = hello_class_init,
      .interfaces = const_cast<InterfaceInfo*>(kInterfaces),
  };
  type_register_static(&info);
}
type_init(hello_register)
