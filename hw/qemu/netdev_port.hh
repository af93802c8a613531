// SPDX-License-Identifier: GPL-2.0-or-later
// The uplinks of a card as QEMU NICs, each connected to a netdev.
#ifndef GATEHOUSE_HW_QEMU_NETDEV_PORT_HH_
#define GATEHOUSE_HW_QEMU_NETDEV_PORT_HH_

#include "hw/qemu/card_device.hh"

#include "hw/card/card.hh"
#include "hw/card/uplink/virtio_header.hh"

namespace gatehouse::qemu {

class NetdevPort final : public card::UplinkPort {
 public:
  NetdevPort() = default;
  ~NetdevPort() override { disconnect(); }
  NetdevPort(const NetdevPort&) = delete;
  NetdevPort& operator=(const NetdevPort&) = delete;

  // Makes a net client "<name>.uplink<N>" for each uplink that has a netdev. The card must exist
  // until disconnect().
  void connect(GatehouseCardState* device, const std::string& name, card::Card* card);
  void disconnect();
  // What `info network` shows and what announces the card after a migration.
  void set_mac(unsigned uplink, const MacAddress& mac);

  // Nothing is taken while the machine stands still: QEMU would put it into a queue, and its queues
  // are no part of a saved state. The uplinks' are.
  size_t send(unsigned uplink, std::span<const OutFrame> frames) override;
  bool cuts(unsigned uplink) const override;
  void send_super(unsigned uplink, const OutFrame& frame, const SuperFrame& super) override;
  void resume(unsigned uplink) override;

 private:
  struct Side {
    NICState* nic = nullptr;
    card::Card* card = nullptr;
    unsigned index = 0;
    bool at_once = false;       // it bears being sent to while it hands in a frame
    uint32_t header = 0;        // octets in front of each frame (uplink/virtio_header.hh)
    bool joins = false;         // it cuts super-datagrams (uplink/super_datagram.hh)
    bool cuts = false;          // it cuts tunnelled super-frames
    std::vector<iovec> pieces;  // scratch
    bool waits = false;         // the netdev queued a frame and has not yet said that it sent it
  };
  static Side* side(NetClientState* client) {
    return static_cast<Side*>(qemu_get_nic_opaque(client));
  }
  // The result of QEMU's send: 0 when the netdev keeps the frame and is busy, negative when it
  // failed.
  static ssize_t send_frame(Side& side, const uplink::VirtioHeader& header, const OutFrame& frame);
  static ssize_t send_joined(Side& side, std::span<const OutFrame> frames,
                             const uplink::SuperDatagram& whole);
  static void use_header(Side& side, NetClientState* netdev);
  static bool can_receive(NetClientState* client);
  static ssize_t receive(NetClientState* client, const iovec* pieces, int count);
  static ssize_t receive_octets(NetClientState* client, const uint8_t* octets, size_t length);
  static void link_changed(NetClientState* client);
  static void sent(NetClientState* client, ssize_t octets);
  static NetClientInfo* client_info();

  std::array<Side, pipeline::kMaxUplinks> sides_;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_NETDEV_PORT_HH_
