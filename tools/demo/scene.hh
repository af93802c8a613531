// SPDX-License-Identifier: GPL-2.0-or-later
// The scene of the demo: an underlay, three guests with a card each, and who belongs to which
// tenant.
#ifndef GATEHOUSE_TOOLS_DEMO_SCENE_HH_
#define GATEHOUSE_TOOLS_DEMO_SCENE_HH_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/lab/guest.hh"
#include "tools/lab/topology.hh"

namespace gatehouse::demo {

inline constexpr const char* kFirst = "192.168.0.1";      // in both tenants
inline constexpr const char* kSecond = "192.168.0.2";     // in both tenants
inline constexpr const char* kBlueOnly = "192.168.0.77";  // blue-2 has it too

// Guests red-1 and red-2 have a vnic each. Guest blue has two, blue-1 and blue-2, on one card;
// blue-2 lives in a network namespace of its guest, so that the two talk through the card and not
// inside the guest.
class Scene {
 public:
  explicit Scene(const std::string& folder);

  lab::Guest& red1() { return *red1_; }
  lab::Guest& red2() { return *red2_; }
  lab::Guest& blue() { return *blue_; }
  const lab::Topology& topology() const { return topology_; }
  std::string capture(const std::string& guest) const { return folder_ + "/" + guest + ".pcapng"; }
  void start_captures();
  void stop_captures();

  // The card of a guest as `query-gatehouse` shows it.
  static nlohmann::json card(lab::Guest& guest);

 private:
  std::unique_ptr<lab::Guest> start(const std::string& host);
  void configure();

  std::string folder_;
  lab::WorkDir work_{"demo"};
  lab::Topology topology_;
  std::unique_ptr<lab::Process> underlay_;
  std::unique_ptr<lab::Guest> red1_, red2_, blue_;
};

}  // namespace gatehouse::demo

#endif  // GATEHOUSE_TOOLS_DEMO_SCENE_HH_
