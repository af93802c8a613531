// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/card_host.hh"

#include "hw/qemu/qemu-begin.hh"
#include "qapi/qapi-events-gatehouse.h"
#include "qemu/error-report.h"
#include "qemu/guest-random.h"
#include "system/cpu-timers.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "hw/core/policy/reader.hh"
#include "hw/core/stateless/reassembler.hh"
#include "hw/qemu/device_name.hh"

namespace gatehouse::qemu {

using spec::DropReason;
using spec::Stage;

card::Options CardHost::options(const GatehouseCardState* device) {
  card::Options options;
  // With -seed it repeats.
  qemu_guest_getrandom_nofail(&options.flow_seed, sizeof options.flow_seed);
  for (unsigned i = 0; i < options.uplinks.size(); ++i) {
    uplink::Options& uplink = options.uplinks[i];
    uplink.present = device->uplinks[i].peers.ncs[0] != nullptr;
    uplink.rate = device->link_rate;
    uplink.latency_ns = static_cast<int64_t>(device->latency);
    uplink.queue = device->queue;
  }
  return options;
}

CardHost::CardHost(GatehouseCardState* device)
    : device_(device),
      name_(device_name(&device->parent_obj)),
      timer_(timer_new_ns(
          QEMU_CLOCK_VIRTUAL, [](void* host) { static_cast<CardHost*>(host)->work(); }, this)),
      soon_(timer_new_ns(
          QEMU_CLOCK_VIRTUAL, [](void* host) { static_cast<CardHost*>(host)->work(); }, this)),
      bottom_half_(qemu_bh_new_guarded([](void* host) { static_cast<CardHost*>(host)->work(); },
                                       this, &device->parent_obj.mem_reentrancy_guard)),
      card_({netdevs_, *this, *this}, options(device)) {
  // At a stop it is called before net.c's, which is older: then there is room for what net.c has
  // kept while the CPUs stopped, and gives up otherwise.
  run_state_ = qemu_add_vm_change_state_handler(
      [](void* host, bool running, RunState) {
        static_cast<CardHost*>(host)->run_state_changed(running);
      },
      this);
  wakeup_ = {{.notify = woken, .node = {}}, this};
  qemu_register_wakeup_notifier(&wakeup_.notifier);
  netdevs_.connect(device, name_, &card_);
}

CardHost::~CardHost() {
  netdevs_.disconnect();
  notifier_remove(&wakeup_.notifier);
  qemu_del_vm_change_state_handler(run_state_);
  qemu_bh_delete(bottom_half_);
  timer_free(soon_);
  timer_free(timer_);
}

Status CardHost::load_policy(const char* path) {
  Result<policy::Policy> policy = policy::read_policy_file(path);
  if (!policy.ok()) return policy.status();
  const Status status = card_.load_policy(policy.value());
  if (!status.ok()) return Status::error(std::string(path) + ": " + status.message());
  for (const policy::Uplink& uplink : policy.value().uplinks) {
    for (unsigned i = 0; i < pipeline::kMaxUplinks; ++i) {
      if (uplink.name == card_.port_name(false, i)) netdevs_.set_mac(i, uplink.mac);
    }
  }
  return status;
}

// What is held to be merged or put together goes to guests' memory before a policy changes, and
// that stands still with the machine.
Status CardHost::replace_policy(const char* path) {
  if (!runstate_is_running() && card_.held_frames() != 0)
    return Status::error(
        "the machine is stopped, and frames wait that the policy before would "
        "have merged or put together. Fix: load it before 'stop' or after 'cont'");
  Status status = load_policy(path);
  if (status.ok()) g_free(std::exchange(device_->policy, g_strdup(path)));
  return status;
}

void CardHost::arm(int64_t deadline_ns) {
  if (deadline_ns == std::numeric_limits<int64_t>::max()) {
    timer_del(timer_);
  } else {
    timer_mod_ns(timer_, deadline_ns);
  }
}

// A bottom half is the main loop's, which under -icount meets the CPUs at no particular
// instruction. There, timers of the virtual clock are the CPUs' own.
void CardHost::schedule() {
  if (icount_enabled()) {
    timer_mod_ns(soon_, now_ns());
  } else {
    qemu_bh_schedule(bottom_half_);
  }
}

void CardHost::work() {
  if (runstate_is_running()) card_.run();
}

bool CardHost::runs() { return runstate_is_running(); }

// The guest's memory is saved before the card is: what comes behind this is not delivered any more,
// but is a part of the state, as is what goes to the wires from now on.
void CardHost::run_state_changed(bool running) { running ? card_.resumed() : card_.drain(); }

// A guest that sleeps (ACPI S3) is not running, but its machine was not stopped: no run state has
// changed that anybody is told of, and net.c keeps what came meanwhile.
void CardHost::woken(Notifier* notifier, void*) {
  CardHost* host = reinterpret_cast<Wakeup*>(notifier)->host;
  for (unsigned i = 0; i < pipeline::kMaxUplinks; ++i) host->netdevs_.resume(i);
  host->card_.resumed();
}

// Two trace events for each stage of hw/spec/stages.hh: a stage without them does not compile.
void CardHost::walked(Stage stage, unsigned port, size_t frames) {
  switch (stage) {
#define GATEHOUSE_TRACE_WALK(stage_word, text) \
  case Stage::stage_word:                      \
    return trace_gatehouse_##stage_word(name_.c_str(), port, frames);
    GATEHOUSE_STAGES(GATEHOUSE_TRACE_WALK)
#undef GATEHOUSE_TRACE_WALK
    case Stage::kCount:
      return;
  }
}

void CardHost::dropped(bool from_vnic, unsigned port, DropReason reason) {
  const spec::DropReasonRow* row = spec::drop_row(reason);
  if (!row) return;
  const char* kind = from_vnic ? "vnic" : "uplink";
  switch (row->stage) {
#define GATEHOUSE_TRACE_DROP(stage_word, text) \
  case Stage::stage_word:                      \
    return trace_gatehouse_##stage_word##_drop(name_.c_str(), kind, port, row->name);
    GATEHOUSE_STAGES(GATEHOUSE_TRACE_DROP)
#undef GATEHOUSE_TRACE_DROP
    case Stage::kCount:
      return;
  }
}

void CardHost::drops_reported(bool from_vnic, const std::string& port, DropReason reason,
                              uint64_t count) {
  const spec::DropReasonRow* row = spec::drop_row(reason);
  if (!row) return;
  qapi_event_send_gatehouse_drop(
      name_.c_str(), from_vnic ? GATEHOUSE_PORT_VNIC : GATEHOUSE_PORT_UPLINK, port.c_str(),
      row->name, spec::stage_name(row->stage), row->text, count);
}

// A few ranges tell enough; their number tells the rest.
void CardHost::incomplete(const stateless::Loss& loss) {
  constexpr size_t kRanges = 8;
  if (!tracing()) return;
  std::string missing;
  for (size_t i = 0; i < std::min(kRanges, loss.missing.size()); ++i) {
    const stateless::Range& range = loss.missing[i];
    missing += (i == 0 ? "" : ",") + std::to_string(range.begin) + "-" + std::to_string(range.end);
  }
  trace_gatehouse_stateless_incomplete(
      name_.c_str(), loss.key.uplink, to_string(loss.key.source).c_str(), loss.key.id,
      stateless::cause_name(loss.cause), loss.total, loss.missing.size(), missing.c_str(), loss.vni,
      loss.sequence);
}

void CardHost::firewall_logged(const std::string& vnic, const pipeline::FirewallLog& log) {
  static_assert(GATEHOUSE_DIRECTION_OUT == int(FlowDirection::kOut) &&
                GATEHOUSE_DIRECTION_IN == int(FlowDirection::kIn));
  const spec::DropReasonRow* row = spec::drop_row(log.reason);
  const FlowKey& key = log.key;
  const bool ports = has_ports(key);
  qapi_event_send_gatehouse_firewall_log(
      name_.c_str(), vnic.c_str(), log.firewall, log.rule,
      log.rule_name[0] != 0 ? log.rule_name : nullptr,
      static_cast<GatehouseDirection>(log.direction), row ? row->name : nullptr, key.protocol,
      to_string(local_of(key)).c_str(), to_string(remote_of(key)).c_str(), ports, key.local_port,
      ports, key.remote_port, log.icmp_type.has_value(), log.icmp_type.value_or(0), log.suppressed);
}

nlohmann::json CardHost::state(bool all_drops) const {
  nlohmann::json state = card_.state(all_drops);
  state["id"] = name_;
  if (device_->policy) state["policy"] = device_->policy;
  return state;
}

}  // namespace gatehouse::qemu
