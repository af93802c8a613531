// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupts attack: messages forged by devices, interprocessor interrupts of the guest's CPU, what
// the chipset and a manager can raise. No core may notice one.
#include "hw/core/base/bytes.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/isolation/devices.hh"

namespace gatehouse::isolation {
namespace {

constexpr uint64_t kApic = 0xfee0'0000;
constexpr uint32_t kVector = 0x66;
// Delivery modes: fixed, lowest priority, SMI, NMI, INIT, start-up, ExtINT.
constexpr uint32_t kModes[] = {0, 0x100, 0x200, 0x400, 0x500, 0x600, 0x700};
constexpr uint32_t kFirstCore = 0x1'0000;  // the model's name for the first core's APIC

unsigned msix_capability(DeviceFort& fort, unsigned slot) {
  unsigned at = fort.config_read(slot, 0x34, 1);
  while (at != 0 && fort.config_read(slot, at, 1) != 0x11) at = fort.config_read(slot, at + 1, 1);
  EXPECT_NE(at, 0u);
  return at;
}

namespace reg = i82574::reg;

// The e1000e sends messages for all its causes. Where its capability is.
unsigned start_messages(DeviceFort& fort) {
  fort.start_nic(kE1000e, 0x20'0000, 0x21'0000, 0x22'0000);
  const unsigned at = msix_capability(fort, kE1000e);
  fort.config_write(kE1000e, at + 2, 0x8000, 2);
  fort.write(kE1000e, reg::IVAR, 0x80088888);
  fort.write(kE1000e, reg::IMS, 0xffff'ffff);
  return at;
}

void send_message(DeviceFort& fort, uint64_t address, uint32_t data) {
  const uint64_t table = bar_of(kE1000e, 3);
  fort.bus().write(table, address & 0xffff'ffff, 4);
  fort.bus().write(table + 4, address >> 32, 4);
  fort.bus().write(table + 8, data, 4);
  fort.bus().write(table + 12, 0, 4);
  fort.write(kE1000e, reg::EITR(0), 0);
  fort.write(kE1000e, reg::ICS, 0x01f0'0094);
  fort.write(kE1000e, reg::ICR, 0xffff'ffff);
}

class Interrupt : public AttackTest {
 protected:
  static void SetUpTestSuite() {
    expect_all_rows_tested("Interrupt");
    devices_[0] = std::make_unique<DeviceFort>("plain", "");
    devices_[1] = std::make_unique<DeviceFort>("remap", "intel-iommu,intremap=on,eim=on");
    FortOptions options;
    options.cpu += ",vendor=GenuineIntel,family=6,model=26";  // machine checks go to all CPUs
    fort_ = std::make_unique<Fort>(options);
  }
  static void TearDownTestSuite() {
    for (auto& fort : devices_) fort.reset();
    fort_.reset();
  }
  template <class Try>
  void each(Try&& attack) {
    for (auto& fort : devices_) {
      SCOPED_TRACE(fort->guest().name());
      attack(*fort);
      fort->expect_held();
    }
  }
  static void restart() {
    fort_->qmp().execute("system_reset");
    ASSERT_TRUE(fort_->guest_lives());
  }
  static void command(uint32_t destination, uint32_t low) {
    fort_->store(kApic + 0x310, destination << 24, 4);
    fort_->store(kApic + 0x300, low, 4);
  }

  static std::unique_ptr<DeviceFort> devices_[2];
  static std::unique_ptr<Fort> fort_;
};
std::unique_ptr<DeviceFort> Interrupt::devices_[2];
std::unique_ptr<Fort> Interrupt::fort_;

TEST_F(Interrupt, MessagesToEveryApicId) {
  each([](DeviceFort& fort) {
    for (uint64_t id = 0; id < 256; ++id) {
      for (const uint64_t form : {0, 4, 8, 12}) {  // logical, redirection hint
        for (const uint32_t mode : kModes)
          fort.bus().write(kApic | id << 12 | form, mode | kVector, 4);
      }
    }
  });
}

TEST_F(Interrupt, MessagesByDma) {
  each([](DeviceFort& fort) {
    for (const uint64_t address : {kApic, kApic | 0x1000, kApic | 0x80'000, kApic | 0xf'f004}) {
      const uint8_t fixed[] = {kVector, 0x40, 0, 0}, nmi[] = {0, 0x44, 0, 0};
      fort.dma_write(address, fixed);
      fort.dma_write(address, nmi);
    }
    // The APIC's own registers: command, end of interrupt, spurious vector, and all of its page.
    const uint8_t broadcast[] = {kVector, 0x44, 0xc, 0};
    fort.dma_write(kApic + 0x300, broadcast);
    fort.dma_write(kApic, std::vector<uint8_t>(4096, 0xff));
  });
}

TEST_F(Interrupt, MsixTablesAimedAtCores) {
  each([](DeviceFort& fort) {
    for (const unsigned slot : {kVnic, kE1000e}) {
      fort.start_nic(slot, 0x20'0000, 0x21'0000, 0x22'0000);
      const unsigned at = msix_capability(fort, slot);
      const uint64_t table = bar_of(slot, 3);
      fort.config_write(slot, at + 2, 0x8000, 2);
      fort.write(slot, reg::IVAR, 0x80088888);  // all causes: message 0
      fort.write(slot, reg::IMS, 0xffff'ffff);
      const Fort::Refused before = fort.refused().at("device");
      for (const uint64_t address :
           {kApic, kApic | 0x8'0000, kApic | 0xf'f000, kApic | 0xf'f00c, partition::kRamBase,
            kTreasure, partition::kMmioBase, uint64_t{kFirstCore} << 32 | kApic}) {
        for (const uint32_t mode : kModes) {
          fort.bus().write(table, address & 0xffff'ffff, 4);
          fort.bus().write(table + 4, address >> 32, 4);
          fort.bus().write(table + 8, mode | kVector, 4);
          fort.bus().write(table + 12, 0, 4);
          fort.write(slot, reg::ICS, 0x01f0'0094);
          fort.write(slot, reg::ICR, 0xffff'ffff);
        }
      }
      EXPECT_TRUE(eventually([&] { return fort.refused().at("device").writes > before.writes; }))
          << "no message went to private addresses";
      fort.config_write(slot, at + 2, 0, 2);
    }
  });
}

TEST_F(Interrupt, MessagesIntoTheDmaWindow) {
  // A partition that steers a device has a window for its DMA. The device's messages go where the
  // guest says, also when firmware passes them on.
  each([](DeviceFort& fort) {
    for (const Ask way : {kSteer, kOpenWindow}) {
      ASSERT_EQ(fort.ask(way), 0u);
      const unsigned at = start_messages(fort);
      for (const uint64_t address : {kWindow, kWindow + 0x124, kWindow + kWindowOctets - 4}) {
        send_message(fort, address, 0x6666'6666);
      }
      // The NIC spaces its messages by some time of the guest's.
      EXPECT_TRUE(way != kSteer || eventually([&] { return fort.ask(kInject) == kWhole; }))
          << "no message was steered";
      fort.expect_held();
      EXPECT_EQ(fort.ask(kUnsteer), 0u);
      fort.config_write(kE1000e, at + 2, 0, 2);
    }
  });
}

// Messages for 0xfee00010 to 0xfee00fff are writes to the APIC of the CPU on whose thread they are.
TEST_F(Interrupt, MessagesIntoACoresApic) {
  constexpr uint32_t kSpurious = 0xf0, kCommandLow = 0x300, kTaskPriority = 0x80;
  constexpr struct {
    uint32_t at, value;
  } kWrites[] = {{kTaskPriority, 0xf0},   {kCommandLow, 0x4'0400},  // NMI: itself, all, others
                 {kCommandLow, 0x8'0400}, {kCommandLow, 0xc'0400},
                 {kCommandLow, 0x8'0066}, {kSpurious, 0}};
  each([&](DeviceFort& fort) {
    ASSERT_EQ(fort.ask(kSteer), 0u);
    const unsigned at = start_messages(fort);
    for (const auto& write : kWrites) {
      SCOPED_TRACE(write.at);
      send_message(fort, kApic + write.at, write.value);
      EXPECT_TRUE(eventually([&] { return fort.ask(kInject) == kWhole; }))
          << "no message was steered";
      fort.expect_held();
    }
    EXPECT_EQ(fort.ask(kUnsteer), 0u);
    fort.config_write(kE1000e, at + 2, 0, 2);
  });
}

TEST_F(Interrupt, RemappingToCores) {
  // VT-d 5.1: with extended interrupt mode an entry names all 32 bits of an APIC ID.
  DeviceFort& fort = *devices_[1];
  constexpr uint64_t kIommu = 0xfed9'0000, kTable = 0x30'0000;
  constexpr uint32_t kCommand = 0x18, kStatus = 0x1c, kTableAddress = 0xb8, kFault = 0x220;
  constexpr uint64_t kFaulted = uint64_t{1} << 63, kNotPresent = 0x22;
  constexpr uint32_t kEntries = 64;
  for (uint32_t i = 0; i < kEntries; ++i) {
    const uint32_t destination = i < 16 ? kFirstCore + i : i < 32 ? i : i < 48 ? ~0u : ~(i - 48);
    const uint64_t mode = kModes[i % 7] >> 3;  // bits 7:5
    fort.bus().write(
        kTable + 16 * i,
        1 | mode | (i & 1) << 2 | uint64_t{kVector} << 16 | uint64_t{destination} << 32, 8);
    fort.bus().write(kTable + 16 * i + 8, 0, 8);
  }
  // One more, which is not there.
  fort.bus().write_block(kTable + 16 * kEntries, std::vector<uint8_t>(16));
  fort.bus().write(kIommu + kTableAddress, kTable | 1 << 11 | 7, 8);
  fort.bus().write(kIommu + kCommand, 0x0100'0000, 4);
  fort.bus().write(kIommu + kCommand, 0x0200'0000, 4);
  EXPECT_TRUE(eventually([&] { return fort.bus().read(kIommu + kStatus, 4) & 0x0200'0000; }));
  fort.bus().write(kIommu + kFault + 8, kFaulted, 8);
  // Only what a device sends is remapped.
  const auto send = [&](uint64_t entry) {
    fort.dma_write(kApic | entry << 5 | 0x10, std::vector<uint8_t>(4));
  };
  for (uint32_t i = 0; i < kEntries; ++i) send(i);
  EXPECT_FALSE(fort.bus().read(kIommu + kFault + 8, 8) & kFaulted) << "an entry is not taken";
  send(kEntries);
  EXPECT_EQ(fort.bus().read(kIommu + kFault + 8, 8) >> 32, kFaulted >> 32 | kNotPresent)
      << "nothing is remapped";
  EXPECT_EQ(fort.bus().read(kIommu + kFault, 8) >> 48, kEntries);
  fort.bus().write(kIommu + kFault + 8, kFaulted, 8);
  fort.bus().write(kIommu + kCommand, 0, 4);
  fort.expect_held();
}

TEST_F(Interrupt, LinesRoutedToCores) {
  constexpr uint64_t kIoApic = 0xfec0'0000;
  each([](DeviceFort& fort) {
    // To the old controllers, too, with nothing masked; a timer that ticks on line 0.
    for (const auto& [port, value] :
         std::initializer_list<std::pair<uint16_t, uint8_t>>{{0x20, 0x11},
                                                             {0x21, 0x60},
                                                             {0x21, 4},
                                                             {0x21, 1},
                                                             {0x21, 0},
                                                             {0x43, 0x34},
                                                             {0x40, 0},
                                                             {0x40, 0x10},
                                                             {0x20, 0x0a}})
      fort.bus().out(port, value, 1);
    EXPECT_TRUE(eventually([&] { return fort.bus().in(0x20, 1) & 1; })) << "the timer ticks";
    for (const uint32_t destination : {0x01u, 0x80u, 0x81u, 0xffu}) {
      for (const uint32_t mode : kModes) {
        for (uint32_t pin = 0; pin < 24; ++pin) {
          fort.bus().write(kIoApic, 0x11 + 2 * pin, 4);
          fort.bus().write(kIoApic + 0x10, destination << 24, 4);
          fort.bus().write(kIoApic, 0x10 + 2 * pin, 4);
          fort.bus().write(
              kIoApic + 0x10,
              mode | kVector | (pin >= 16 ? 0xa000u : 0) | (destination == 0x81 ? 0x800u : 0), 4);
        }
        fort.write(kEdu, 0x60, 1);
        fort.write(kEdu, 0x64, 1);
      }
    }
  });
}

TEST_F(Interrupt, IpisToEveryApicId) {
  for (uint32_t id = 1; id < 255; ++id) {
    for (const uint32_t mode : kModes) {
      command(id, 0x4000 | mode | kVector);
      if (id % 8 == 0) command(id, 0x4800 | mode | kVector);  // logical: the guest's is 0
    }
  }
  fort_->expect_held();
}

TEST_F(Interrupt, IpisToAllButItself) {
  for (const uint32_t mode : kModes) {
    fort_->store(kApic + 0x300, 0xc'4000 | mode | kVector, 4);
    fort_->store(kApic + 0x300, 0xc'c000 | mode | kVector, 4);
  }
  fort_->expect_held();
}

TEST_F(Interrupt, IpisToAll) {
  for (const uint32_t mode : {0x000u, 0x200u, 0x600u, 0x400u, 0x500u}) {
    const uint64_t resets = fort_->count("guest-resets");
    // SMI needs the handler; NMI and INIT are the end of the intruder.
    if (mode == 0x200) fort_->load(kScratch, 4, true);
    fort_->try_write_memory(kApic + 0x300, 0x8'4000 | mode | kVector);
    EXPECT_TRUE(mode != 0x400 || eventually([&] { return fort_->count("guest-resets") > resets; }));
    fort_->expect_held();
  }
}

TEST_F(Interrupt, X2apicIpis) {
  const uint64_t base = fort_->read_msr(0x1b);
  fort_->write_msr(0x1b, base | 0xc00);
  std::vector<uint32_t> destinations = {0xff, 0xffff'ffff, 0x1'0000, 0xffff'0000, 0x1'ffff};
  for (uint32_t i = 0; i < 32; ++i) destinations.push_back(kFirstCore + i);
  for (const uint64_t destination : destinations) {
    for (const uint32_t mode : kModes) {
      // To all includes itself: fixed interrupts alone, which it does not take.
      if (destination == 0xffff'ffff && mode != 0) continue;
      fort_->write_msr(0x830, destination << 32 | mode | kVector);
    }
  }
  for (const uint32_t mode : kModes) fort_->write_msr(0x830, 0xc'0000 | mode | kVector);
  fort_->expect_held();
  restart();
}

TEST_F(Interrupt, NmiFromTheManager) {
  for (const bool human : {false, true}) {
    const uint64_t resets = fort_->count("guest-resets");
    fort_->store(kApic + 0x360, 0x400, 4);  // the intruder takes it, and it is its end
    if (human) {
      fort_->qmp().human("nmi");
    } else {
      fort_->qmp().execute("inject-nmi");
    }
    EXPECT_TRUE(eventually([&] { return fort_->count("guest-resets") > resets; }));
    fort_->expect_held();
  }
}

TEST_F(Interrupt, MachineCheckToAll) {
  // One that the CPU has corrected; the others are told of one that nobody could. A CPU that wants
  // none takes the machine down.
  const uint64_t resets = fort_->count("guest-resets");
  EXPECT_EQ(fort_->qmp().human("mce -b 0 1 0x9c00000000000000 0x0 0x0 0x0"), "");
  fort_->expect_held();
  EXPECT_EQ(fort_->count("guest-resets"), resets);
  fort_->qmp().human("mce -b 0 1 0xbd00000000000000 0x4 0x0 0x0");
  fort_->expect_held();
}

// From now on the chipset's SMI goes to all CPUs: fw_cfg, etc/smi/.
void ask_for_broadcast(registers::Qtest& bus) {
  const auto words = [&](uint16_t key, unsigned octets) {
    bus.out(0x510, key, 2);
    std::string content;
    while (content.size() < octets) content.push_back(static_cast<char>(bus.in(0x511, 1)));
    return content;
  };
  constexpr uint16_t kDirectory = 0x19;
  const unsigned files = static_cast<uint8_t>(words(kDirectory, 4)[3]);
  const std::string directory = words(kDirectory, 4 + 64 * files);
  const auto key = [&](const char* name) {
    const size_t entry = directory.find(name) - 8;  // size, key, reserved, name
    return load_be<uint16_t>(directory.data() + entry + 4);
  };
  uint8_t features[8] = {1}, command[16];
  bus.write_block(kScratch + 0x100, features);
  store_be<uint32_t>(command, uint32_t{key("etc/smi/requested-features")} << 16 | 0x18);
  store_be<uint32_t>(command + 4, sizeof features);
  store_be<uint64_t>(command + 8, kScratch + 0x100);
  bus.write_block(kScratch, command);
  bus.out(0x514, 0, 4);
  bus.out(0x518, __builtin_bswap32(static_cast<uint32_t>(kScratch)), 4);
  EXPECT_EQ(words(key("etc/smi/features-ok"), 1), std::string(1, 1));
}

TEST_F(Interrupt, SmiByTheChipset) {
  // The handler is there; SMI_EN: global, APMC. ACPI I/O space at b000h.
  fort_->load(kScratch, 4, true);
  fort_->config_write(31, 0x40, 0xb001, 4);
  fort_->config_write(31, 0x44, 0x80, 1);
  fort_->bus().out(0xb030, 0x21, 4);
  for (unsigned i = 0; i < 5; ++i) fort_->out(0xb2, static_cast<uint8_t>(i));
  fort_->expect_held();
  ask_for_broadcast(fort_->bus());
  for (unsigned i = 0; i < 5; ++i) fort_->out(0xb2, static_cast<uint8_t>(i));
  fort_->expect_held();
}

}  // namespace
}  // namespace gatehouse::isolation
