// SPDX-License-Identifier: GPL-2.0-or-later
// query-gatehouse-redirects and query-gatehouse-steers of gatehouse.json.
#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/redirect_host.hh"
#include "hw/qemu/steer_host.hh"

#include "hw/qemu/qemu-begin.hh"
#include "qapi/qapi-commands-gatehouse.h"
#include "qapi/qapi-types-gatehouse.h"
#include "qapi/util.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {
namespace {

using partition::RedirectEntry;
using partition::RedirectRead;
using partition::RedirectWrite;

static_assert(GATEHOUSE_REDIRECT_READ_SHADOW == int(RedirectRead::kShadow) &&
              GATEHOUSE_REDIRECT_READ_INDIRECT == int(RedirectRead::kIndirect) &&
              GATEHOUSE_REDIRECT_WRITE_LAST == int(RedirectWrite::kLast) &&
              GATEHOUSE_REDIRECT_WRITE_POST == int(RedirectWrite::kPost) &&
              GATEHOUSE_REDIRECT_WRITE_THROUGH == int(RedirectWrite::kThrough) &&
              GATEHOUSE_REDIRECT_WRITE_REAL == int(RedirectWrite::kReal) &&
              GATEHOUSE_REDIRECT_WRITE_DROP == int(RedirectWrite::kDrop) &&
              GATEHOUSE_REDIRECT_WRITE_INDIRECT == int(RedirectWrite::kIndirect));
static_assert(partition::kSteerMsi == 1u << GATEHOUSE_STEERING_MSI &&
              partition::kSteerIntx == 1u << GATEHOUSE_STEERING_INTX &&
              partition::kSteerRing == 1u << GATEHOUSE_STEERING_RING &&
              partition::kSteerSealed == 1u << GATEHOUSE_STEERING_SEALED);

const char* name_of(partition::Result result) {
  switch (result) {
#define GATEHOUSE_RESULT_NAME(number, name, text) \
  case partition::Result::k_##name:               \
    return #name;
    GATEHOUSE_UNIT_RESULTS(GATEHOUSE_RESULT_NAME)
#undef GATEHOUSE_RESULT_NAME
  }
  return "unknown";  // saved state may have said so
}

template <class T>
T* allocate() {
  return static_cast<T*>(g_malloc0(sizeof(T)));
}

GatehouseRedirectEntry* describe(const RedirectEntry& entry) {
  auto* row = allocate<GatehouseRedirectEntry>();
  row->bar = entry.bar;
  row->offset = entry.offset;
  row->length = entry.length;
  row->read = static_cast<GatehouseRedirectRead>(entry.read);
  row->write = static_cast<GatehouseRedirectWrite>(entry.write);
  row->rules = entry.rules != 0;
  row->resets = entry.resets;
  return row;
}

// What every unit has.
template <class Row, class Host>
Row* describe_unit(const Host& host) {
  const auto& model = host.model();
  auto* row = allocate<Row>();
  row->id = g_strdup(host.name().c_str());
  row->partition = g_strdup(host.partition().c_str());
  row->device = g_strdup(host.device().c_str());
  row->present = model.present();
  row->active = model.active();
  row->result = g_strdup(name_of(model.result()));
  row->commits = model.counters().commits;
  row->refused = model.counters().refused;
  row->records = model.unit_counters().records;
  row->overruns = model.unit_counters().overruns;
  row->interrupts = model.unit_counters().interrupts;
  return row;
}

GatehouseRedirect* describe(const RedirectHost& host) {
  const partition::Redirect& model = host.model();
  auto* row = describe_unit<GatehouseRedirect>(host);
  row->result_entry = model.result_entry();
  GatehouseRedirectEntryList** end = &row->table;
  for (unsigned i = 0; i < model.entries(); ++i) {
    *end = allocate<GatehouseRedirectEntryList>();
    (*end)->value = describe(model.entry(i));
    end = &(*end)->next;
  }
  row->reads = model.counters().reads;
  row->writes = model.counters().writes;
  return row;
}

GatehouseSteeringList* describe(uint32_t bits) {
  GatehouseSteeringList* list = nullptr;
  GatehouseSteeringList** end = &list;
  for (unsigned bit = 0; bit < GATEHOUSE_STEERING__MAX; ++bit) {
    if ((bits >> bit & 1) == 0) continue;
    *end = allocate<GatehouseSteeringList>();
    (*end)->value = static_cast<GatehouseSteering>(bit);
    end = &(*end)->next;
  }
  return list;
}

GatehouseSteer* describe(const SteerHost& host) {
  const partition::Steer& model = host.model();
  auto* row = describe_unit<GatehouseSteer>(host);
  row->steering = describe(model.steering().bits);
  row->slots = model.slots();
  row->dma = model.steering().dma;
  row->dma_octets = model.steering().dma_octets;
  row->seals = model.steering().seals != 0;
  row->messages = model.counters().messages;
  row->lines = model.counters().lines;
  row->injections = model.counters().injections;
  row->dma_denied = model.denied();
  row->seals_broken = model.seals_broken();
  return row;
}

// List: the QAPI type of all of them.
template <class List, class Host>
List* describe_all(const std::vector<Host*>& hosts) {
  List* list = nullptr;
  List** end = &list;
  for (const Host* host : hosts) {
    *end = allocate<List>();
    (*end)->value = describe(*host);
    end = &(*end)->next;
  }
  return list;
}

}  // namespace
}  // namespace gatehouse::qemu

extern "C" GatehouseRedirectList* qmp_query_gatehouse_redirects(Error**) {
  using gatehouse::qemu::RedirectHost;
  return gatehouse::qemu::describe_all<GatehouseRedirectList>(RedirectHost::all());
}

extern "C" GatehouseSteerList* qmp_query_gatehouse_steers(Error**) {
  using gatehouse::qemu::SteerHost;
  return gatehouse::qemu::describe_all<GatehouseSteerList>(SteerHost::all());
}
