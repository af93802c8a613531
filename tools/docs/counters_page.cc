// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/docs/counters_page.hh"

#include <span>

#include "hw/spec/counters.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::docs {
namespace {

using spec::Stage;

constexpr char kHead[] = R"(# Counters and drop reasons

Made by `gatehouse-tool docs counters` from hw/spec/counters.hh and hw/spec/drop_reasons.hh: do not edit.

`query-gatehouse` tells them by these names (reasons that have counted nothing with `all-drops` only), and the QMP event `GATEHOUSE_DROP` tells of drops as they happen. They are part of
saved state, go on after a reset of the guest, and reading them changes nothing. The statistics registers of the 82574L, which the guest
reads, are in [registers.md](registers.md).
)";

constexpr char kDropsHead[] = R"(
## Drop reasons

A frame that ends before its goal ends for exactly one reason, and counts there once: at its card, and at its vnic if it has one. It is
one of `tx_drops` or `rx_drops` of that vnic, or else of its uplink; only `answered`, of which nothing is lost, is one of `answers`
instead, without an event. The number stands in captures. By stage, in the order of the [packet path](packet-path.md).

| stage | number | reason | |
|---|---|---|---|
)";

std::string counters(const char* heading, std::span<const spec::CounterRow> rows) {
  std::string text = std::string("\n## ") + heading + "\n\n| counter | |\n|---|---|\n";
  for (const spec::CounterRow& row : rows)
    text += std::string("| `") + row.name + "` | " + row.text + " |\n";
  return text;
}

}  // namespace

std::string counters_page() {
  std::string text = kHead;
  text += counters("Each vnic", spec::kVnicCounters);
  text += counters("Each uplink", spec::kUplinkCounters);
  text += kDropsHead;
  for (unsigned i = 0; i < static_cast<unsigned>(Stage::kCount); ++i) {
    const char* stage = spec::stage_name(static_cast<Stage>(i));
    for (const spec::DropReasonRow& row : spec::kDropReasons) {
      if (row.stage != static_cast<Stage>(i)) continue;
      text += std::string("| ") + stage + " | " +
              std::to_string(static_cast<unsigned>(row.reason)) + " | `" + row.name + "` | " +
              row.text + " |\n";
    }
  }
  return text;
}

}  // namespace gatehouse::docs
