// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/netdev_port.hh"

#include "hw/qemu/qemu-begin.hh"
#include "net/net.h"
#include "qemu/iov.h"
#include "standard-headers/linux/virtio_net.h"
#include "system/runstate.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {

namespace {

// Backends that are a file descriptor and nothing more. Others (libslirp, hubs) call each other.
bool bears_reentry(const NetClientState* netdev) {
  const NetClientDriver type = netdev->info->type;
  return type == NET_CLIENT_DRIVER_TAP || type == NET_CLIENT_DRIVER_DGRAM ||
         type == NET_CLIENT_DRIVER_STREAM || type == NET_CLIENT_DRIVER_SOCKET;
}

}  // namespace

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
    sides_[i].card = card;
    sides_[i].index = i;
    sides_[i].at_once = bears_reentry(device->uplinks[i].peers.ncs[0]);
    use_header(sides_[i], device->uplinks[i].peers.ncs[0], device->offload);
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

// Nothing is asked for on the way in: the host's kernel hands in whole frames with complete
// checksums.
void NetdevPort::use_header(Side& side, NetClientState* netdev, bool offload) {
  side.offload =
      offload && qemu_has_vnet_hdr_len(netdev, sizeof(virtio_net_hdr)) && qemu_has_uso(netdev);
  side.header = side.offload;
  if (!side.header) return;
  qemu_set_vnet_hdr_len(netdev, sizeof(virtio_net_hdr));
  qemu_set_offload(netdev, 0, 0, 0, 0, 0, 0, 0);
}

size_t NetdevPort::send(unsigned uplink, std::span<const OutFrame> frames) {
  Side& side = sides_[uplink];
  if (!side.nic) return frames.size();
  size_t taken = 0;
  while (taken < frames.size() && !side.waits) {
    const std::span<const OutFrame> rest = frames.subspan(taken);
    uplink::SuperDatagram whole;
    if (side.offload) whole = uplink::join(rest);
    ssize_t result;
    if (whole.frames > 1) {
      result = send_joined(side, rest.first(whole.frames), whole);
      if (result < 0) {
        side.offload = false;  // the kernel promised more than it does: one by one from now on
        continue;
      }
      taken += whole.frames;
    } else {
      result = send_frame(side, rest.front());
      ++taken;
    }
    // 0: the netdev is busy and keeps what it was given; sent() tells when it takes more. An error
    // is the wire's loss.
    side.waits = result == 0;
  }
  return taken;
}

ssize_t NetdevPort::send_frame(Side& side, const OutFrame& frame) {
  virtio_net_hdr header{};
  iovec pieces[3];
  int count = 0;
  if (side.header) pieces[count++] = {&header, sizeof header};
  for (const Slice& slice : {frame.head, frame.body}) {
    if (slice.length) pieces[count++] = {const_cast<uint8_t*>(slice.data), slice.length};
  }
  return qemu_sendv_packet_async(qemu_get_queue(side.nic), pieces, count, sent);
}

ssize_t NetdevPort::send_joined(Side& side, std::span<const OutFrame> frames,
                                const uplink::SuperDatagram& whole) {
  constexpr uint16_t kUdpChecksumOffset = 6;
  virtio_net_hdr header{};
  header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  header.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
  header.hdr_len = static_cast<uint16_t>(whole.header_length);
  header.gso_size = static_cast<uint16_t>(whole.segment_octets);
  header.csum_start = static_cast<uint16_t>(whole.udp_offset);
  header.csum_offset = kUdpChecksumOffset;
  std::vector<iovec>& pieces = side.pieces;
  pieces.clear();
  pieces.push_back({&header, sizeof header});
  pieces.push_back({const_cast<uint8_t*>(whole.header), whole.header_length});
  for (const OutFrame& frame : frames) {
    uint32_t skip = whole.header_length;  // lies in the first piece that is not empty
    for (const Slice& slice : {frame.head, frame.body}) {
      if (slice.length == 0) continue;
      if (slice.length > skip)
        pieces.push_back({const_cast<uint8_t*>(slice.data) + skip, slice.length - skip});
      skip = 0;
    }
  }
  return qemu_sendv_packet_async(qemu_get_queue(side.nic), pieces.data(),
                                 static_cast<int>(pieces.size()), sent);
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
  const size_t length = iov_size(pieces, static_cast<unsigned>(count));
  const size_t header = that->header ? sizeof(virtio_net_hdr) : 0;
  if (length < header) return static_cast<ssize_t>(length);
  // Netdevs send frames in one piece; QEMU's own injections may come in more.
  std::vector<uint8_t> joined;
  const auto* octets = static_cast<const uint8_t*>(pieces[0].iov_base);
  if (count > 1) {
    joined.resize(length);
    iov_to_buf(pieces, static_cast<unsigned>(count), 0, joined.data(), length);
    octets = joined.data();
  }
  const OutFrame frame{{octets + header, static_cast<uint32_t>(length - header)}, {}};
  // While the VM is stopped the card only keeps what comes.
  const bool at_once = that->at_once && runstate_is_running();
  return that->card->receive(that->index, frame, at_once) ? static_cast<ssize_t>(length) : 0;
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
