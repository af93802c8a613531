// SPDX-License-Identifier: GPL-2.0-or-later
// The commands of gatehouse.json that are about partitions.
#include "hw/qemu/qemu-cxx.hh"

#include <nlohmann/json.hpp>

#include "hw/qemu/json_qobject.hh"
#include "hw/qemu/partition_host.hh"

#include "hw/qemu/qemu-begin.hh"
#include "qapi/error.h"
#include "qapi/qapi-commands-gatehouse.h"
#include "qapi/qapi-visit-gatehouse.h"
#include "qapi/qobject-input-visitor.h"
#include "qobject/qobject.h"
#include "hw/qemu/qemu-end.hh"

using gatehouse::qemu::PartitionHost;

extern "C" {

GatehousePartitionList* qmp_query_gatehouse_partitions(Error** errp) {
  nlohmann::json partitions = nlohmann::json::array();
  for (const PartitionHost* host : gatehouse::qemu::all_partitions())
    partitions.push_back(host->state());
  QObject* object = gatehouse::qemu::to_qobject(partitions);
  Visitor* visitor = qobject_input_visitor_new(object);
  GatehousePartitionList* list = nullptr;
  visit_type_GatehousePartitionList(visitor, nullptr, &list, errp);
  visit_free(visitor);
  qobject_unref(object);
  return list;
}

void qmp_gatehouse_partition_request(const char* partition, uint32_t request, Error** errp) {
  for (PartitionHost* host : gatehouse::qemu::all_partitions()) {
    if (host->name() == partition) return host->request(request);
  }
  error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "no gatehouse-partition has the id '%s'",
            partition);
}

}  // extern "C"
