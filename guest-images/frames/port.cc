// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/frames/port.hh"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>

namespace gatehouse::frames {
namespace {

// GRO can hand up a frame of this size.
constexpr size_t kMaxFrame = 65536 + 256;
constexpr size_t kTagAt = 12;

// The kernel takes an outer VLAN tag out of the frame; it goes back to where it was (802.1Q).
void put_tag_back(Frame* frame, const tpacket_auxdata& told) {
  if ((told.tp_status & TP_STATUS_VLAN_VALID) == 0 || frame->size() < kTagAt) return;
  const uint16_t type =
      (told.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? told.tp_vlan_tpid : ETH_P_8021Q;
  const uint8_t tag[] = {static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type),
                         static_cast<uint8_t>(told.tp_vlan_tci >> 8),
                         static_cast<uint8_t>(told.tp_vlan_tci)};
  frame->insert(frame->begin() + kTagAt, tag, tag + sizeof tag);
}

}  // namespace

Port::~Port() {
  if (fd_ >= 0) close(fd_);
}

bool Port::open(const char* interface, bool promiscuous) {
  // Protocol 0: nothing is queued before bind() has named the interface.
  fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  const int yes = 1;
  const int buffer = 8 << 20;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
  if (address.sll_ifindex == 0) return false;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  if (promiscuous) {
    packet_mreq request{};
    request.mr_ifindex = address.sll_ifindex;
    request.mr_type = PACKET_MR_PROMISC;
    if (setsockopt(fd_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) != 0)
      return false;
  }
  return setsockopt(fd_, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof yes) == 0 &&
         setsockopt(fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) == 0 &&
         bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool Port::send(const Frame& frame) {
  return ::send(fd_, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
}

std::optional<Frame> Port::receive(Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return std::nullopt;
    pollfd ready{fd_, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(left)) <= 0) continue;
    Frame frame(kMaxFrame);
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(tpacket_auxdata))];
    iovec part{frame.data(), frame.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = recvmsg(fd_, &message, MSG_DONTWAIT);
    if (got < 0) continue;
    frame.resize(static_cast<size_t>(got));
    const cmsghdr* told = CMSG_FIRSTHDR(&message);
    if (told != nullptr && told->cmsg_level == SOL_PACKET && told->cmsg_type == PACKET_AUXDATA) {
      tpacket_auxdata data;
      memcpy(&data, CMSG_DATA(told), sizeof data);
      put_tag_back(&frame, data);
    }
    return frame;
  }
}

}  // namespace gatehouse::frames
