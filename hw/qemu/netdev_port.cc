// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/netdev_port.hh"

#include "hw/qemu/qemu-begin.hh"
#include "net/net.h"
#include "qemu/iov.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {

NetClientInfo* NetdevPort::client_info() {
  static NetClientInfo info = [] {
    NetClientInfo made{};
    made.type = NET_CLIENT_DRIVER_NIC;
    made.size = sizeof(NICState);
    made.can_receive = can_receive;
    made.receive = receive_octets;
    made.receive_iov = receive;
    made.link_status_changed = link_changed;
    return made;
  }();
  return &info;
}

void NetdevPort::connect(GatehouseCardState* device, const std::string& name, card::Card* card) {
  for (unsigned i = 0; i < sides_.size(); ++i) {
    if (!device->uplinks[i].peers.ncs[0]) continue;
    sides_[i] = {nullptr, card, i, false};
    const std::string client = name + ".uplink" + std::to_string(i);
    sides_[i].nic =
        qemu_new_nic(client_info(), &device->uplinks[i], TYPE_GATEHOUSE_CARD, client.c_str(),
                     &device->parent_obj.mem_reentrancy_guard, &sides_[i]);
    set_mac(i, MacAddress{});
  }
}

void NetdevPort::disconnect() {
  for (Side& side : sides_) {
    if (side.nic) qemu_del_nic(side.nic);
    side = {};
  }
}

void NetdevPort::set_mac(unsigned uplink, const MacAddress& mac) {
  NICState* nic = sides_[uplink].nic;
  if (!nic) return;
  std::memcpy(nic->conf->macaddr.a, mac.octets.data(), mac.octets.size());
  qemu_format_nic_info_str(qemu_get_queue(nic), nic->conf->macaddr.a);
}

size_t NetdevPort::send(unsigned uplink, std::span<const OutFrame> frames) {
  Side& side = sides_[uplink];
  if (!side.nic) return frames.size();
  NetClientState* client = qemu_get_queue(side.nic);
  for (size_t i = 0; i < frames.size(); ++i) {
    if (side.waits) return i;
    iovec pieces[2];
    int count = 0;
    for (const Slice& slice : {frames[i].head, frames[i].body}) {
      if (slice.length) pieces[count++] = {const_cast<uint8_t*>(slice.data), slice.length};
    }
    // 0: the netdev is busy and keeps this frame; sent() tells when it takes more. An error of the
    // backend is the wire's loss.
    side.waits = qemu_sendv_packet_async(client, pieces, count, sent) == 0;
  }
  return frames.size();
}

void NetdevPort::sent(NetClientState* client, ssize_t) {
  Side* that = side(client);
  that->waits = false;
  that->card->uplink_writable(that->index);
}

void NetdevPort::resume(unsigned uplink) {
  if (sides_[uplink].nic) qemu_flush_queued_packets(qemu_get_queue(sides_[uplink].nic));
}

bool NetdevPort::can_receive(NetClientState* client) {
  const Side* that = side(client);
  // Always true while nothing stalls: a netdev that is told "no" here must be woken by resume(),
  // which only follows a refused receive().
  return that->card != nullptr;
}

ssize_t NetdevPort::receive(NetClientState* client, const iovec* pieces, int count) {
  const Side* that = side(client);
  const ssize_t length = static_cast<ssize_t>(iov_size(pieces, static_cast<unsigned>(count)));
  OutFrame frame;
  if (count <= 2) {
    frame.head = {static_cast<const uint8_t*>(pieces[0].iov_base),
                  static_cast<uint32_t>(pieces[0].iov_len)};
    if (count == 2)
      frame.body = {static_cast<const uint8_t*>(pieces[1].iov_base),
                    static_cast<uint32_t>(pieces[1].iov_len)};
    return that->card->receive(that->index, frame) ? length : 0;
  }
  std::vector<uint8_t> joined(static_cast<size_t>(length));
  iov_to_buf(pieces, static_cast<unsigned>(count), 0, joined.data(), joined.size());
  frame.head = {joined.data(), static_cast<uint32_t>(joined.size())};
  return that->card->receive(that->index, frame) ? length : 0;
}

ssize_t NetdevPort::receive_octets(NetClientState* client, const uint8_t* octets, size_t length) {
  const iovec piece{const_cast<uint8_t*>(octets), length};
  return receive(client, &piece, 1);
}

void NetdevPort::link_changed(NetClientState* client) {
  Side* that = side(client);
  if (client->link_down) that->waits = false;
  that->card->set_uplink_link(that->index, !client->link_down);
}

}  // namespace gatehouse::qemu
