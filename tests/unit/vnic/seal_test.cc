// SPDX-License-Identifier: GPL-2.0-or-later
// What the vnic asks and tells somebody in front of it who seals descriptors' data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT
using spec::DropReason;
using ::testing::ElementsAre;

struct Told {
  unsigned queue;
  uint32_t unit;
  Bytes octets;
  bool operator==(const Told&) const = default;
};

class Seals : public SealPort {
 public:
  bool holds(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) override {
    asked.push_back({queue, unit, {octets.begin(), octets.end()}});
    return unit != broken;
  }
  void received(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) override {
    if (octets.data() == nullptr) ++lost;
    told.push_back({queue, unit, {octets.begin(), octets.end()}});
  }
  std::vector<Told> asked, told;
  uint32_t broken = ~0u;
  unsigned lost = 0;
};

Bytes part(const Bytes& frame, size_t from, size_t octets) {
  return {frame.begin() + static_cast<long>(from),
          frame.begin() + static_cast<long>(from + octets)};
}

TEST(Seals, OfEachTransmitDescriptorAreAskedForWithWhatWasFetched) {
  Rig rig;
  Seals seals;
  rig.vnic.set_seals(&seals);
  rig.transmit_ring(1, 16);
  rig.set(reg::TDH(1), 14);
  rig.set(reg::TDT(1), 14);
  const Bytes frame = IpFrame{.payload = 300}.build();
  rig.put(kTxBuffers, frame);
  // Two that are read at once, one without data, one that wraps.
  rig.data(14, {kTxBuffers, 100}, TX_CMD_IFCS, 0, 1);
  rig.data(15, {kTxBuffers, 0}, TX_CMD_IFCS, 0, 1);
  rig.data(0, {kTxBuffers + 100, static_cast<uint32_t>(frame.size()) - 100},
           TX_CMD_IFCS | TX_CMD_EOP | TX_CMD_RS, 0, 1);
  rig.set(reg::TDT(1), 1);
  ASSERT_EQ(rig.card.sent.size(), 1u);
  EXPECT_EQ(rig.card.sent[0].bytes, frame);
  EXPECT_THAT(seals.asked, ElementsAre(Told{1, 14, part(frame, 0, 100)},
                                       Told{1, 0, part(frame, 100, frame.size() - 100)}));
}

TEST(Seals, OneThatIsBrokenDropsItsFrameAlone) {
  Rig rig;
  Seals seals;
  seals.broken = 1;
  rig.vnic.set_seals(&seals);
  rig.transmit_ring(0, 16);
  for (uint32_t unit = 0; unit < 3; ++unit)
    rig.queue_frame(unit, IpFrame{.ip_id = static_cast<uint16_t>(unit)}.build());
  rig.set(reg::TDT(0), 3);
  ASSERT_EQ(rig.card.sent.size(), 2u);
  EXPECT_EQ(rig.card.drops, (std::map<DropReason, unsigned>{{DropReason::tx_seal_broken, 1}}));
  EXPECT_EQ(rig.get(reg::TDH(0)), 3u);
  EXPECT_EQ(rig.get(reg::GPTC), 2u);
  for (uint32_t unit = 0; unit < 3; ++unit)
    EXPECT_TRUE(field<desc::TX_STATUS>(rig.tx(unit)) & TX_STATUS_DD) << "done as ever";
  EXPECT_EQ(rig.card.pool.in_use(), 0u);
  // A reset of the function is none of the seals.
  rig.vnic.reset(ResetKind::kFunction);
  EXPECT_EQ(rig.vnic.seals(), &seals);
  rig.vnic.set_seals(nullptr);
  rig.bring_link_up();
  rig.transmit_ring(0, 16);
  rig.queue_frame(0, IpFrame{}.build());
  rig.queue_frame(1, IpFrame{}.build());
  rig.set(reg::TDT(0), 2);
  EXPECT_EQ(rig.card.sent.size(), 4u);
}

TEST(Seals, AreToldOfWhatEachReceiveDescriptorGotBeforeItsWriteBack) {
  Rig rig;
  Seals seals;
  rig.vnic.set_seals(&seals);
  rig.receive_ring(0, 8);
  rig.enable_receiver(RCTL_BAM | RCTL_SECRC | RCTL_UPE | RCTL_LPE);
  rig.offer(0, 2);
  bool told_first = true;
  rig.memory.on_write = [&](uint64_t address, uint32_t) {
    if (address >= kRxRing && address < kRxRing + 8 * kRingUnit) told_first &= !seals.told.empty();
  };
  const Bytes frame = IpFrame{.payload = 3000}.build();
  rig.receive(frame);
  const size_t rest = frame.size() - 2048;
  EXPECT_THAT(seals.told,
              ElementsAre(Told{0, 0, part(frame, 0, 2048)}, Told{0, 1, part(frame, 2048, rest)}));
  EXPECT_TRUE(told_first);
  EXPECT_EQ(seals.lost, 0u);
  // A buffer that could not be written has no seal.
  i82574::put<desc::ADDRESS>(rig.rx(2), kMmio);
  rig.set(reg::RDT(0), 3);
  rig.receive(IpFrame{}.build());
  EXPECT_EQ(seals.lost, 1u);
}

}  // namespace
}  // namespace gatehouse::vnic
