// SPDX-License-Identifier: GPL-2.0-or-later
// What the card counts besides drops (hw/spec/drop_reasons.hh) and the 82574L's own statistics registers. All counters
// are 64 bits, wrap never in practice, and reading them changes nothing.
#ifndef GATEHOUSE_HW_SPEC_COUNTERS_HH_
#define GATEHOUSE_HW_SPEC_COUNTERS_HH_

#include <cstddef>
#include <cstdint>

namespace gatehouse::spec {

// X(name, "text"): one set for each vnic
#define GATEHOUSE_VNIC_COUNTERS(X)                                                  \
  X(tx_frames, "frames taken from the guest; a super-frame counts once")            \
  X(tx_bytes, "octets of these frames, without FCS")                                \
  X(tx_super_frames, "frames that the guest left to the card to segment")           \
  X(tx_segments, "frames made from super-frames")                                   \
  X(tx_encapsulated, "frames encapsulated towards an underlay peer")                \
  X(tx_local, "frames delivered to another vnic of this card")                      \
  X(tx_drops, "frames from the guest that were dropped, for whatever reason")       \
  X(rx_frames, "frames handed to the vnic's receive rings")                         \
  X(rx_bytes, "octets of these frames, without FCS")                                \
  X(rx_drops, "frames for this vnic that were dropped, for whatever reason")        \
  X(answers, "ARP and Neighbor Discovery questions that the card answered")         \
  X(icmp_too_big, "ICMP Fragmentation Needed and Packet Too Big sent to the guest") \
  X(fragments, "inner IPv4 fragments made because of the overlay MTU")              \
  X(firewall_opened, "connections that the vnic's firewall let begin")              \
  X(firewall_evicted, "connections that had to go for new ones")                    \
  X(firewall_revoked, "connections that a change of the rules ended")               \
  X(firewall_closed, "connections that ended by FIN or RST")                        \
  X(firewall_related, "ICMP errors let through because of a live connection")       \
  X(firewall_logged, "frames about which a rule with log decided")                  \
  X(meter_green, "frames within the committed rate")                                \
  X(meter_yellow, "frames above the committed rate, but not above the peak rate")   \
  X(mirrored, "frames from and to the guest copied to its mirror session")          \
  X(mirror_lost, "of these, what could not be copied or sent at once")              \
  X(rx_coalesced, "frames made of TCP segments that followed one another")          \
  X(rx_merged, "segments from the wire that these were made of")                    \
  X(firewall_log_suppressed, "of firewall_logged, those of which no event told")    \
  X(tx_shaped, "TCP-shaped segments of frames that did not fit one")

// X(name, "text"): one set for each uplink
#define GATEHOUSE_UPLINK_COUNTERS(X)                                                    \
  X(tx_frames, "frames sent on the wire")                                               \
  X(tx_bytes, "octets of these frames, without FCS")                                    \
  X(tx_drops, "frames for this uplink that were dropped")                               \
  X(rx_frames, "frames that came from the wire")                                        \
  X(rx_bytes, "octets of these frames, without FCS")                                    \
  X(rx_drops, "frames from the wire that were dropped before they had a vnic")          \
  X(rx_decapsulated, "tunnel frames accepted")                                          \
  X(neighbour_requests, "ARP requests and Neighbor Solicitations sent on the underlay") \
  X(neighbour_answers, "questions for the card's own underlay addresses answered")      \
  X(rx_neighbour, "ARP and ND frames from the wire that were for the card itself")      \
  X(rx_super_frames, "of rx_frames: handed in by the wire before they were segmented")  \
  X(rx_segments, "frames for vnics made from these, and from reassembled ones")         \
  X(rx_shaped, "TCP-shaped segments that were kept until their frame is whole")         \
  X(rx_reassembled, "frames that were put together from all of theirs")                 \
  X(rx_recovered, "parts of redundant frames of which other segments were lost")

enum class VnicCounter : uint8_t {
#define GATEHOUSE_COUNTER_ENUM(name, text) name,
  GATEHOUSE_VNIC_COUNTERS(GATEHOUSE_COUNTER_ENUM) kCount
};
enum class UplinkCounter : uint8_t { GATEHOUSE_UPLINK_COUNTERS(GATEHOUSE_COUNTER_ENUM) kCount };
#undef GATEHOUSE_COUNTER_ENUM

struct CounterRow {
  const char* name;
  const char* text;
};
#define GATEHOUSE_COUNTER_ROW(name, text) {#name, text},
inline constexpr CounterRow kVnicCounters[] = {GATEHOUSE_VNIC_COUNTERS(GATEHOUSE_COUNTER_ROW)};
inline constexpr CounterRow kUplinkCounters[] = {GATEHOUSE_UPLINK_COUNTERS(GATEHOUSE_COUNTER_ROW)};
#undef GATEHOUSE_COUNTER_ROW

inline constexpr size_t kVnicCounterCount = static_cast<size_t>(VnicCounter::kCount);
inline constexpr size_t kUplinkCounterCount = static_cast<size_t>(UplinkCounter::kCount);

}  // namespace gatehouse::spec

#endif  // GATEHOUSE_HW_SPEC_COUNTERS_HH_
