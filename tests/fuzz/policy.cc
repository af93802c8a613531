// SPDX-License-Identifier: GPL-2.0-or-later
// The policy file: tokens, schema, references. What is accepted holds together, and a card takes it
// or says why not; what is refused is refused with a place.
#include "hw/core/policy/policy.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/pipeline/quiet_sink.hh"
#include "hw/core/policy/format_rules.hh"
#include "hw/core/policy/reader.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::fuzz {
namespace {

constexpr size_t kMostVnics = 3, kMostMappings = 4, kMostFrames = 20;

// A guest's frame with other ends.
Bytes addressed(Bytes frame, const MacAddress& from, const policy::Vnic& vnic,
                const policy::Mapping& to) {
  std::ranges::copy(to.mac.octets, frame.begin());
  std::ranges::copy(from.octets, frame.begin() + 6);
  const bool v4 = frame[12] == 0x08 && frame[13] == 0x00;
  const size_t octets = v4 ? 4 : 16;
  const auto put = [&](const IpAddress& address, ptrdiff_t at) {
    if (address.is_v4() == v4) std::copy_n(address.octets.begin(), octets, frame.begin() + at);
  };
  for (const IpPrefix& own : vnic.addresses) put(own.address, v4 ? 26 : 22);
  put(to.destination.address, v4 ? 30 : 38);
  mend_sums(frame);
  return frame;
}

// Frames to what the policy maps, through all its tables.
void play(const policy::Policy& policy, PacketPool& pool, pipeline::Pipeline& pipeline) {
  for (unsigned uplink = 0; uplink < pipeline::kMaxUplinks; ++uplink)
    pipeline.set_uplink_present(uplink, true);
  int64_t now = 1'000'000'000;
  const std::span<const Bytes> frames(guest_frames());
  for (size_t i = 0; i < std::min(kMostVnics, policy.vnics.size()); ++i) {
    const policy::Vnic& row = policy.vnics[i];
    const MacAddress mac = row.mac.value_or(MacAddress{{2, 0, 0, 0, 9, static_cast<uint8_t>(i)}});
    const auto vnic = static_cast<unsigned>(i);
    if (!pipeline.attach_vnic(vnic, row.name, mac).ok()) continue;
    for (size_t to = 0; to < std::min(kMostMappings, policy.mappings.size()); ++to) {
      for (const Bytes& frame : frames.first(kMostFrames)) {
        if (frame[12] != 0x08 && frame[12] != 0x86) continue;
        Packet* packet = test::packet_of(pool, addressed(frame, mac, row, policy.mappings[to]));
        if (packet == nullptr) continue;
        packet->port = static_cast<uint16_t>(i);
        pipeline.from_vnic(vnic, {&packet, 1}, now);
      }
      now += 1'000'000;
      if (pipeline.next_tick() <= now) pipeline.tick(now);
    }
  }
  for (unsigned ticks = 0; pipeline.next_tick() != INT64_MAX; ++ticks) {
    require(ticks < 10'000, "the clockwork comes to rest");
    now = std::max(now, pipeline.next_tick());
    pipeline.tick(now);
  }
  require(pool.in_use() == 0, "all packets are given back");
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  // A text that ends where its memory does.
  const Bytes copy(octets.begin(), octets.end());
  const std::string_view text(reinterpret_cast<const char*>(copy.data()), copy.size());
  Result<policy::Policy> read = policy::read_policy(text, "p", {.octets = 1 << 16});
  if (!read.ok()) {
    const std::string& message = read.status().message();
    require(message.starts_with("p:"), "a message begins with the file's name");
    for (const char c : message) {
      require(static_cast<unsigned char>(c) >= ' ' && c != 0x7f,
              "one line, which a terminal bears");
    }
    return;
  }
  policy::Policy& policy = read.value();
  for (const policy::Format& format : policy.formats)
    require(!policy::check_format(format), "a format that was read holds together");
  // Its memory is taken as connections come, but for what a sanitizer shadows.
  policy.connections = std::min(policy.connections, 1024u);

  PacketPool pool(
      {.small_count = 16, .small_octets = 2304, .large_count = 2, .large_octets = 5120});
  pipeline::QuietSink sink;
  pipeline::Pipeline pipeline(pool, sink);
  const Status first = pipeline.load(policy);
  require(pipeline.load(policy).message() == first.message(), "the same once more");
  if (!first.ok()) return;
  require(pipeline.sizes().tenants == policy.tenants.size(), "all tenants are there");
  require(pipeline.sizes().vnics == policy.vnics.size(), "all vnics are there");
  play(policy, pool, pipeline);
}

}  // namespace gatehouse::fuzz
