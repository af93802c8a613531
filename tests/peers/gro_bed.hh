// SPDX-License-Identifier: GPL-2.0-or-later
// Frames through the kernel's GRO, behind a tunnel device of its own or behind none.
#ifndef GATEHOUSE_TESTS_PEERS_GRO_BED_HH_
#define GATEHOUSE_TESTS_PEERS_GRO_BED_HH_

#include <string>
#include <vector>

#include "tests/unit/core/frames.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::peers {

// In the place of the unit tests' card "b" (world.hh), for its VNI 100.
class GroBed {
 public:
  // `tunnel`: a link type of which the kernel has one; empty: frames come as the guest sent them.
  GroBed(const std::string& tunnel, bool outer_v6);
  ~GroBed();
  GroBed(const GroBed&) = delete;
  GroBed& operator=(const GroBed&) = delete;

  // What comes out when these frames have come in within one tick of the kernel's clock; in order,
  // with whole checksums. `segments`: that were in them; throws Failure when others come out.
  std::vector<test::Bytes> pass(const std::vector<test::Bytes>& frames, size_t segments);

 private:
  std::vector<test::Bytes> arrived(size_t segments);
  test::Bytes receive(size_t* segments);

  lab::Netns net_{"gro"};
  int wire_;
  int socket_;
};

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_GRO_BED_HH_
