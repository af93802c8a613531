// SPDX-License-Identifier: GPL-2.0-or-later
// query-gatehouse-redirects of gatehouse.json.
#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/redirect_host.hh"

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
              GATEHOUSE_REDIRECT_WRITE_LAST == int(RedirectWrite::kLast) &&
              GATEHOUSE_REDIRECT_WRITE_POST == int(RedirectWrite::kPost) &&
              GATEHOUSE_REDIRECT_WRITE_THROUGH == int(RedirectWrite::kThrough) &&
              GATEHOUSE_REDIRECT_WRITE_REAL == int(RedirectWrite::kReal) &&
              GATEHOUSE_REDIRECT_WRITE_DROP == int(RedirectWrite::kDrop));

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
  return row;
}

GatehouseRedirect* describe(const RedirectHost& host) {
  const partition::Redirect& model = host.model();
  auto* row = allocate<GatehouseRedirect>();
  row->id = g_strdup(host.name().c_str());
  row->partition = g_strdup(host.partition().c_str());
  row->device = g_strdup(host.device().c_str());
  row->present = model.present();
  row->active = model.active();
  row->result = g_strdup(name_of(model.result()));
  row->result_entry = model.result_entry();
  GatehouseRedirectEntryList** end = &row->table;
  for (unsigned i = 0; i < model.entries(); ++i) {
    *end = allocate<GatehouseRedirectEntryList>();
    (*end)->value = describe(model.entry(i));
    end = &(*end)->next;
  }
  row->reads = model.counters().reads;
  row->writes = model.counters().writes;
  row->commits = model.counters().commits;
  row->refused = model.counters().refused;
  row->records = model.unit_counters().records;
  row->overruns = model.unit_counters().overruns;
  row->interrupts = model.unit_counters().interrupts;
  return row;
}

}  // namespace
}  // namespace gatehouse::qemu

extern "C" GatehouseRedirectList* qmp_query_gatehouse_redirects(Error**) {
  GatehouseRedirectList* list = nullptr;
  GatehouseRedirectList** end = &list;
  for (const gatehouse::qemu::RedirectHost* host : gatehouse::qemu::RedirectHost::all()) {
    *end = gatehouse::qemu::allocate<GatehouseRedirectList>();
    (*end)->value = gatehouse::qemu::describe(*host);
    end = &(*end)->next;
  }
  return list;
}
