// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/frame_input.hh"

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::fuzz {
namespace {

using test::Frame;

std::vector<Bytes> make_guest_frames() {
  const Bytes option = test::nd_link_option(1, "52:54:00:00:00:01");
  const auto nd = [](const char* source, const char* to) {
    return Frame().ethernet().ipv6({.source = source, .destination = to, .hop_limit = 255});
  };
  const Bytes quoted = test::cut(Frame()
                                     .ethernet()
                                     .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                                     .tcp({.source = 80, .destination = 40000})
                                     .payload(8)
                                     .build(),
                                 14 + 28);
  const Bytes quoted6 = Frame()
                            .ethernet()
                            .ipv6({.source = "fd00::2", .destination = "fd00::1"})
                            .udp({.source = 5000, .destination = 40000})
                            .payload(8)
                            .build();
  Bytes bootp(240);
  bootp[0] = bootp[1] = 1;
  bootp[2] = 6;
  bootp = test::patch(bootp, 28, {0x52, 0x54, 0, 0, 0, 1});
  bootp = test::patch(bootp, 236, {99, 130, 83, 99});
  const Bytes mss = {2, 4, 5, 0xb4, 1, 3, 3, 7};
  return {
      Frame().ethernet().ipv4().udp().payload(40).build(),
      Frame().ethernet().ipv4().tcp().payload(200).build(),
      Frame().ethernet().ipv4().tcp({.acknowledgement = 0, .flags = 2, .options = mss}).build(),
      Frame().ethernet().ipv4().tcp({.flags = 0x12, .options = mss}).build(),
      Frame().ethernet().ipv4().tcp({.flags = 0x11}).build(),
      Frame().ethernet().ipv4().tcp({.flags = 4}).build(),
      Frame().ethernet().ipv4({.dont_fragment = true}).tcp().payload(3000).build(),
      Frame().ethernet().ipv4({.options = {1, 1, 1, 0}}).udp().payload(2000).build(),
      Frame().ethernet().ipv4({.more_fragments = true}).udp().payload(72).build(),
      Frame().ethernet().ipv4({.fragment_offset = 80, .protocol = 17}).payload(30).build(),
      Frame().ethernet().ipv4().icmp().payload(64).build(),
      Frame()
          .ethernet()
          .ipv4()
          .icmp({.type = 3, .code = 4})
          .payload(Bytes(quoted.begin() + 14, quoted.end()))
          .build(),
      Frame().ethernet().ipv4({.protocol = 132}).payload(20).build(),
      Frame()
          .ethernet({.destination = "ff:ff:ff:ff:ff:ff"})
          .ipv4({.source = "0.0.0.0", .destination = "255.255.255.255"})
          .udp({.source = 68, .destination = 67})
          .payload(bootp)
          .build(),
      Frame().ethernet().ipv6().udp().payload(40).build(),
      Frame().ethernet().ipv6().tcp().payload(1800).build(),
      Frame().ethernet().ipv6().tcp({.acknowledgement = 0, .flags = 2, .options = mss}).build(),
      Frame()
          .ethernet()
          .ipv6()
          .extension(0)
          .extension(60)
          .fragment(0, true)
          .udp()
          .payload(72)
          .build(),
      Frame().ethernet().ipv6().fragment(80, false).payload(24).build(),
      Frame().ethernet().ipv6().extension(43, {0, 1, 0, 0, 0, 0}).udp().payload(8).build(),
      Frame().ethernet().ipv6().icmp({.type = 128}).payload(64).build(),
      Frame()
          .ethernet()
          .ipv6()
          .icmp({.type = 1})
          .payload(Bytes(quoted6.begin() + 14, quoted6.end()))
          .build(),
      Frame().ethernet().vlan(7).ipv4().udp().payload(9).build(),
      Frame().ethernet().vlan(0).vlan(4).ipv6().udp().payload(9).build(),
      Frame().ethernet({.destination = "ff:ff:ff:ff:ff:ff"}).arp().build(),
      Frame().ethernet().arp({.operation = 2}).build(),
      nd("fd00::1", "ff02::1:ff00:2").neighbor_solicitation("fd00::2", option).build(),
      nd("::", "ff02::1:ff00:2").neighbor_solicitation("fd00::2").build(),
      nd("fe80::1", "ff02::2").icmp({.type = 133}).payload(option).build(),
      nd("fd00::1", "ff02::1")
          .neighbor_advertisement("fd00::1", 0, test::nd_link_option(2, "52:54:00:00:00:01"))
          .build(),
  };
}

// Octets of the frame that an input changes.
size_t take_place(Input& input, const Bytes& frame) {
  return input.below(static_cast<uint32_t>(std::min<size_t>(frame.size(), 65536)));
}

}  // namespace

const std::vector<Bytes>& guest_frames() {
  static const std::vector<Bytes> kFrames = make_guest_frames();
  return kFrames;
}

void change(Bytes& frame, Input& input) {
  for (unsigned changes = input.below(8); changes != 0 && !frame.empty(); --changes) {
    const unsigned how = input.below(8);
    const size_t at = take_place(input, frame);
    const auto place = frame.begin() + static_cast<ptrdiff_t>(at);
    const size_t left = frame.size() - at;
    switch (how) {
      case 0:
        frame.resize(at);
        break;
      case 1: {
        const Bytes more = input.octets(input.below(64));
        frame.insert(place, more.begin(), more.end());
        break;
      }
      case 2:
        frame.erase(place, place + static_cast<ptrdiff_t>(std::min<size_t>(left, input.below(64))));
        break;
      case 3:
        if (left >= 2) frame = test::patch(frame, at, input.octets(2));
        break;
      case 4:
        if (left >= 4) frame = test::patch(frame, at, input.octets(4));
        break;
      default:
        *place = input.take();
        break;
    }
    if (frame.size() > kMostFrame) frame.resize(kMostFrame);
  }
}

void mend_ipv4(Bytes& frame, size_t l3) {
  if (frame.size() < l3 + 20 || frame[l3] != 0x45) return;
  frame[l3 + 2] = static_cast<uint8_t>((frame.size() - l3) >> 8);
  frame[l3 + 3] = static_cast<uint8_t>(frame.size() - l3);
  frame[l3 + 10] = frame[l3 + 11] = 0;
  const uint16_t sum = static_cast<uint16_t>(~test::naive_sum(std::span(frame).subspan(l3, 20)));
  frame[l3 + 10] = static_cast<uint8_t>(sum >> 8);
  frame[l3 + 11] = static_cast<uint8_t>(sum);
}

void mend_sums(Bytes& frame) {
  const auto octets = [&](size_t at) { return std::span(frame).subspan(at); };
  size_t l3 = 14;
  while (frame.size() >= l3 + 4 && is_vlan_type(load_be<uint16_t>(&frame[l3 - 2]))) l3 += 4;
  if (frame.size() < l3 + 40) return;
  const bool v6 = frame[l3] >> 4 == 6;
  const size_t l4 = l3 + (v6 ? 40 : 20), length = frame.size() - l4;
  if (length < 8 || length > 0xffff) return;
  if (v6) {
    store_be(&frame[l3 + 4], static_cast<uint16_t>(length));
  } else {
    mend_ipv4(frame, l3);
    if (frame[l3] != 0x45 || (load_be<uint16_t>(&frame[l3 + 6]) & 0x3fff) != 0) return;
  }
  const uint8_t protocol = frame[l3 + (v6 ? 6 : 9)];
  size_t at = 0;
  bool pseudo = true;
  switch (protocol) {
    case 6:
      at = 16;
      break;
    case 17:
      store_be(&frame[l4 + 4], static_cast<uint16_t>(length));
      if (load_be<uint16_t>(&frame[l4 + 6]) == 0) return;
      at = 6;
      break;
    case 1:
    case 58:
      at = 2;
      pseudo = v6;
      break;
    case 47:
      if ((frame[l4] & 0x80) == 0) return;
      at = 4;
      pseudo = false;
      break;
    default:
      return;
  }
  if (length < at + 2) return;
  uint16_t seed = 0;
  if (pseudo && v6) {
    seed = checksum::pseudo_v6(&frame[l3 + 8], &frame[l3 + 24], protocol,
                               static_cast<uint32_t>(length));
  } else if (pseudo) {
    seed = checksum::pseudo_v4(&frame[l3 + 12], &frame[l3 + 16], protocol,
                               static_cast<uint16_t>(length));
  }
  store_be(&frame[l4 + at], uint16_t{0});
  store_be(&frame[l4 + at], checksum::finish_udp(test::naive_sum(octets(l4), seed)));
}

Bytes take_frame(Input& input, std::span<const Bytes> known) {
  const uint32_t which = input.below(static_cast<uint32_t>(known.size()) + 1);
  if (which == known.size()) return input.octets(input.below(kMostFrame));
  Bytes frame = known[which];
  const uint8_t mend = input.take();
  change(frame, input);
  if (mend & 1) mend_ipv4(frame);
  if (mend & 2) mend_sums(frame);
  frame.shrink_to_fit();
  return frame;
}

Offload take_offload(Input& input, const Bytes& frame) {
  Offload offload;
  const uint8_t how = input.take();
  if (how % 2 == 0) return offload;
  Layers layers;
  static_cast<void>(parse::parse(frame, {.ipv4_checksum = false, .super_frame = true}, layers));
  offload.tso = how & 2;
  offload.ip_checksum = how & 4;
  offload.l4_checksum = how & 8;
  offload.tcp = layers.l4 == L4::kTcp;
  offload.ipv4 = layers.l3 == L3::kIpv4;
  offload.mss = input.take<uint16_t>();
  offload.header_length = layers.payload_offset;
  offload.payload_length = static_cast<uint32_t>(frame.size()) - layers.payload_offset;
  offload.ipcss = layers.l2_length;
  offload.ipcso = static_cast<uint16_t>(layers.l2_length + 10);
  offload.ipcse = static_cast<uint16_t>(layers.l4_offset - 1);
  offload.tucss = layers.l4_offset;
  offload.tucso = static_cast<uint16_t>(layers.l4_offset + (offload.tcp ? 16 : 6));
  if (how & 16) offload.header_length = input.take<uint16_t>();
  if (how & 32) offload.payload_length = input.take<uint32_t>();
  if (how & 64) {
    offload.tcp = input.flag();
    offload.ipv4 = input.flag();
  }
  if (how & 128) {
    for (uint16_t* place : {&offload.ipcss, &offload.ipcso, &offload.ipcse, &offload.tucss,
                            &offload.tucso, &offload.tucse})
      *place = input.take<uint16_t>();
  }
  return offload;
}

}  // namespace gatehouse::fuzz
