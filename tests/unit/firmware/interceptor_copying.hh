// SPDX-License-Identifier: GPL-2.0-or-later
// An interception in copy mode, with an inspector that remembers.
#ifndef GATEHOUSE_TESTS_UNIT_FIRMWARE_INTERCEPTOR_COPYING_HH_
#define GATEHOUSE_TESTS_UNIT_FIRMWARE_INTERCEPTOR_COPYING_HH_

#include <array>
#include <functional>
#include <vector>

#include "tests/unit/firmware/interceptor_rig.hh"

namespace gatehouse::interceptor {

inline constexpr uint64_t kReceiveOctets = 0x30'0000;

// Remembers what it lets pass. One that is not choosy lets all pass, unchanged.
class Memory : public Inspector {
 public:
  Verdict inspect(const Frame& frame) override {
    if (on_inspect) on_inspect();
    Bytes octets(frame.octets);
    copy_out(frame, 0, octets.data(), frame.octets);
    const bool changed = choosy && frame.octets >= kChanged;
    if (choosy && octets.back() == kMark) return Verdict::kDrop;
    if (changed) frame.pieces[0].data[0] = octets[0] = kChangedFirst;
    passed[static_cast<unsigned>(frame.direction)].push_back(octets);
    return changed ? Verdict::kChange : Verdict::kPass;
  }
  const std::vector<Bytes>& sent() const { return passed[0]; }
  const std::vector<Bytes>& received() const { return passed[1]; }
  std::array<std::vector<Bytes>, 2> passed;
  std::function<void()> on_inspect;
  bool choosy = false;
};

class CopiedInspection : public testing::Test {
 protected:
  CopiedInspection() { m.has_seals = false; }
  void start() { ASSERT_TRUE(m.interceptor.start()); }
  void expect_sent_as_inspected() {
    ASSERT_EQ(m.card.sent.size(), inspector.sent().size());
    for (size_t i = 0; i < m.card.sent.size(); ++i)
      ASSERT_EQ(m.card.sent[i].bytes, inspector.sent()[i]) << i;
  }
  void reset() {
    m.set(reg::CTRL, m.get(reg::CTRL) | CTRL_RST);
    m.link_up();
  }
  uint8_t* buffer_of(Driver& driver, uint32_t unit) {
    return m.at(get<desc::TX_ADDRESS>(driver.tx(unit)));
  }

  Memory inspector;
  Machine m{&inspector, false, kReceiveOctets};
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_TESTS_UNIT_FIRMWARE_INTERCEPTOR_COPYING_HH_
