// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/json_qobject.hh"

#include <nlohmann/json.hpp>

#include "hw/qemu/qemu-begin.hh"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qnull.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {

namespace {

QObject* object(const nlohmann::json& value) {
  QDict* dict = qdict_new();
  for (const auto& [key, member] : value.items())
    qdict_put_obj(dict, key.c_str(), to_qobject(member));
  return QOBJECT(dict);
}

QObject* array(const nlohmann::json& value) {
  QList* list = qlist_new();
  for (const nlohmann::json& element : value) qlist_append_obj(list, to_qobject(element));
  return QOBJECT(list);
}

}  // namespace

QObject* to_qobject(const nlohmann::json& value) {
  using Type = nlohmann::json::value_t;
  switch (value.type()) {
    case Type::object:
      return object(value);
    case Type::array:
      return array(value);
    case Type::string:
      return QOBJECT(qstring_from_str(value.get_ref<const std::string&>().c_str()));
    case Type::boolean:
      return QOBJECT(qbool_from_bool(value.get<bool>()));
    case Type::number_integer:
      return QOBJECT(qnum_from_int(value.get<int64_t>()));
    case Type::number_unsigned:
      return QOBJECT(qnum_from_uint(value.get<uint64_t>()));
    case Type::number_float:
      return QOBJECT(qnum_from_double(value.get<double>()));
    default:
      return QOBJECT(qnull());
  }
}

}  // namespace gatehouse::qemu
