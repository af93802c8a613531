// SPDX-License-Identifier: GPL-2.0-or-later
// The other way round: firmware attacks the guest. It may read and write the guest's memory, that
// is what it is for; it must not reset, stop or interrupt it but by its units, nor flood its
// manager.
#include "tests/isolation/fort.hh"

namespace gatehouse::isolation {
namespace {

constexpr uint64_t kApic = 0xfee0'0000;

class Core : public AttackTest {
 protected:
  static void SetUpTestSuite() {
    expect_all_rows_tested("Core");
    FortOptions options;
    options.devices = {"-device", "e1000e,id=nic,romfile=,addr=4",
                       "-device", "gatehouse-redirect,partition=p0,device=nic",
                       "-device", "gatehouse-steer,partition=p0,device=nic"};
    fort_ = std::make_unique<Fort>(options);
    // What every test here relies on: the keeper does notice.
    ASSERT_EQ(fort_->ask(kSpoil), kWhole);
    ASSERT_EQ(fort_->ask(kReport), kChanged);
    ASSERT_EQ(fort_->ask(kSpoil), kWhole);
    ASSERT_EQ(fort_->ask(kReport), kWhole);
  }
  static void TearDownTestSuite() { fort_.reset(); }
  void SetUp() override {
    AttackTest::SetUp();
    ASSERT_TRUE(fort_);
    ASSERT_TRUE(fort_->guest_lives());
    resets_ = fort_->count("guest-resets");
    fort_->store(kApic + 0xf0, 0x1ff, 4);  // what it does not take would wait in its APIC
    fort_->store(kMark, 0x7777, 4);
  }
  // The guest was neither reset nor interrupted.
  void expect_guest_unharmed() {
    EXPECT_TRUE(fort_->guest_lives());
    EXPECT_EQ(fort_->count("guest-resets"), resets_);
    EXPECT_EQ(fort_->load(kMark, 4), 0x7777u);
    for (uint64_t word = 0; word < 8; ++word)
      EXPECT_EQ(fort_->load(kApic + 0x200 + 16 * word, 4), 0u) << "an interrupt waits";
  }
  void TearDown() override {
    if (!fort_) return;
    expect_guest_unharmed();
    if (whole_) fort_->expect_held();
  }

  static constexpr uint64_t kMark = 0x10'0000;
  static std::unique_ptr<Fort> fort_;
  uint64_t resets_ = 0;
  bool whole_ = true;
};
std::unique_ptr<Fort> Core::fort_;

TEST_F(Core, UsesTheGuestsPorts) {
  const auto refused = [] {
    return fort_->partition().at("cores").at(0).at("ports-refused").get<uint64_t>();
  };
  const uint64_t before = refused();
  EXPECT_EQ(fort_->ask(kPorts), kWhole);
  EXPECT_EQ(refused(), before + 8) << "waiting is none";
}

TEST_F(Core, SendsIpisToTheGuest) {
  const uint64_t refused = fort_->count("ipis-refused");
  EXPECT_EQ(fort_->ask(kIpis), kWhole);
  EXPECT_GE(fort_->count("ipis-refused"), refused + 12);
}

TEST_F(Core, ForgesMessages) {
  const uint64_t refused = fort_->count("messages-refused");
  EXPECT_EQ(fort_->ask(kMessages), kWhole);
  EXPECT_GE(fort_->count("messages-refused"), refused + 1021);
}

TEST_F(Core, FloodsItsManager) {
  const uint64_t alerts = fort_->count("alerts");
  EXPECT_EQ(fort_->ask(kFlood), kWhole);
  EXPECT_EQ(fort_->count("alerts"), alerts + 2000);
  EXPECT_GT(fort_->count("alerts-suppressed"), 1000u);
}

TEST_F(Core, ReadsItsWholeAddressMap) { EXPECT_EQ(fort_->ask(kMemoryAll), kWhole); }

TEST_F(Core, ProgramsItsUnitsWithRubbish) { EXPECT_EQ(fort_->ask(kHostileUnits), kWhole); }

TEST_F(Core, PutsUnitsOutsideOfPrivateRam) { EXPECT_EQ(fort_->ask(kUnsafeUnits), 0u); }

TEST_F(Core, TripleFaults) {
  EXPECT_EQ(fort_->ask(kTripleFault), kWhole);
  const auto event = fort_->qmp().wait_event("GATEHOUSE_PARTITION_FAULT", std::chrono::seconds(20));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->at("data").at("core"), 2);
  // It stays so, whoever calls; the others go on.
  fort_->qmp().execute("inject-nmi");
  EXPECT_EQ(fort_->ask(kReport), kCoreSilent);
  const nlohmann::json state = fort_->partition();
  EXPECT_EQ(state.at("cores").at(2).at("state"), "faulted");
  EXPECT_NE(state.at("cores").at(1).at("state"), "faulted");
  whole_ = false;
}

}  // namespace
}  // namespace gatehouse::isolation
