// SPDX-License-Identifier: GPL-2.0-or-later
// QMP's way to the counting plugin (plugins/count). QEMU loads plugins by itself and lets nobody
// call them, so the plugin is found among the process's shared objects by its file name.
#include "hw/qemu/qemu-cxx.hh"

#include <dlfcn.h>
#include <link.h>

#include "hw/spec/core_counts.hh"

#include "hw/qemu/qemu-begin.hh"
#include "qapi/error.h"
#include "qapi/qapi-commands-gatehouse.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {
namespace {

int keep_plugin_path(dl_phdr_info* object, size_t, void* path) {
  const std::string_view name = object->dlpi_name;
  const std::string_view file = name.substr(name.rfind('/') + 1);
  if (file != counting::kFileName) return 0;
  *static_cast<std::string*>(path) = name;
  return 1;
}

const counting::Interface* counter(Error** errp) {
  std::string path;
  dl_iterate_phdr(keep_plugin_path, &path);
  void* object = path.empty() ? nullptr : dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (!object) {
    error_setg(errp, "nothing counts; start QEMU with -plugin PATH/%s", counting::kFileName);
    return nullptr;
  }
  const auto* found = static_cast<const counting::Interface*>(dlsym(object, counting::kSymbol));
  dlclose(object);  // QEMU keeps it loaded
  if (!found || found->version != counting::kVersion) {
    error_setg(errp, "%s is not of this QEMU's build", path.c_str());
    return nullptr;
  }
  return found;
}

GatehouseCoreCounts* core_counts(const counting::Interface& counter, unsigned core) {
  const counting::CoreCounts counts = counter.read(core);
  auto* row = g_new0(GatehouseCoreCounts, 1);
  row->core = core;
#define GATEHOUSE_CORE_COUNT(name, text) row->name = counts.name;
  GATEHOUSE_CORE_COUNTS(GATEHOUSE_CORE_COUNT)
#undef GATEHOUSE_CORE_COUNT
  return row;
}

}  // namespace
}  // namespace gatehouse::qemu

using gatehouse::counting::Interface;

extern "C" {

void qmp_gatehouse_count_start(Error** errp) {
  if (const Interface* counter = gatehouse::qemu::counter(errp)) counter->start();
}

void qmp_gatehouse_count_stop(Error** errp) {
  if (const Interface* counter = gatehouse::qemu::counter(errp)) counter->stop();
}

GatehouseCounts* qmp_query_gatehouse_counts(Error** errp) {
  const Interface* counter = gatehouse::qemu::counter(errp);
  if (!counter) return nullptr;
  auto* result = g_new0(GatehouseCounts, 1);
  result->running = counter->running();
  for (unsigned core = counter->cores(); core-- > 0;) {
    auto* link = g_new0(GatehouseCoreCountsList, 1);
    link->value = gatehouse::qemu::core_counts(*counter, core);
    link->next = result->cores;
    result->cores = link;
  }
  return result;
}

}  // extern "C"
