// SPDX-License-Identifier: GPL-2.0-or-later
// The card's saved state: frames that wait, and what the pipeline keeps besides the policy.
#include <algorithm>
#include <limits>

#include "hw/card/card.hh"
#include "hw/card/frames.hh"
#include "hw/core/parse/parse.hh"

namespace gatehouse::card {

void Card::archive(Archive& archive) {
  const uint32_t version = archive.section("card", 3);
  std::vector<std::string> names(vnics_.size());
  for (unsigned i = 0; i < vnics_.size(); ++i) {
    std::vector<uint8_t> name;
    if (!archive.loading() && vnics_[i])
      name.assign(vnics_[i]->name_.begin(), vnics_[i]->name_.end());
    archive(name, kMaxName);
    names[i].assign(name.begin(), name.end());
  }
  if (archive.loading()) renumber(names, archive);
  if (!archive.ok()) return;
  for (auto& uplink : uplinks_) uplink->archive(archive, ports_.clock.now_ns());
  archive_pending(archive, version);
  for (auto& port : vnics_) {
    if (port) archive_held(archive, *port, version);
  }
  pipeline_->archive(archive);
  if (version >= 3) archive_transmits(archive);
}

void Card::archive_pending(Archive& archive, uint32_t version) {
  if (archive.loading()) {
    for (Packet* packet : pending_) pool_.give(packet);
    pending_.clear();
    pending_octets_ = 0;
  }
  uint32_t count = static_cast<uint32_t>(pending_.size());
  archive(count);
  if (count > kPending) archive.fail("saved state: more waiting frames than the card holds");
  for (uint32_t i = 0; i < count && archive.ok(); ++i) {
    Packet* packet = archive.loading() ? nullptr : pending_[i];
    archive_frame(archive, pool_, packet);
    if (version >= 2 && packet) archive(packet->wire_mss);
    if (version >= 3 && packet) archive(packet->merged);
    if (!archive.loading() || !packet) continue;
    if (packet->port >= uplinks_.size()) {
      // Not kept: a machine may go on after its state was refused.
      pool_.give(packet);
      archive.fail("saved state: a waiting frame came from an uplink that does not exist");
      return;
    }
    push_pending(packet);
  }
}

void Card::archive_held(Archive& archive, VnicPort& port, uint32_t version) {
  uint32_t count = static_cast<uint32_t>(port.held_.size());
  archive(count);
  if (count > VnicPort::kHeld)
    archive.fail("saved state: more frames wait for a vnic than the card holds");
  for (uint32_t i = 0; i < count && archive.ok(); ++i) {
    Packet* packet = archive.loading() ? nullptr : port.held_[i];
    archive_frame(archive, pool_, packet);
    if (!packet) continue;
    archive(packet->l4_checksum_checked);
    archive(packet->l4_checksum_good);
    if (!archive.loading()) continue;
    // What the pipeline delivered had passed this.
    if (parse::parse(*packet) != spec::DropReason::none) {
      pool_.give(packet);
      archive.fail("saved state: a waiting frame is malformed");
      return;
    }
    port.share_.keep(*packet);
    port.held_.push_back(packet);
    ++held_;
  }
  archive(port.stalled_);
  // Asked again: a vnic that is said to be stalled and is not would never speak up.
  if (archive.loading()) port.stalled_ = false;
  if (version < 2) return;  // PAUSE frames were not obeyed
  archive(port.paused_until_ns_);
  if (!archive.loading()) return;
  const int64_t latest = ports_.clock.now_ns() + VnicPort::kLongestPauseNs;
  if (port.paused_until_ns_ < 0 || port.paused_until_ns_ > latest) port.paused_until_ns_ = 0;
}

// As vnics handed them in; run() parses them as ever, and believes a TSO context no more than
// theirs.
void Card::archive_transmits(Archive& archive) {
  if (archive.loading()) {
    for (Packet* packet : transmits_) pool_.give(packet);
    transmits_.clear();
  }
  uint32_t count = static_cast<uint32_t>(transmits_.size());
  archive(count);
  if (count > kTransmits) archive.fail("saved state: more transmitted frames than the card holds");
  for (uint32_t i = 0; i < count && archive.ok(); ++i) {
    Packet* packet = archive.loading() ? nullptr : transmits_[i];
    archive_frame(archive, pool_, packet);
    if (!packet) return;
    Offload& offload = packet->offload;
    archive(offload.tso);
    archive(offload.tcp);
    archive(offload.ipv4);
    archive(offload.mss);
    archive(offload.header_length);
    archive(offload.payload_length);
    if (!archive.loading()) continue;
    if (packet->port >= vnics_.size() || !vnics_[packet->port])
      archive.fail("saved state: a transmitted frame came from a vnic that does not exist");
    if (!archive.ok()) return pool_.give(packet);
    transmits_.push_back(packet);
  }
}

void Card::loaded() {
  reports_.restart();
  name_tap_ports();  // vnics may have other numbers now
  wait_until_ns_ = 0;
  armed_ns_ = std::numeric_limits<int64_t>::max();
  rearm();
  if (work_waits()) schedule();
}

// Index numbers depend on the order in which vnics came and went; saved state names them by index.
// Gives each vnic the number that it had where the state was saved.
void Card::renumber(const std::vector<std::string>& names, Archive& archive) {
  std::array<std::unique_ptr<VnicPort>, pipeline::kMaxVnics> old;
  for (unsigned i = 0; i < vnics_.size(); ++i) {
    if (!vnics_[i]) continue;
    discard(i);
    pipeline_->detach_vnic(i);
    old[i] = std::move(vnics_[i]);
  }
  unsigned next_free = 0;
  const auto place = [&](unsigned index, std::unique_ptr<VnicPort>& port) {
    port->index_ = index;
    vnics_[index] = std::move(port);
    const Status status = pipeline_->attach_vnic(index, vnics_[index]->name_, vnics_[index]->mac_);
    if (!status.ok()) archive.fail("saved state: " + status.message());
  };
  for (unsigned i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    const auto found = std::find_if(
        old.begin(), old.end(), [&](const auto& port) { return port && port->name_ == names[i]; });
    if (found == old.end()) {
      archive.fail("saved state: it has a vnic '" + names[i] + "' that this card does not have");
      continue;
    }
    place(i, *found);
  }
  // Whatever the saved state does not know keeps a place, so that the device stays consistent
  // although loading fails.
  for (auto& port : old) {
    if (!port) continue;
    archive.fail("saved state: it does not have the vnic '" + port->name_ + "'");
    while (vnics_[next_free]) ++next_free;
    place(next_free, port);
  }
}

}  // namespace gatehouse::card
