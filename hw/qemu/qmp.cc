// SPDX-License-Identifier: GPL-2.0-or-later
// The commands of gatehouse.json. What query-gatehouse answers is the card's JSON, checked against
// the schema by QAPI's own visitor.
#include "hw/qemu/qemu-cxx.hh"

#include <nlohmann/json.hpp>

#include "hw/qemu/card_host.hh"
#include "hw/qemu/json_qobject.hh"
#include "hw/qemu/qmp_cards.hh"

#include "hw/qemu/qemu-begin.hh"
#include "qapi/error.h"
#include "qapi/qapi-commands-gatehouse.h"
#include "qapi/qapi-visit-gatehouse.h"
#include "qapi/qobject-input-visitor.h"
#include "qobject/qobject.h"
#include "qom/object.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {
namespace {

constexpr uint64_t kDefaultTapSize = uint64_t{1} << 30;

// All realized cards, in the order of the object tree.
std::vector<CardHost*> all_cards() {
  std::vector<CardHost*> cards;
  object_child_foreach_recursive(
      object_get_root(),
      [](Object* object, void* list) {
        Object* card = object_dynamic_cast(object, TYPE_GATEHOUSE_CARD);
        if (card && GATEHOUSE_CARD(card)->host)
          static_cast<std::vector<CardHost*>*>(list)->push_back(GATEHOUSE_CARD(card)->host);
        return 0;
      },
      &cards);
  return cards;
}

}  // namespace

CardHost* find_card(const char* id, Error** errp) {
  for (CardHost* card : all_cards()) {
    if (card->name() == id) return card;
  }
  error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "no gatehouse-card has the id '%s'", id);
  return nullptr;
}

}  // namespace gatehouse::qemu

using gatehouse::qemu::CardHost;

extern "C" {

GatehouseCardList* qmp_query_gatehouse(bool has_all_drops, bool all_drops, Error** errp) {
  nlohmann::json cards = nlohmann::json::array();
  for (const CardHost* card : gatehouse::qemu::all_cards())
    cards.push_back(card->state(has_all_drops && all_drops));
  QObject* object = gatehouse::qemu::to_qobject(cards);
  Visitor* visitor = qobject_input_visitor_new(object);
  GatehouseCardList* list = nullptr;
  visit_type_GatehouseCardList(visitor, nullptr, &list, errp);
  visit_free(visitor);
  qobject_unref(object);
  return list;
}

void qmp_gatehouse_tap_start(const char* card, const char* file, bool has_points,
                             GatehouseTapPointList* points, bool has_max_size, uint64_t max_size,
                             Error** errp) {
  using gatehouse::pipeline::TapPoint;
  static_assert(GATEHOUSE_TAP_POINT_GUEST == int(TapPoint::kGuest) &&
                GATEHOUSE_TAP_POINT_INNER == int(TapPoint::kInner) &&
                GATEHOUSE_TAP_POINT_OUTER == int(TapPoint::kOuter) &&
                GATEHOUSE_TAP_POINT_DROPS == int(TapPoint::kDrops) &&
                GATEHOUSE_TAP_POINT__MAX == int(TapPoint::kCount));
  CardHost* host = gatehouse::qemu::find_card(card, errp);
  if (!host) return;
  std::vector<TapPoint> chosen;
  if (has_points) {
    for (; points; points = points->next) chosen.push_back(static_cast<TapPoint>(points->value));
  } else {
    for (int i = 0; i < GATEHOUSE_TAP_POINT__MAX; ++i) chosen.push_back(static_cast<TapPoint>(i));
  }
  const gatehouse::Status status = host->card().start_tap(
      file, chosen, has_max_size ? max_size : gatehouse::qemu::kDefaultTapSize);
  if (!status.ok()) error_setg(errp, "%s", status.message().c_str());
}

void qmp_gatehouse_policy_load(const char* card, const char* file, Error** errp) {
  CardHost* host = gatehouse::qemu::find_card(card, errp);
  if (!host) return;
  const gatehouse::Status status = host->replace_policy(file);
  if (!status.ok()) error_setg(errp, "%s", status.message().c_str());
}

void qmp_gatehouse_tap_stop(const char* card, Error** errp) {
  CardHost* host = gatehouse::qemu::find_card(card, errp);
  if (!host) return;
  const gatehouse::Status status = host->card().stop_tap();
  if (!status.ok()) error_setg(errp, "%s", status.message().c_str());
}

}  // extern "C"
