// SPDX-License-Identifier: GPL-2.0-or-later
// The card's pipeline between two namespaces, without QEMU: the kernel's stack is the guest in one
// and the peer in the other.
#ifndef GATEHOUSE_TESTS_PEERS_NATIVE_BED_HH_
#define GATEHOUSE_TESTS_PEERS_NATIVE_BED_HH_

#include <thread>

#include "tests/unit/core/pipeline/world.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::peers {

// The guest is the unit tests' vnic "a0" (world.hh): eth0, with 10.0.0.1 and fd00::1. The peer is
// in the place of card "b": wire0, with 192.0.2.2 and 2001:db8::2; its tunnel device is the
// caller's to make.
class NativeBed {
 public:
  // `policy`: card_a()'s, or one like it.
  explicit NativeBed(const policy::Policy& policy);
  ~NativeBed();
  NativeBed(const NativeBed&) = delete;
  NativeBed& operator=(const NativeBed&) = delete;

  lab::Netns& guest() { return guest_; }
  lab::Netns& peer() { return peer_; }

 private:
  void pump();
  void hand_on();

  lab::Netns guest_{"guest"}, peer_{"peer"};
  int vnic_, wire_, stop_;
  test::World card_;  // the thread's while it runs
  std::thread thread_;
};

}  // namespace gatehouse::peers

#endif  // GATEHOUSE_TESTS_PEERS_NATIVE_BED_HH_
