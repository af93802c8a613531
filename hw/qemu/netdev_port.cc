// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/netdev_port.hh"

#include "hw/qemu/qemu-begin.hh"
#include "net/net.h"
#include "net/tap.h"
#include "qemu/iov.h"
#include "system/runstate.h"
#include "hw/qemu/qemu-end.hh"

#include <linux/if_tun.h>
#include <sys/ioctl.h>

using gatehouse::uplink::VirtioHeader;

namespace gatehouse::qemu {

namespace {

// Backends that are a file descriptor and nothing more. Others (libslirp, hubs) call each other.
bool bears_reentry(const NetClientState* netdev) {
  const NetClientDriver type = netdev->info->type;
  return type == NET_CLIENT_DRIVER_TAP || type == NET_CLIENT_DRIVER_DGRAM ||
         type == NET_CLIENT_DRIVER_STREAM || type == NET_CLIENT_DRIVER_SOCKET;
}

// Makes a tap take and give tunnelled super-frames, and larger headers for them. QEMU 10.0 knows
// neither, but passes frames and their headers as they are. False: the kernel doesn't, and nothing
// has changed.
bool make_tap_cut(int tap) {
  if (ioctl(tap, TUNSETOFFLOAD, uplink::kTunnelOffloads) != 0) return false;
  int header = VirtioHeader::kTunnel;
  if (ioctl(tap, TUNSETVNETHDRSZ, &header) == 0) return true;
  ioctl(tap, TUNSETOFFLOAD, 0);
  return false;
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
    if (device->offload) use_header(sides_[i], device->uplinks[i].peers.ncs[0]);
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

// Where the kernel doesn't cut tunnelled super-frames, nothing is asked for on the way in: it hands
// in whole frames with complete checksums.
void NetdevPort::use_header(Side& side, NetClientState* netdev) {
  if (!qemu_has_vnet_hdr_len(netdev, VirtioHeader::kPlain)) return;
  qemu_set_vnet_hdr_len(netdev, VirtioHeader::kPlain);
  qemu_set_offload(netdev, 0, 0, 0, 0, 0, 0, 0);
  side.joins = qemu_has_uso(netdev);
  side.cuts = netdev->info->type == NET_CLIENT_DRIVER_TAP && make_tap_cut(tap_get_fd(netdev));
  side.header = side.cuts ? VirtioHeader::kTunnel : VirtioHeader::kPlain;
  // For what QEMU itself sends, and for those who look at this netdev's frames.
  static_assert(VirtioHeader::kTunnel <= 24, "patches/0017 makes room for so many");
  netdev->vnet_hdr_len = side.header;
}

bool NetdevPort::cuts(unsigned uplink) const {
  return sides_[uplink].cuts && !sides_[uplink].waits && runstate_is_running();
}

void NetdevPort::send_super(unsigned uplink, const OutFrame& frame, const SuperFrame& super) {
  Side& side = sides_[uplink];
  const VirtioHeader header = uplink::virtio_header(super);
  errno = 0;
  const ssize_t result = send_frame(side, header, frame);
  side.waits = result == 0;
  // The kernel promised more than it does: the card cuts from now on. This frame is the wire's
  // loss.
  if (result < 0 && errno == EINVAL) side.cuts = false;
}

size_t NetdevPort::send(unsigned uplink, std::span<const OutFrame> frames) {
  Side& side = sides_[uplink];
  if (!side.nic) return frames.size();
  if (!runstate_is_running()) return 0;
  size_t taken = 0;
  while (taken < frames.size() && !side.waits) {
    const std::span<const OutFrame> rest = frames.subspan(taken);
    uplink::SuperDatagram whole;
    if (side.joins) whole = uplink::join(rest);
    ssize_t result;
    if (whole.frames > 1) {
      errno = 0;
      result = send_joined(side, rest.first(whole.frames), whole);
      if (result < 0 && errno == EINVAL) {
        side.joins = false;  // the kernel promised more than it does: one by one from now on
        continue;
      }
      taken += whole.frames;
    } else {
      result = send_frame(side, {}, rest.front());
      ++taken;
    }
    // 0: the netdev is busy and keeps what it was given; sent() tells when it takes more. An error
    // is the wire's loss.
    side.waits = result == 0;
  }
  return taken;
}

ssize_t NetdevPort::send_frame(Side& side, const VirtioHeader& header, const OutFrame& frame) {
  iovec pieces[3];
  int count = 0;
  if (side.header) pieces[count++] = {const_cast<uint8_t*>(header.octets.data()), side.header};
  for (const Slice& slice : {frame.head, frame.body}) {
    if (slice.length) pieces[count++] = {const_cast<uint8_t*>(slice.data), slice.length};
  }
  return qemu_sendv_packet_async(qemu_get_queue(side.nic), pieces, count, sent);
}

ssize_t NetdevPort::send_joined(Side& side, std::span<const OutFrame> frames,
                                const uplink::SuperDatagram& whole) {
  VirtioHeader header = uplink::virtio_header(whole);
  std::vector<iovec>& pieces = side.pieces;
  pieces.clear();
  pieces.push_back({header.octets.data(), side.header});
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
  const size_t header = that->header;
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
  const card::Arrival arrival = header ? uplink::arrival({octets, header}) : card::Arrival{};
  return that->card->receive(that->index, frame, at_once, arrival) ? static_cast<ssize_t>(length)
                                                                   : 0;
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
