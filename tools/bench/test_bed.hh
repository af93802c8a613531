// SPDX-License-Identifier: GPL-2.0-or-later
// What the benches measure on: a guest, a namespace, a tap between them.
#ifndef GATEHOUSE_TOOLS_BENCH_TEST_BED_HH_
#define GATEHOUSE_TOOLS_BENCH_TEST_BED_HH_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hw/spec/partition.hh"
#include "tools/lab/guest.hh"
#include "tools/lab/netns.hh"

namespace gatehouse::bench {

// Overlay (or plain) addresses: the same on every bench bed, each in its own namespace.
inline constexpr const char* kGuestAddress = "10.1.0.2";
inline constexpr const char* kPeerAddress = "10.1.0.1";

// How a bed's guest reaches its peer.
enum class Bed {
  kCard,         // gatehouse-vnic; Geneve and anti-spoofing on the card
  kStock,        // e1000e, nothing else
  kStockTunnel,  // e1000e; vxlan and a stateful nftables firewall inside the guest
};

// Whether a sequestered partition stands beside the guest, whose firmware can take over its NIC;
// whether its core halts at once when there is nothing to do, or polls first; and whether it
// inspects frames by a rule, plainly, with seals or as copies.
enum class Partition { kNone, kHalting, kPolling, kInspecting, kSealing, kCopying };

// Seconds until a fresh guest's agent answers; with a partition, it has the NIC from the start.
double boot(Bed bed, const lab::WorkDir& work, Partition partition);

// Two guests that boot at once on one CPU of this machine, so that whatever slows it slows both:
// seconds of CPU that all of their QEMUs' threads use until the guests' agents answer, with a
// halting partition and without one.
std::pair<double, double> boot_at_once(Bed bed, const lab::WorkDir& work);

// A guest, a namespace, a tap between them, load generators on both ends.
class TestBed {
 public:
  TestBed(Bed bed, const lab::WorkDir& work, Partition partition = Partition::kNone);

  // One measurement by the guest's load generator against the peer's (guest-images/README.md):
  // "tcp-out", "tcp-in" in Mb/s of payload that arrived, "udp-out", "udp-in" in datagrams of 64
  // octets that arrived per second, "tcp-rr" in transactions per second.
  double load(const std::string& mode);

  // The partition takes the guest's NIC over, or hands it back; throws Failure when its firmware
  // says that it could not.
  void intercept(bool on);

  // Whether the guest's TCP hands its NIC large frames to be cut, or cuts them itself.
  void segmentation_by_nic(bool on);

  lab::Guest& guest() { return *guest_; }
  // What the partition's firmware has counted so far, by name.
  std::map<std::string, double> interceptor_counts();

 private:
  void prepare_peer();
  void prepare_guest();
  void request(partition::Request request, const char* purpose);
  std::string partition_console() const;

  Bed bed_;
  std::string name_;
  const lab::WorkDir& work_;
  lab::Netns peer_;
  std::unique_ptr<lab::Guest> guest_;
  std::unique_ptr<lab::Process> load_server_;
};

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_TEST_BED_HH_
