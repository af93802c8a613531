// SPDX-License-Identifier: GPL-2.0-or-later
// The stages of the packet path, in the order of the way out, then those that only the way in has. One name serves the
// folder, the namespace, the trace point and the heading in docs/packet-path.md.
#ifndef GATEHOUSE_HW_SPEC_STAGES_HH_
#define GATEHOUSE_HW_SPEC_STAGES_HH_

#include <cstdint>

namespace gatehouse::spec {

// X(name, "what it decides or does")
#define GATEHOUSE_STAGES(X)                                                                       \
  X(vnic, "descriptor rings of the 82574L: guest memory to frames and back")                      \
  X(parse, "finds the headers of a frame; refuses what is malformed")                             \
  X(spoof, "a frame from a vnic may carry only that vnic's own addresses")                        \
  X(resolve, "answers ARP and Neighbor Discovery from the mapping")                               \
  X(flow, "finds the connection that a frame belongs to")                                         \
  X(firewall, "a vnic's rules, and what belongs to connections that they let begin")              \
  X(overlay, "tenant + destination to underlay peer, VNI and inner MAC, or to a local vnic")      \
  X(segment, "cuts super-frames to MSS, fragments or refuses what exceeds the overlay MTU")       \
  X(meter, "colours frames by the rates of vnic and tenant; drops or marks what exceeds")         \
  X(encapsulate, "puts the outer Ethernet, IP and UDP headers and the format's tunnel header on") \
  X(underlay, "neighbours of the uplinks: whose MAC has the next hop")                            \
  X(uplink, "link rate, latency, and the netdev behind it")                                       \
  X(decapsulate, "checks peer, VNI and outer headers and takes them off")                         \
  X(stateless, "TCP-shaped segments: large frames go out in several and are put together again")  \
  X(coalesce, "TCP segments from the wire that follow one another become one frame")              \
  X(deliver, "finds the vnic to which a decapsulated frame goes")

enum class Stage : uint8_t {
#define GATEHOUSE_STAGE_ENUM(name, text) name,
  GATEHOUSE_STAGES(GATEHOUSE_STAGE_ENUM)
#undef GATEHOUSE_STAGE_ENUM
      kCount
};

constexpr const char* stage_name(Stage stage) {
  constexpr const char* kNames[] = {
#define GATEHOUSE_STAGE_NAME(name, text) #name,
      GATEHOUSE_STAGES(GATEHOUSE_STAGE_NAME)
#undef GATEHOUSE_STAGE_NAME
  };
  return stage < Stage::kCount ? kNames[static_cast<uint8_t>(stage)] : "?";
}

}  // namespace gatehouse::spec

#endif  // GATEHOUSE_HW_SPEC_STAGES_HH_
