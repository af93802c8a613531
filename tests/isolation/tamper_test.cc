// SPDX-License-Identifier: GPL-2.0-or-later
// A guest's driver that waits until its frame is inspected, and then changes what the card will
// fetch. Nothing unwanted leaves; an honest frame still does.
#include <algorithm>

#include "hw/core/base/bytes.hh"
#include "tests/isolation/fort.hh"
#include "tests/registers/inspector.hh"
#include "tests/registers/traffic.hh"

namespace gatehouse::isolation {
namespace {

using partition::Answer, partition::Request;
using registers::Rings;
using test::Bytes;

const Bytes kWicked(8, 0xbd);
constexpr size_t kWhere = 60;
const std::string kReason = "tx_seal_broken";

class Tampering : public AttackTest {
 protected:
  explicit Tampering(const std::string& arguments) : inspector_(kWicked, arguments) {}
  void SetUp() override {
    AttackTest::SetUp();
    ASSERT_NO_FATAL_FAILURE(registers::start(machine_, rings_));
    ASSERT_EQ(inspector_.request(machine_, Request::kStart), Answer::kDone);
  }
  // An honest frame is inspected; it waits in the ring while the guest attacks.
  uint32_t inspected() {
    registers::hold(machine_);
    const uint32_t index = rings_.send(registers::datagram());
    ++frames_;
    EXPECT_TRUE(machine_.wait(
        [&] { return inspector_.reports(machine_, "inspected " + std::to_string(frames_)); }));
    return index;
  }
  void write(uint64_t address, const Bytes& octets) { machine_.bus().write_block(address, octets); }
  static uint64_t descriptor(uint32_t index) { return Rings::kTransmitRing + 16ull * index; }
  // The guest lets go. `caught`: the card drops what it has fetched, else the honest frame leaves.
  void expect_held(uint32_t index, bool caught) {
    const uint64_t drops = machine_.drops(kReason);
    registers::transmit(machine_);
    EXPECT_TRUE(machine_.wait([&] { return rings_.sent(index); }));
    if (caught) {
      EXPECT_TRUE(machine_.wait([&] { return machine_.drops(kReason) == drops + 1; }));
    } else {
      registers::expect_on_wire(machine_, registers::datagram());
    }
    while (!machine_.wire().idle()) {
      const auto wire = machine_.wire().receive();
      ASSERT_TRUE(wire);
      EXPECT_EQ(std::search(wire->begin(), wire->end(), kWicked.begin(), kWicked.end()),
                wire->end())
          << "it left";
    }
    rings_.send(registers::datagram());
    registers::expect_on_wire(machine_, registers::datagram());
    EXPECT_TRUE(inspector_.reports(machine_, "inspected " + std::to_string(++frames_)));
    EXPECT_TRUE(inspector_.reports(machine_, "dropped 0")) << "the attack was seen at inspection";
    EXPECT_EQ(machine_.drops(kReason), drops + (caught ? 1 : 0));
  }

  void rewrite(bool caught) {
    const uint32_t index = inspected();
    write(rings_.buffer(index) + kWhere, kWicked);
    expect_held(index, caught);
  }
  void point_elsewhere() {
    const uint32_t index = inspected();
    const uint64_t elsewhere = rings_.buffer(Rings::kDescriptors - 1);
    Bytes other = registers::datagram();
    std::copy(kWicked.begin(), kWicked.end(), other.begin() + kWhere);
    write(elsewhere, other);
    uint8_t address[8];
    store_le<uint64_t>(address, elsewhere);
    write(descriptor(index), Bytes(address, address + 8));
    expect_held(index, false);
  }
  void make_longer() {
    const uint32_t index = inspected();
    const size_t length = registers::datagram().size();
    write(rings_.buffer(index) + length, kWicked);
    uint8_t octets[2];
    store_le<uint16_t>(octets, static_cast<uint16_t>(length + kWicked.size()));
    write(descriptor(index) + 8, Bytes(octets, octets + 2));
    expect_held(index, false);
  }

 private:
  registers::Inspector inspector_;
  registers::Machine machine_{inspector_.options()};
  Rings rings_{machine_};
  uint64_t frames_ = 0;
};

// The card checks.
class Sealed : public Tampering {
 protected:
  static void SetUpTestSuite() { expect_all_rows_tested("Sealed"); }
  Sealed() : Tampering("seal=on") {}
};
TEST_F(Sealed, RewritesAFrameAfterInspection) { rewrite(true); }
TEST_F(Sealed, PointsADescriptorElsewhereAfterInspection) { point_elsewhere(); }
TEST_F(Sealed, MakesAFrameLongerAfterInspection) { make_longer(); }

// The NIC is given copies.
class Copied : public Tampering {
 protected:
  static void SetUpTestSuite() { expect_all_rows_tested("Copied"); }
  Copied() : Tampering("copy=on") {}
};
TEST_F(Copied, RewritesAFrameAfterInspection) { rewrite(false); }
TEST_F(Copied, PointsADescriptorElsewhereAfterInspection) { point_elsewhere(); }
TEST_F(Copied, MakesAFrameLongerAfterInspection) { make_longer(); }

}  // namespace
}  // namespace gatehouse::isolation
