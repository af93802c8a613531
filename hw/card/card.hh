// SPDX-License-Identifier: GPL-2.0-or-later
// The hidden card: packet buffer, pipeline, uplinks, and the vnics attached to it. Knows nothing of
// QEMU.
//
// Calls come from a vnic's doorbell (VnicPort::transmit), from the wire (receive) and from run(),
// which the environment calls after EventPort::schedule and when the clock's alarm expires. Frames
// from the wire are gathered and handled by run() in batches. While the pipeline works, nothing
// re-enters it: frames that vnics send meanwhile, and frames for a vnic that is itself in the
// middle of transmit(), wait for run().
#ifndef GATEHOUSE_HW_CARD_CARD_HH_
#define GATEHOUSE_HW_CARD_CARD_HH_

#include <array>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "hw/card/capture/capture.hh"
#include "hw/card/drop_reports.hh"
#include "hw/card/ports.hh"
#include "hw/card/uplink/uplink.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/base/status.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/policy/policy.hh"

namespace gatehouse::card {

class Card;

// The card's side of one vnic; made and destroyed by Card::attach and Card::detach.
class VnicPort final : public vnic::CardPort {
 public:
  VnicPort(Card& card, unsigned index, std::string name, const MacAddress& mac, GuestPort& guest);

  unsigned index() const { return index_; }
  const std::string& name() const { return name_; }

  Packet* take_packet(uint32_t octets) override;
  void give_packet(Packet* packet) override;
  Packet* take_to_keep(uint32_t octets, bool saved) override;
  void give_kept(Packet* packet) override;
  void transmit(std::span<Packet* const> batch) override;
  void count_drop(spec::DropReason reason) override;
  void receive_ready() override;
  void link_changed(bool up) override { link_up_ = up; }

 private:
  friend class Card;
  // Frames that wait for descriptors: what the silicon's receive packet buffer of 20 KiB holds of
  // short frames.
  static constexpr size_t kHeld = 320;
  static constexpr int64_t kLongestPauseNs = 0xffff * PauseFrame<uint8_t>::kGigabitQuantumNs;

  // A PAUSE frame of the vnic's (IEEE 802.3 annex 31B) among those it sends: the card is its link
  // partner and holds what it has for it. Quanta are those of a link of 1 Gb/s.
  void obey_pause(const Packet& packet);
  bool paused() const;

  Card& card_;
  unsigned index_;
  std::string name_;
  MacAddress mac_;
  GuestPort& guest_;
  bool link_up_ = false;
  bool busy_ = false;     // a call of this vnic is on the stack: don't call into it
  bool stalled_ = false;  // it did not take all frames and has not said receive_ready() since
  int64_t paused_until_ns_ = 0;
  PacketShare share_;  // of these and what the vnic keeps
  std::vector<Packet*> held_;
};

struct Options {
  std::array<uplink::Options, pipeline::kMaxUplinks> uplinks{};
  uint64_t flow_seed = 0;  // Pipeline's: to be unpredictable from outside
  PacketPool::Limits buffers{};
};

class Card final : private pipeline::Sink {
 public:
  Card(const Ports& ports, const Options& options);
  ~Card();

  // At any time but during a call into the card: what goes on is asked about anew.
  Status load_policy(const policy::Policy& policy);

  // The guest port stays valid until detach(). Fails when the name is taken, the policy
  // contradicts, or the card is full.
  Result<VnicPort*> attach(const std::string& name, const MacAddress& mac, GuestPort& guest);
  void detach(VnicPort* port);
  unsigned attached() const;
  // Segments that wait to be merged, and frames that wait for the rest of theirs: they go on, or
  // end, before a policy changes.
  uint32_t held_frames() const { return pipeline_->held_frames() + pipeline_->incomplete_frames(); }

  // A frame from the wire; the octets are copied. False: no room now, UplinkPort::resume tells when
  // to try again. `at_once`: a frame that comes alone may be handled before the call returns, so
  // that a question is not answered a turn of the environment's loop later; the wire must bear that
  // frames are sent meanwhile.
  //
  // A card with a single vnic lets the wire wait while that vnic's driver is slow, a bounded time:
  // frames are then lost where they are cheapest, or not at all. With several vnics, one that is
  // slow must not hold up the others, and loses its own frames.
  bool can_receive(unsigned uplink);
  bool receive(unsigned uplink, const OutFrame& frame, bool at_once = false,
               const Arrival& arrival = {});
  void uplink_writable(unsigned uplink);
  void set_uplink_link(unsigned uplink, bool up);

  // A bounded amount of the work that waits; schedules itself again when there is more.
  void run();
  // The machine goes on: wires take frames again, and what came meanwhile is worked on.
  void resumed();
  // Until nothing waits but timed frames, those that a vnic or a wire does not take, and what
  // doorbells left: when the machine stops, before any of its state is saved, memory included.
  void drain();

  // Records frames into a pcapng file; ends an earlier recording.
  Status start_tap(const std::string& path, std::span<const pipeline::TapPoint> points,
                   uint64_t max_octets);
  // The first error of the recording that ends, or ok.
  Status stop_tap();

  std::string port_name(bool vnic, unsigned index) const;

  // All that can be seen of the card (see docs): tables, counters, drops. Changes nothing.
  nlohmann::json state(bool all_drops) const;
  // What the policy says of a vnic of this name; null when it says nothing.
  const policy::Vnic* policy_of(const std::string& vnic) const;

  // Pipeline's, of the vnic with this name and at the card's clock. Fails when there is none.
  Result<size_t> export_connections(const std::string& vnic, uint32_t& cursor,
                                    std::span<pipeline::MovedConnection> to) const;
  Result<pipeline::Pipeline::Imported> import_connections(
      const std::string& vnic, std::span<const pipeline::MovedConnection> from);

  void archive(Archive& archive);
  // After archive() has loaded: the clock runs again.
  void loaded();

 private:
  friend class VnicPort;
  // Marks that the pipeline, or a vnic, is on the stack; leaving sets the alarm anew.
  class Busy {
   public:
    explicit Busy(Card& card) : card_(card) { ++card_.depth_; }
    ~Busy() {
      if (--card_.depth_ > 0) return;
      if (card_.work_waits()) card_.schedule();
      card_.rearm();
    }

   private:
    Card& card_;
  };
  static constexpr size_t kMaxName = 255;
  static constexpr size_t kBatch = 64;
  static constexpr int64_t kAloneNs = 20'000;  // a frame this long after the last run comes alone
  static constexpr size_t kPending = 512;      // frames from the wires that wait for run()
  static constexpr uint32_t kPendingOctets = 64 * 1024;  // and as many octets before the wires wait
  static constexpr int64_t kWireWaitNs = 100'000'000;    // for a slow driver, at most
  static constexpr size_t kTransmits = 512;              // frames from vnics that wait for run()
  static constexpr size_t kLeft = 64;      // of these, what a doorbell may leave there
  static constexpr unsigned kRounds = 16;  // batches of one run()
  static constexpr size_t kSuperFrames =
      8;  // in one batch of run(): bounds how long QEMU's lock is held
  static constexpr unsigned kTransmitRounds = 2;

  // pipeline::Sink
  void to_uplink(unsigned uplink, std::span<const OutFrame> frames) override;
  bool cuts(unsigned uplink) const override { return uplinks_[uplink]->cuts(); }
  void to_uplink_super(unsigned uplink, const OutFrame& frame, const SuperFrame& super) override {
    count_refused(uplink, uplinks_[uplink]->send_super(frame, super));
  }
  void to_vnic(unsigned vnic, std::span<const OutFrame> frames, const Layers& layers,
               bool l4_checksum_checked, bool l4_checksum_good) override;
  uint32_t largest_frame(unsigned vnic) const override;
  void tapped(pipeline::TapPoint point, pipeline::TapDirection direction, unsigned port,
              const OutFrame& frame, spec::DropReason reason) override;
  void dropped(bool from_vnic, unsigned port, spec::DropReason reason) override;
  void firewall_logged(const pipeline::FirewallLog& log) override;
  void incomplete(const stateless::Loss& loss) override { ports_.event.incomplete(loss); }
  void walked(spec::Stage stage, unsigned port, size_t frames) override {
    ports_.event.walked(stage, port, frames);
  }

  const VnicPort* find_vnic(const std::string& name) const;
  void find_only_vnic();
  bool wire_waits();
  void push_pending(Packet* packet);
  void transmit(VnicPort& port, std::span<Packet* const> batch);
  bool leave_to_run(std::span<Packet* const> batch) const;
  size_t deliver(VnicPort& port, std::span<const vnic::Delivery> frames);
  void hold(VnicPort& port, const vnic::Delivery& delivery);
  bool deliver_held(VnicPort& port);
  bool run_ingress();
  bool run_deliveries();
  bool deliveries_wait() const;
  void archive_pending(Archive& archive, uint32_t version);
  void archive_held(Archive& archive, VnicPort& port, uint32_t version);
  void archive_transmits(Archive& archive);
  void turn(unsigned transmit_rounds);
  bool run_transmits();
  void discard(unsigned vnic);
  void name_tap_ports();
  void count_refused(unsigned uplink, const uplink::Refused& refused);
  void resume_wires();
  void schedule();
  void rearm();
  bool work_waits() const;
  void renumber(const std::vector<std::string>& names, Archive& archive);

  nlohmann::json coalesce_state() const;
  nlohmann::json neighbours_state(unsigned uplink) const;
  nlohmann::json uplink_state(unsigned index) const;
  nlohmann::json vnic_state(const VnicPort& port, bool all_drops) const;

  Ports ports_;
  PacketPool pool_;
  std::unique_ptr<pipeline::Pipeline> pipeline_;
  std::array<std::unique_ptr<uplink::Uplink>, pipeline::kMaxUplinks> uplinks_;
  std::array<std::unique_ptr<VnicPort>, pipeline::kMaxVnics> vnics_;
  policy::Policy policy_;  // without the mappings
  std::vector<Packet*> pending_;
  uint32_t pending_octets_ = 0;
  VnicPort* only_vnic_ = nullptr;  // of a card that has just one
  int64_t wait_until_ns_ = 0;      // how long wires wait for a slow driver; 0: they don't
  std::vector<Packet*> transmits_;
  std::array<bool, pipeline::kMaxUplinks> stalled_{};  // receive() said no
  DropReports reports_;
  std::unique_ptr<capture::Capture> tap_;
  unsigned depth_ = 0;  // calls into the card on the stack that may be in the pipeline
  uint32_t held_ = 0;   // frames that wait for any vnic
  bool scheduled_ = false;
  int64_t last_run_ns_ = 0;
  int64_t armed_ns_;
};

}  // namespace gatehouse::card

#endif  // GATEHOUSE_HW_CARD_CARD_HH_
