// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/core/pipeline/world.hh"

#include <gtest/gtest.h>

#include <stdexcept>

#include "hw/core/parse/parse.hh"
#include "hw/core/policy/shipped_formats.hh"

namespace gatehouse::test {
namespace {

Bytes copy(const OutFrame& frame) { return bytes_of(frame); }

void add_counts(Counts& to, const std::string& name, uint64_t value) {
  if (value != 0) to[name] = value;
}

policy::Policy card(const Shape& shape, bool a) {
  const char* own_v4 = a ? "192.0.2.1" : "192.0.2.2";
  const char* own_v6 = a ? "2001:db8::1" : "2001:db8::2";
  const char* other_v4 = a ? "192.0.2.2" : "192.0.2.1";
  const char* other_v6 = a ? "2001:db8::2" : "2001:db8::1";
  const IpAddress peer = *parse_ip(shape.v6 ? other_v6 : other_v4);

  policy::Policy policy;
  policy::Format format = *policy::shipped_format(shape.kind);
  format.name = "f";
  format.udp_checksum = shape.udp_checksum;
  format.zero_checksum_ipv6 = shape.zero_checksum_ipv6;
  format.options = shape.options;
  policy.formats.push_back(format);

  policy::Uplink uplink;
  uplink.name = "uplink0";
  uplink.mac = *parse_mac(a ? kMacA : kMacB);
  uplink.addresses = {{*parse_ip(own_v4), 24}, {*parse_ip(own_v6), 64}};
  uplink.vlan = shape.vlan;
  uplink.mtu = shape.mtu;
  if (!shape.ask) {
    const MacAddress mac = *parse_mac(a ? kMacB : kMacA);
    uplink.neighbours = {{*parse_ip(other_v4), mac}, {*parse_ip(other_v6), mac}};
  }
  policy.uplinks.push_back(uplink);

  for (const char* name : {"red", "blue"}) {
    policy::Tenant tenant;
    tenant.name = name;
    tenant.vni = policy.tenants.empty() ? 100 : 200;
    tenant.format = "f";
    tenant.mtu = shape.tenant_mtu;
    if (shape.broadcast) tenant.broadcast_peer = peer;
    policy.tenants.push_back(tenant);
  }
  const auto vnic = [&](const char* name, const char* tenant, const std::string& n) {
    policy.vnics.push_back({name,
                            tenant,
                            *parse_mac("52:54:00:00:00:0" + n),
                            {prefix("10.0.0." + n), prefix("fd00::" + n)},
                            true,
                            {}});
  };
  const auto map = [&](const char* tenant, const std::string& to, const std::string& mac) {
    policy.mappings.push_back({tenant, prefix(to), *parse_mac("52:54:00:00:00:" + mac), peer, {}});
  };
  if (a) {
    vnic("a0", "red", "1"), vnic("a1", "red", "3"), vnic("a2", "blue", "1");
    for (const char* tenant : {"red", "blue"})
      map(tenant, "10.0.0.2", "02"), map(tenant, "fd00::2", "02");
    map("red", "10.1.0.0/16", "99"), map("red", "fd01::/64", "99");
  } else {
    vnic("b0", "red", "2"), vnic("b1", "blue", "2");
    for (const char* tenant : {"red", "blue"})
      map(tenant, "10.0.0.1", "01"), map(tenant, "fd00::1", "01");
    map("red", "10.0.0.3", "03"), map("red", "fd00::3", "03");
  }
  return policy;
}

}  // namespace

void Recorder::to_uplink(unsigned uplink, std::span<const OutFrame> frames) {
  for (const OutFrame& frame : frames) sent.push_back({uplink, copy(frame)});
}
void Recorder::to_uplink_super(unsigned uplink, const OutFrame& frame, const SuperFrame& super) {
  sent.push_back({uplink, copy(frame), super});
}
void Recorder::to_vnic(unsigned vnic, std::span<const OutFrame> frames, const Layers& layers,
                       bool l4_checksum_checked, bool l4_checksum_good) {
  ++vnic_runs;
  for (const OutFrame& frame : frames) {
    received.push_back({vnic, copy(frame), layers, l4_checksum_checked, l4_checksum_good});
    expect_fit(received.back().frame, layers);
  }
}
// The vnic reads the frame by these offsets: one that lies would let it read beyond the frame.
void Recorder::expect_fit(const Bytes& frame, const Layers& layers) {
  Layers found;
  EXPECT_EQ(parse::parse(frame, {}, found), spec::DropReason::none) << to_hex(frame);
  EXPECT_EQ(found.l2_length, layers.l2_length);
  EXPECT_EQ(found.l3_end, layers.l3_end);
  EXPECT_EQ(found.l3, layers.l3);
  EXPECT_EQ(found.fragment, layers.fragment) << to_hex(frame);
  EXPECT_EQ(found.first_fragment, layers.first_fragment);
  EXPECT_EQ(found.l4, layers.l4) << to_hex(frame);
  EXPECT_EQ(found.l4_offset, layers.l4_offset);
  EXPECT_EQ(found.payload_offset, layers.payload_offset);
}
void Recorder::tapped(pipeline::TapPoint point, pipeline::TapDirection direction, unsigned port,
                      const OutFrame& frame, spec::DropReason reason) {
  taps.push_back({point, direction, port, copy(frame), reason});
}
void Recorder::dropped(bool from_vnic, unsigned port, spec::DropReason reason) {
  drops.push_back({from_vnic, port, reason});
}
void Recorder::incomplete(const stateless::Loss& loss) {
  losses.push_back({loss, {loss.missing.begin(), loss.missing.end()}});
  losses.back().loss.missing = {};
}
void Recorder::walked(spec::Stage stage, unsigned, size_t) {
  stages.push_back(spec::stage_name(stage));
}

std::string test_name(std::string format) {
  std::erase(format, '-');
  return format;
}

IpPrefix prefix(const std::string& text) {
  if (const auto parsed = parse_prefix(text)) return *parsed;
  const IpAddress ip = parse_ip(text).value();
  return {ip, static_cast<uint8_t>(ip.is_v4() ? 32 : 128)};
}

Counts counts(const pipeline::Pipeline& pipeline) {
  Counts all;
  for (const spec::DropReasonRow& row : spec::kDropReasons) {
    const auto index = static_cast<size_t>(row.reason);
    add_counts(all, std::string("drop.") + row.name, pipeline.drops()[index]);
    for (unsigned vnic = 0; vnic < pipeline::kMaxVnics; ++vnic) {
      add_counts(all, "vnic" + std::to_string(vnic) + ".drop." + row.name,
                 pipeline.drops(vnic)[index]);
    }
  }
  for (size_t i = 0; i < spec::kVnicCounterCount; ++i) {
    for (unsigned vnic = 0; vnic < pipeline::kMaxVnics; ++vnic) {
      add_counts(all, "vnic" + std::to_string(vnic) + "." + spec::kVnicCounters[i].name,
                 pipeline.counters(vnic)[i]);
    }
  }
  for (size_t i = 0; i < spec::kUplinkCounterCount; ++i) {
    for (unsigned uplink = 0; uplink < pipeline::kMaxUplinks; ++uplink) {
      add_counts(all, "uplink" + std::to_string(uplink) + "." + spec::kUplinkCounters[i].name,
                 pipeline.uplink_counters(uplink)[i]);
    }
  }
  return all;
}

Counts moved(const Counts& before, const Counts& after) {
  Counts result;
  for (const auto& [name, value] : after) {
    const auto old = before.find(name);
    const uint64_t was = old == before.end() ? 0 : old->second;
    if (value != was) result[name] = value - was;
  }
  return result;
}

World::World(const policy::Policy& policy) {
  for (unsigned i = 0; i < pipeline::kMaxUplinks; ++i) pipeline.set_uplink_present(i, true);
  if (Status status = pipeline.load(policy); !status.ok())
    throw std::runtime_error(status.message());
  for (unsigned i = 0; i < policy.vnics.size(); ++i) {
    const MacAddress mac = policy.vnics[i].mac.value_or(MacAddress{{2, 0, 0, 1, 0, uint8_t(i)}});
    const Status status = pipeline.attach_vnic(i, policy.vnics[i].name, mac);
    if (!status.ok()) throw std::runtime_error(status.message());
  }
}

World::~World() = default;

void World::from_vnic(unsigned vnic, const Bytes& frame, const Offload& offload) {
  Packet* packet = packet_of(pool, frame, static_cast<uint16_t>(vnic));
  if (packet == nullptr) throw std::runtime_error("no packet");
  packet->offload = offload;
  pipeline.from_vnic(vnic, {&packet, 1}, now);
}

void World::from_wire(const Bytes& frame, unsigned uplink, uint16_t wire_mss, uint16_t merged) {
  Packet* packet = packet_of(pool, frame, static_cast<uint16_t>(uplink));
  if (packet == nullptr) throw std::runtime_error("no packet");
  packet->wire_mss = wire_mss;
  packet->merged = merged;
  pipeline.from_uplink(uplink, {&packet, 1}, now);
}

Bytes neighbours_answer() {
  return Frame()
      .ethernet({.destination = kMacA, .source = kMacB})
      .arp({.operation = 2,
            .sender_mac = kMacB,
            .sender_ip = "192.0.2.2",
            .target_mac = kMacA,
            .target_ip = "192.0.2.1"})
      .build();
}

policy::Policy card_a(const Shape& shape) { return card(shape, true); }
policy::Policy card_b(const Shape& shape) { return card(shape, false); }

policy::Policy only_red(policy::Policy policy) {
  policy.tenants.resize(1);
  policy::Tenant& red = policy.tenants[0];
  for (const policy::Format& format : policy.formats) {
    if (format.name == red.format && !format.tenant) red.vni = 0;
  }
  std::erase_if(policy.vnics, [](const auto& vnic) { return vnic.tenant != "red"; });
  std::erase_if(policy.mappings, [](const auto& mapping) { return mapping.tenant != "red"; });
  return policy;
}

}  // namespace gatehouse::test
