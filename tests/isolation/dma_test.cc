// SPDX-License-Identifier: GPL-2.0-or-later
// Devices attack by DMA and by where their BARs are put: once without an IOMMU, once with one and
// once more with interrupt remapping.
#include <cstdio>
#include <cstring>

#include "hw/core/base/bytes.hh"
#include "hw/spec/i82574_registers.hh"
#include "hw/spec/partition.hh"
#include "tests/isolation/devices.hh"

namespace gatehouse::isolation {
namespace {

using partition::kMmioBase;
using partition::kPrivateBase;
using partition::kPrivateEnd;
using partition::kRamBase;
namespace reg = i82574::reg;

constexpr uint64_t kTransmitRing = 0x20'0000, kReceiveRing = 0x21'0000, kBuffer = 0x22'0000;
constexpr unsigned kNics[] = {kVnic, kE1000e};

class Device : public AttackTest {
 protected:
  static void SetUpTestSuite() {
    expect_all_rows_tested("Device");
    forts_[0] = std::make_unique<DeviceFort>("plain", "");
    forts_[1] = std::make_unique<DeviceFort>("iommu", "intel-iommu");
    forts_[2] = std::make_unique<DeviceFort>("remap", "intel-iommu,intremap=on,eim=off");
  }
  static void TearDownTestSuite() {
    for (auto& fort : forts_) fort.reset();
  }
  static const std::string& name(const Fort& fort) {
    return const_cast<Fort&>(fort).guest().name();
  }
  // Calls attack(fort) in each machine; afterwards it must have held.
  template <class Try>
  void each(Try&& attack, bool iommu_only = false) {
    for (auto& fort : forts_) {
      if (iommu_only && fort == forts_[0]) continue;
      SCOPED_TRACE(name(*fort));
      attack(*fort);
      if (HasFailure()) return;
      fort->expect_held();
    }
  }
  // At least one read or write was refused since `before`.
  static void expect_refused(DeviceFort& fort, const Fort::Refused& before, bool reads, bool writes,
                             const std::string& who = "device") {
    EXPECT_TRUE(eventually([&] {
      const Fort::Refused now = fort.refused().at(who);
      return (!reads || now.reads > before.reads) && (!writes || now.writes > before.writes);
    })) << "nobody counted it";
  }

  static std::unique_ptr<DeviceFort> forts_[3];
};
std::unique_ptr<DeviceFort> Device::forts_[3];

// ---- A DMA engine

constexpr uint64_t kTargets[] = {kRamBase,
                                 kRamBase + partition::kFirmwareOffset,
                                 kTreasure,
                                 kTreasure + 0x123,
                                 kMmioBase,
                                 partition::kBarWindowBase,
                                 partition::kDeviceViewBase + kTreasure % 0x1000};

TEST_F(Device, ReadsPrivateMemory) {
  each([](DeviceFort& fort) {
    fort.hear_all();
    for (const uint64_t target : kTargets) {
      const Fort::Refused before = fort.refused().at("device");
      const std::vector<uint8_t> got = fort.dma_read(target, 4096);
      EXPECT_EQ(got, std::vector<uint8_t>(4096)) << std::hex << target;
      expect_refused(fort, before, true, false);
    }
    fort.expect_told("device", kEdu << 3, {kTargets[0], kTargets[0] + 4096});
  });
}

TEST_F(Device, WritesPrivateMemory) {
  each([](DeviceFort& fort) {
    for (const uint64_t target : kTargets) {
      const Fort::Refused before = fort.refused().at("device");
      fort.dma_write(target, std::vector<uint8_t>(4096, 0x66));
      expect_refused(fort, before, false, true);
    }
    EXPECT_EQ(fort.count("alerts"), 0u);
  });
}

TEST_F(Device, StraddlesTheBoundary) {
  each([](DeviceFort& fort) {
    for (const uint64_t edge : {kPrivateBase, kPrivateEnd}) {
      for (const uint64_t before_edge : {1, 16, 4095}) {
        const Fort::Refused before = fort.refused().at("device");
        fort.dma_write(edge - before_edge, std::vector<uint8_t>(4096, 0x66));
        // No memory is on the other side of either edge.
        EXPECT_EQ(fort.dma_read(edge - before_edge, 4096), std::vector<uint8_t>(4096));
        expect_refused(fort, before, true, true);
      }
    }
  });
}

TEST_F(Device, AimsAnotherDevice) {
  // The engine writes the NIC's registers: its ring is private RAM, and it shall send.
  each([](DeviceFort& fort) {
    fort.start_nic(kE1000e, kTransmitRing, kReceiveRing, kBuffer);
    fort.hear_all();
    const Fort::Refused before = fort.refused().at("device");
    uint8_t base[8], tail[4];
    store_le<uint64_t>(base, kTreasure);
    store_le<uint32_t>(tail, 6);
    fort.dma_write(bar_of(kE1000e, 0) + reg::TDBAL(0), base);
    EXPECT_EQ(fort.read(kE1000e, reg::TDBAH(0)), kTreasure >> 32) << "the engine aims nothing";
    fort.dma_write(bar_of(kE1000e, 0) + reg::TDT(0), tail);
    expect_refused(fort, before, true, false);
    fort.expect_told("device", kE1000e << 3, {kTreasure, kTreasure + 6 * 16});
    fort.expect_nothing_leaked(kE1000e);
  });
}

// ---- Network functions: QEMU's 82574L and ours

TEST_F(Device, NicSendsPrivateRam) {
  each([](DeviceFort& fort) {
    for (const unsigned slot : kNics) {
      SCOPED_TRACE(slot);
      const Fort::Refused before = fort.refused().at("device");
      fort.start_nic(slot, kTransmitRing, kReceiveRing, kBuffer);
      fort.transmit(slot, kTransmitRing, kTreasure, 6);
      EXPECT_TRUE(eventually([&] { return fort.read(slot, reg::TDH(0)) == 6; }));
      expect_refused(fort, before, true, false);
      fort.expect_nothing_leaked(slot);
    }
  });
}

TEST_F(Device, NicRingsInPrivateRam) {
  each([](DeviceFort& fort) {
    for (const unsigned slot : kNics) {
      SCOPED_TRACE(slot);
      const Fort::Refused before = fort.refused().at("device");
      fort.start_nic(slot, kTreasure, kReceiveRing, kBuffer);
      fort.write(slot, reg::TDT(0), 6);
      expect_refused(fort, before, true, false);
      fort.start_nic(slot, kTransmitRing, kReceiveRing, kBuffer);
      fort.write(slot, reg::RDBAL(0), static_cast<uint32_t>(kTreasure));
      fort.write(slot, reg::RDBAH(0), static_cast<uint32_t>(kTreasure >> 32));
      const Fort::Refused between = fort.refused().at("device");
      for (unsigned i = 0; i < 4; ++i) fort.feed(slot);
      expect_refused(fort, between, true, false);
      fort.expect_nothing_leaked(slot);
    }
  });
}

TEST_F(Device, NicReceivesIntoPrivateRam) {
  each([](DeviceFort& fort) {
    for (const unsigned slot : kNics) {
      SCOPED_TRACE(slot);
      const Fort::Refused before = fort.refused().at("device");
      fort.start_nic(slot, kTransmitRing, kReceiveRing, kTreasure);
      for (unsigned i = 0; i < 4; ++i) fort.feed(slot);
      expect_refused(fort, before, false, true);
    }
  });
}

// ---- Storage

// Admin queue of one command; false: the controller does not get ready.
bool start_nvme(DeviceFort& fort, uint64_t submission, uint64_t completion) {
  constexpr uint32_t kConfiguration = 0x14, kStatus = 0x1c, kAttributes = 0x24, kSubmission = 0x28,
                     kCompletion = 0x30;
  fort.write(kNvme, kConfiguration, 0);
  if (!eventually([&] { return !(fort.read(kNvme, kStatus) & 1); })) return false;
  fort.write(kNvme, kAttributes, 0x000f000f);
  fort.write(kNvme, kSubmission, submission, 8);
  fort.write(kNvme, kCompletion, completion, 8);
  fort.write(kNvme, kConfiguration, 0x00460001);
  return eventually([&] { return fort.read(kNvme, kStatus) & 3; });
}

TEST_F(Device, DiskReadsIntoPrivateRam) {
  each([](DeviceFort& fort) {
    ASSERT_TRUE(start_nvme(fort, kTransmitRing, kReceiveRing));
    uint8_t identify[64] = {6};
    store_le<uint64_t>(identify + 24, kTreasure);  // PRP 1
    store_le<uint32_t>(identify + 40, 1);
    fort.bus().write_block(kTransmitRing, identify);
    fort.bus().write_block(kReceiveRing, std::vector<uint8_t>(16));
    const Fort::Refused before = fort.refused().at("device");
    fort.write(kNvme, 0x1000, 1);
    expect_refused(fort, before, false, true);
    EXPECT_TRUE(eventually([&] { return fort.bus().read(kReceiveRing + 12, 4) >> 16 & 1; }));
  });
}

TEST_F(Device, DiskQueuesInPrivateRam) {
  each([](DeviceFort& fort) {
    const Fort::Refused before = fort.refused().at("device");
    ASSERT_TRUE(start_nvme(fort, kTreasure & ~uint64_t{0xfff}, kTreasure + 0x1000));
    for (unsigned i = 1; i < 8; ++i) fort.write(kNvme, 0x1000, i);
    expect_refused(fort, before, true, false);
  });
}

TEST_F(Device, SataListsInPrivateRam) {
  // The chipset's own controller, port 0: command list, received FIS.
  constexpr unsigned kSata = 31, kFunction = 2;
  constexpr uint32_t kBar = 0xdf00'0000, kPort = kBar + 0x100;
  each([&](DeviceFort& fort) {
    const Fort::Refused before = fort.refused().at("device");
    fort.config_write(kSata, 0x24, kBar, 4, kFunction);
    fort.config_write(kSata, 4, 6, 2, kFunction);
    fort.bus().write(kBar + 4, 0x80000000, 4);  // AHCI
    const auto word = [&](uint32_t offset, uint32_t value) {
      fort.bus().write(kPort + offset, value, 4);
    };
    for (const uint32_t offset : {0x00, 0x08}) {
      word(offset, static_cast<uint32_t>(kTreasure));
      word(offset + 4, static_cast<uint32_t>(kTreasure >> 32));
    }
    word(0x18, 0x10);  // receive FISes
    word(0x18, 0x11);  // start
    word(0x38, 1);     // a command
    word(0x18, 0);
    EXPECT_TRUE(eventually([&] { return fort.refused().at("device") != before; }))
        << "nobody counted it";
  });
}

TEST_F(Device, SoundListInPrivateRam) {
  // Stream 0: list of buffers, 2 entries, run. The whole list is asked of RAM and nothing else.
  constexpr uint32_t kReset = 0x08, kControl = 0x80, kLastEntry = 0x8c, kList = 0x98;
  each([](DeviceFort& fort) {
    fort.enable(kSound);
    fort.write(kSound, kReset, 1);
    fort.hear_all();
    const Fort::Refused before = fort.refused().at("device");
    fort.write(kSound, kLastEntry, 1, 2);
    fort.write(kSound, kList, static_cast<uint32_t>(kTreasure));
    fort.write(kSound, kList + 4, static_cast<uint32_t>(kTreasure >> 32));
    fort.write(kSound, kControl, 2, 1);
    expect_refused(fort, before, true, false);
    fort.write(kSound, kControl, 0, 1);
    fort.expect_told("device", kSound << 3, {kTreasure, kTreasure + 4096});
  });
}

// ---- Paravirtual devices

// virtio 1.1, 4.1.4: where structures are stands in capabilities.
class Virtio {
 public:
  explicit Virtio(DeviceFort& fort) : fort_(fort) {
    fort.config_write(kVirtio, 4, 0, 2);
    fort.place(kVirtio, 4, bar_of(kVirtio, 0));
    fort.config_write(kVirtio, 4, 6, 2);
    uint32_t at = fort.config_read(kVirtio, 0x34, 1);
    while (at != 0) {
      if (fort.config_read(kVirtio, at, 1) == 9) {
        const uint32_t kind = fort.config_read(kVirtio, at + 3, 1);
        const uint32_t offset = fort.config_read(kVirtio, at + 8, 4);
        if (kind == 1) common_ = bar_of(kVirtio, 0) + offset;
        if (kind == 2) notify_ = bar_of(kVirtio, 0) + offset;
        if (kind == 2) multiplier_ = fort.config_read(kVirtio, at + 16, 4);
      }
      at = fort.config_read(kVirtio, at + 1, 1);
    }
  }
  // Queue 1 sends. All three parts of it where the test says.
  void start(uint64_t descriptors, uint64_t available, uint64_t used) {
    const auto put = [&](uint32_t offset, uint64_t value, unsigned octets) {
      fort_.bus().write(common_ + offset, value, octets);
    };
    for (const uint32_t status : {0, 1, 3}) put(20, status, 1);
    put(0, 1, 4);
    const uint64_t offered = fort_.bus().read(common_ + 4, 4);
    put(8, 1, 4);
    put(12, offered & 3, 4);  // VERSION_1, ACCESS_PLATFORM
    put(20, 11, 1);
    put(22, 1, 2);
    put(24, 8, 2);
    const uint64_t parts[] = {descriptors, available, used};
    for (uint32_t i = 0; i < 3; ++i) {
      put(32 + 8 * i, parts[i] & 0xffff'ffff, 4);
      put(36 + 8 * i, parts[i] >> 32, 4);
    }
    put(28, 1, 2);
    put(20, 15, 1);
    const uint64_t off = fort_.bus().read(common_ + 30, 2);
    doorbell_ = notify_ + off * multiplier_;
  }
  void ring() { fort_.bus().write(doorbell_, 1, 2); }

 private:
  DeviceFort& fort_;
  uint64_t common_ = 0, notify_ = 0, multiplier_ = 0, doorbell_ = 0;
};

// Where it passes by every IOMMU, it passes by what names PCI devices, too.
std::string virtio_is(DeviceFort& fort) {
  return fort.guest().name() == "plain" ? "other" : "device";
}

TEST_F(Device, VirtioSendsPrivateRam) {
  each([](DeviceFort& fort) {
    const std::string who = virtio_is(fort);
    Virtio virtio(fort);
    uint8_t descriptor[16] = {};
    store_le<uint64_t>(descriptor, kTreasure);
    store_le<uint32_t>(descriptor + 8, 512);
    fort.bus().write_block(kTransmitRing, descriptor);
    fort.bus().write(kReceiveRing, 0x0001'0000, 4);  // available index 1, descriptor 0
    fort.bus().write(kReceiveRing + 4, 0, 4);
    const Fort::Refused before = fort.refused().at(who);
    virtio.start(kTransmitRing, kReceiveRing, kBuffer);
    virtio.ring();
    expect_refused(fort, before, true, false, who);
  });
}

TEST_F(Device, VirtioQueuesInPrivateRam) {
  each([](DeviceFort& fort) {
    const std::string who = virtio_is(fort);
    const Fort::Refused before = fort.refused().at(who);
    Virtio virtio(fort);
    virtio.start(kTreasure, kTreasure + 0x1000, kTreasure + 0x2000);
    virtio.ring();
    expect_refused(fort, before, true, false, who);
  });
}

// fw_cfg's DMA: big-endian {control, length, address}.
void firmware_dma(DeviceFort& fort, uint64_t descriptor) {
  fort.bus().out(0x514, __builtin_bswap32(static_cast<uint32_t>(descriptor >> 32)), 4);
  fort.bus().out(0x518, __builtin_bswap32(static_cast<uint32_t>(descriptor)), 4);
}

TEST_F(Device, FirmwareChannelWritesPrivateRam) {
  each([](DeviceFort& fort) {
    uint8_t command[16];
    for (const uint32_t control : {0x0000'000au, 0x0000'0018u}) {  // read; write: select entry 0
      const Fort::Refused before = fort.refused().at("other");
      store_be<uint32_t>(command, control);
      store_be<uint32_t>(command + 4, 4);
      store_be<uint64_t>(command + 8, kTreasure);
      fort.bus().write_block(kScratch, command);
      firmware_dma(fort, kScratch);
      if (control == 0x0a) expect_refused(fort, before, false, true, "other");
    }
  });
}

TEST_F(Device, FirmwareChannelCommandInPrivateRam) {
  each([](DeviceFort& fort) {
    const Fort::Refused before = fort.refused().at("other");
    firmware_dma(fort, kTreasure);
    expect_refused(fort, before, true, false, "other");
  });
}

// ---- BARs, bridges and tables of the chipset

TEST_F(Device, BarsMovedOntoPrivateAddresses) {
  each([](DeviceFort& fort) {
    for (const uint64_t target : {kRamBase, kMmioBase, partition::kBarWindowBase,
                                  partition::kDeviceViewBase, kPrivateEnd - 0x40'0000}) {
      fort.place(kNvme, 0, target);
      fort.place(kIvshmem, 2, target);
      fort.config_write(kIvshmem, 4, 6, 2);
      fort.bus().write(target, 0x66, 1);
      fort.bus().write(target + 0x1000, 0x6666'6666, 4);
      EXPECT_FALSE(holds_treasure(fort.bus().read_block(target, 64)));
      EXPECT_FALSE(holds_treasure(fort.dma_read(target, 64)));
      fort.dma_write(target, std::vector<uint8_t>(64, 0x66));
      fort.expect_held();
    }
    fort.place(kIvshmem, 2, 0x1'0000'0000);
    fort.enable(kNvme);
  });
}

TEST_F(Device, BridgeWindowOverPrivateAddresses) {
  each([](DeviceFort& fort) {
    // Prefetchable base and limit over all of them; and the whole of 32 bits.
    fort.config_write(kBridge, 0x24, 0xfff1'0001, 4);
    fort.config_write(kBridge, 0x28, static_cast<uint32_t>(kPrivateBase >> 32), 4);
    fort.config_write(kBridge, 0x2c, static_cast<uint32_t>(kPrivateEnd >> 32), 4);
    fort.config_write(kBridge, 4, 6, 2);
    fort.bus().write(kTreasure, 0x66, 8);
    EXPECT_FALSE(holds_treasure(fort.bus().read_block(kTreasure, 64)));
    EXPECT_FALSE(holds_treasure(fort.dma_read(kTreasure, 64)));
  });
}

TEST_F(Device, ConfigurationWindowOverPrivateAddresses) {
  each([](DeviceFort& fort) {
    // PCIEXBAR of the host bridge has 64 bits.
    fort.config_write(0, 0x64, static_cast<uint32_t>(kPrivateBase >> 32), 4);
    fort.config_write(0, 0x60, 1, 4);
    fort.bus().write(kTreasure, 0x66, 4);
    EXPECT_FALSE(holds_treasure(fort.bus().read_block(kTreasure, 64)));
    fort.config_write(0, 0x60, 0, 4);
    fort.config_write(0, 0x64, 0, 4);
  });
}

// ---- IOMMU (Intel's VT-d specification, chapters 9 and 10)

constexpr uint64_t kIommu = 0xfed9'0000;
constexpr uint32_t kCommand = 0x18, kState = 0x1c, kRoot = 0x20, kContext = 0x28;
constexpr uint32_t kQueueTail = 0x88, kQueue = 0x90, kRemapping = 0xb8;
constexpr uint32_t kSetRemapping = 0x0100'0000, kRemap = 0x0200'0000, kQueueOn = 0x0400'0000;
// A message in remappable format to entry 0.
constexpr uint64_t kMessage = 0xfee0'0010;

void iommu_command(DeviceFort& fort, uint32_t bits) {
  fort.bus().write(kIommu + kCommand, bits, 4);
  EXPECT_TRUE(eventually([&] { return (fort.bus().read(kIommu + kState, 4) & bits) == bits; }));
}

void iommu_off(DeviceFort& fort) {
  fort.bus().write(kIommu + kCommand, 0, 4);
  EXPECT_TRUE(eventually([&] { return !(fort.bus().read(kIommu + kState, 4) & 0x8000'0000); }));
}

// Three levels of tables for `slot`: a page at 0 is `target`, one at `kScratch` itself. `pass`: its
// DMA is not translated.
void map(DeviceFort& fort, unsigned slot, uint64_t target, bool pass = false) {
  constexpr uint64_t kTables = 0x30'0000, kContexts = kTables + 0x1000, kLevel3 = kTables + 0x2000,
                     kLevel2 = kTables + 0x3000, kLevel1 = kTables + 0x4000;
  fort.bus().write_block(kTables, std::vector<uint8_t>(0x5000));
  fort.bus().write(kTables, kContexts | 1, 8);
  fort.bus().write(kContexts + 16 * (slot << 3), kLevel3 | 1 | (pass ? 2 << 2 : 0), 8);
  fort.bus().write(kContexts + 16 * (slot << 3) + 8, 1 | 1 << 8, 8);  // 39 bits, domain 1
  fort.bus().write(kLevel3, kLevel2 | 3, 8);
  fort.bus().write(kLevel2, kLevel1 | 3, 8);
  fort.bus().write(kLevel1, target | 3, 8);
  fort.bus().write(kLevel1 + 8 * (kScratch >> 12), kScratch | 3, 8);
  fort.bus().write(kIommu + kRoot, kTables, 8);
  iommu_command(fort, 0x4000'0000);
  // All contexts, all translations.
  fort.bus().write(kIommu + kContext, 0xa000'0000'0000'0000, 8);
  fort.bus().write(kIommu + 0xf8, 0x9000'0000'0000'0000, 8);
  iommu_command(fort, 0x8000'0000);
}

TEST_F(Device, IommuMapsPrivateRam) {
  each(
      [](DeviceFort& fort) {
        map(fort, kEdu, kBuffer);
        fort.bus().write(kBuffer, 0x77, 8);
        EXPECT_EQ(fort.dma_read(0, 8)[0], 0x77) << "the IOMMU translates";
        iommu_off(fort);
        for (const uint64_t target : {kTreasure, kMmioBase}) {
          map(fort, kEdu, target);
          fort.hear_all();
          const Fort::Refused before = fort.refused().at("device");
          EXPECT_EQ(fort.dma_read(0, 4096), std::vector<uint8_t>(4096));
          fort.dma_write(0, std::vector<uint8_t>(4096, 0x66));
          expect_refused(fort, before, true, true);
          fort.expect_told("device", kEdu << 3, {target, target + 4096});
          iommu_off(fort);
        }
      },
      true);
}

TEST_F(Device, IommuFaultsUnderACoresView) {
  constexpr uint32_t kFaultControl = 0x38, kFaultData = 0x3c, kFaultAddress = 0x40;
  each(
      [](DeviceFort& fort) {
        ASSERT_EQ(fort.ask(kSteer), 0u);
        fort.bus().write(kIommu + kFaultAddress, 0xfee0'0000, 4);
        fort.bus().write(kIommu + kFaultData, 0x66, 4);
        fort.bus().write(kIommu + kFaultControl, 0, 4);
        for (const uint64_t target :
             {uint64_t{kBuffer}, kTreasure, uint64_t{bar_of(kE1000e, 0)}, uint64_t{0xfff0'0000}}) {
          map(fort, kE1000e, target);
          EXPECT_EQ(fort.ask(kMemoryAll), kWhole);
          fort.bus().write(kIommu + kRoot, bar_of(kE1000e, 0), 8);  // tables in a device
          iommu_command(fort, 0x4000'0000);
          fort.bus().write(kIommu + 0xf8, 0x9000'0000'0000'0000, 8);
          EXPECT_EQ(fort.ask(kMemoryAll), kWhole);
          iommu_off(fort);
        }
        fort.bus().write(kIommu + kFaultControl, 0x8000'0000, 4);
        EXPECT_EQ(fort.ask(kUnsteer), 0u);
      },
      true);
}

TEST_F(Device, IommuLetsPass) {
  each(
      [](DeviceFort& fort) {
        map(fort, kEdu, 0, true);
        fort.hear_all();
        const Fort::Refused before = fort.refused().at("device");
        EXPECT_EQ(fort.dma_read(kTreasure, 4096), std::vector<uint8_t>(4096));
        fort.dma_write(kTreasure, std::vector<uint8_t>(4096, 0x66));
        expect_refused(fort, before, true, true);
        fort.expect_told("device", kEdu << 3, {kTreasure, kTreasure + 4096});
        // And translated again.
        map(fort, kEdu, kBuffer);
        fort.bus().write(kBuffer, 0x77, 8);
        EXPECT_EQ(fort.dma_read(0, 8)[0], 0x77);
        iommu_off(fort);
      },
      true);
}

TEST_F(Device, IommuTablesInPrivateRam) {
  each(
      [](DeviceFort& fort) {
        fort.bus().write(kIommu + kRoot, kTreasure, 8);
        iommu_command(fort, 0x4000'0000);
        fort.bus().write(kIommu + kContext, 0xa000'0000'0000'0000, 8);
        iommu_command(fort, 0x8000'0000);
        const Fort::Refused before = fort.refused().at("other");
        EXPECT_FALSE(holds_treasure(fort.dma_read(0, 64)));
        expect_refused(fort, before, true, false, "other");
        iommu_off(fort);
      },
      true);
  // Nobody leaves QEMU's invalidation queue again that could not be read: a machine of its own.
  DeviceFort fort("tables", "intel-iommu,intremap=on,eim=off");
  fort.bus().write(kIommu + kQueue, kTreasure, 8);
  fort.bus().write(kIommu + kRemapping, kTreasure | 7, 8);
  iommu_command(fort, kQueueOn | kSetRemapping);
  const Fort::Refused before = fort.refused().at("other");
  fort.bus().write(kIommu + kQueueTail, 0x40, 8);
  expect_refused(fort, before, true, false, "other");
  iommu_command(fort, kQueueOn | kRemap);
  const Fort::Refused between = fort.refused().at("other");
  fort.dma_write(kMessage, std::vector<uint8_t>(4));
  expect_refused(fort, between, true, false, "other");
  fort.expect_held();
}

// ---- A view's room

// QEMU keeps 4095 ranges of a view. A core sees the guest's memory once more for each device that
// it steers.
TEST_F(Device, MoreRangesThanAViewHolds) {
  constexpr unsigned kFirstNic = 4, kFirstMany = 12, kManySlots = 12, kFunctions = 8;
  constexpr unsigned kMsixBar = 0x14, kModernBar = 0x20, kCommand = 4;
  const auto place = [](unsigned slot, unsigned function) {
    char text[24];
    std::snprintf(text, sizeof text, ",addr=%x.%x", slot, function);
    return std::string(text);
  };
  FortOptions options{.name = "many", .inside = Inside::kNothing};
  for (unsigned unit = 0; unit < partition::kMaxUnits; ++unit) {
    const std::string nic = "nic" + std::to_string(unit);
    for (const std::string& word :
         {std::string("-device"), "e1000e,romfile=,id=" + nic + place(kFirstNic + unit, 0),
          std::string("-device"), "gatehouse-steer,partition=p0,device=" + nic})
      options.devices.push_back(word);
  }
  for (unsigned i = 0; i < kManySlots * kFunctions; ++i) {
    options.devices.push_back("-device");
    options.devices.push_back("virtio-rng-pci,disable-legacy=on,multifunction=on" +
                              place(kFirstMany + i / kFunctions, i % kFunctions));
  }
  Fort fort(options);
  fort.expect_held();
  // Of each, seven ranges: an MSI-X table and its pending bits in a page, and four structures.
  for (unsigned i = 0; i < kManySlots * kFunctions; ++i) {
    const unsigned slot = kFirstMany + i / kFunctions, function = i % kFunctions;
    fort.config_write(slot, kMsixBar, 0xe000'0000 + i * 0x1'0000, 4, function);
    fort.config_write(slot, kModernBar, 0xe000'8000 + i * 0x1'0000, 4, function);
    fort.config_write(slot, kModernBar + 4, 0, 4, function);
    fort.config_write(slot, kCommand, 2, 2, function);
  }
  fort.expect_held();
  EXPECT_NE(fort.guest().process().log().find("more ranges than it can hold"), std::string::npos)
      << "the attack does not fill the view";
  // The guest's own view has all of them: the last one's device status can be written.
  const uint64_t last = 0xe000'8000 + (kManySlots * kFunctions - 1) * 0x1'0000;
  constexpr uint32_t kDeviceStatus = 0x14;
  fort.bus().write(last + kDeviceStatus, 3, 1);
  EXPECT_EQ(fort.bus().read(last + kDeviceStatus, 1), 3u);
}

}  // namespace
}  // namespace gatehouse::isolation
