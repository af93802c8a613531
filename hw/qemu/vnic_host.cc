// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/vnic_host.hh"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hw/card/vnic_state.hh"
#include "hw/qemu/card_host.hh"
#include "hw/qemu/device_name.hh"

#include "hw/qemu/qemu-begin.hh"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {

namespace {

ssize_t take_all(NetClientState*, const uint8_t*, size_t length) {
  return static_cast<ssize_t>(length);
}

// The card's end of the cable: QEMU warns of a NIC without peer. Frames don't pass here.
NetClientInfo* card_end_info() {
  static NetClientInfo info = [] {
    NetClientInfo made{};
    made.type = NET_CLIENT_DRIVER_NONE;
    made.size = sizeof(NetClientState);
    made.receive = take_all;
    return made;
  }();
  return &info;
}

}  // namespace

VnicHost::VnicHost(GatehouseVnicState* device)
    : device_(device),
      name_(device_name(&device->parent_obj.qdev)),
      dma_(&device->parent_obj, name_),
      interrupt_(&device->parent_obj, name_) {}

Result<std::unique_ptr<VnicHost>> VnicHost::make(GatehouseVnicState* device) {
  std::unique_ptr<VnicHost> host(new VnicHost(device));
  card::Card& card = device->card->host->card();
  uint8_t* const mac = device->conf.macaddr.a;
  if (const policy::Vnic* row = card.policy_of(host->name_); row && row->mac)
    std::ranges::copy(row->mac->octets, mac);
  // Chooses one where there is none, and marks one of its range as used: it is freed with the NIC.
  qemu_macaddr_default_if_unset(&device->conf.macaddr);
  host->mac_ = MacAddress::from(mac);
  Result<card::VnicPort*> port = card.attach(host->name_, host->mac_, *host);
  if (!port.ok()) return port.status();
  host->port_ = port.value();
  vnic::Identity identity;
  identity.mac = host->mac_;
  identity.subsystem_vendor = device->subsystem_vendor;
  identity.subsystem = device->subsystem;
  host->vnic_ = std::make_unique<vnic::Vnic>(
      vnic::Ports{host->dma_, host->clock_, host->interrupt_, *host->port_}, identity);
  host->clock_.connect(host->vnic_.get());
  host->connect_net_client();
  return host;
}

VnicHost::~VnicHost() {
  if (nic_) {
    NetClientState* card_end = nic_->peer_deleted ? nullptr : qemu_get_queue(nic_)->peer;
    qemu_del_nic(nic_);
    if (card_end) qemu_del_net_client(card_end);
  }
  vnic_.reset();
  if (port_) device_->card->host->card().detach(port_);
}

void VnicHost::connect_net_client() {
  static NetClientInfo info = [] {
    NetClientInfo made{};
    made.type = NET_CLIENT_DRIVER_NIC;
    made.size = sizeof(NICState);
    made.receive = take_all;
    made.link_status_changed = link_changed;
    return made;
  }();
  device_->conf.peers.ncs[0] =
      qemu_new_net_client(card_end_info(), nullptr, TYPE_GATEHOUSE_CARD, (name_ + ".card").c_str());
  device_->conf.peers.queues = 1;
  nic_ = qemu_new_nic(&info, &device_->conf, TYPE_GATEHOUSE_VNIC, name_.c_str(),
                      &device_->parent_obj.qdev.mem_reentrancy_guard, this);
  qemu_format_nic_info_str(qemu_get_queue(nic_), device_->conf.macaddr.a);
}

void VnicHost::link_changed(NetClientState* client) {
  auto* host = static_cast<VnicHost*>(qemu_get_nic_opaque(client));
  trace_gatehouse_vnic_link(host->name_.c_str(), !client->link_down);
  host->vnic_->set_link(!client->link_down);
}

size_t VnicHost::receive(std::span<const vnic::Delivery> frames) { return vnic_->receive(frames); }

nlohmann::json VnicHost::state() const { return card::vnic_state(*vnic_); }

void VnicHost::archive(Archive& archive) {
  vnic_->archive(archive);
  // The cable is saved with the model; `set_link` here shall agree with it.
  if (archive.loading()) qemu_get_queue(nic_)->link_down = !vnic_->link().connected();
}

}  // namespace gatehouse::qemu
