// SPDX-License-Identifier: GPL-2.0-or-later
// One card::Card inside QEMU: its ports are timers, a bottom half, netdevs, QMP events and trace
// points. Everything runs under the big lock. While the VM is stopped the card does no work, so
// that nothing writes guest memory behind a migration's back.
#ifndef GATEHOUSE_HW_QEMU_CARD_HOST_HH_
#define GATEHOUSE_HW_QEMU_CARD_HOST_HH_

#include "hw/qemu/card_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "system/runstate.h"
#include "trace/control.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/card/card.hh"
#include "hw/qemu/netdev_port.hh"

namespace gatehouse::qemu {

class CardHost final : public card::ClockPort, public card::EventPort {
 public:
  explicit CardHost(GatehouseCardState* device);
  ~CardHost() override;
  CardHost(const CardHost&) = delete;
  CardHost& operator=(const CardHost&) = delete;

  Status load_policy(const char* path);
  // The same while the guest runs; the file that is shown is this one from now on.
  Status replace_policy(const char* path);
  card::Card& card() { return card_; }
  const card::Card& card() const { return card_; }
  const std::string& name() const { return name_; }

  // The whole card with its id, as query-gatehouse shows it.
  nlohmann::json state(bool all_drops) const;
  void archive(Archive& archive) { card_.archive(archive); }
  void loaded() { card_.loaded(); }

  // card::ClockPort
  int64_t now_ns() override { return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL); }
  void arm(int64_t deadline_ns) override;
  // card::EventPort
  void schedule() override;
  bool runs() override;
  bool tracing() override { return trace_events_enabled_count > 0; }
  void walked(spec::Stage stage, unsigned port, size_t frames) override;
  void dropped(bool from_vnic, unsigned port, spec::DropReason reason) override;
  void drops_reported(bool from_vnic, const std::string& port, spec::DropReason reason,
                      uint64_t count) override;
  void firewall_logged(const std::string& vnic, const pipeline::FirewallLog& log) override;
  void incomplete(const stateless::Loss& loss) override;

 private:
  static card::Options options(const GatehouseCardState* device);
  void work();
  void run_state_changed(bool running);
  static void woken(Notifier* notifier, void* reason);

  GatehouseCardState* device_;
  std::string name_;
  QEMUTimer* timer_;
  QEMUTimer* soon_;
  QEMUBH* bottom_half_;
  VMChangeStateEntry* run_state_;
  struct Wakeup {
    Notifier notifier;  // first: QEMU calls with its address
    CardHost* host;
  } wakeup_;
  NetdevPort netdevs_;
  card::Card card_;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_CARD_HOST_HH_
