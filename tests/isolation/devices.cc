// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/isolation/devices.hh"

#include <cstring>
#include <unordered_set>

#include "hw/spec/i82574_descriptors.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/registers/traffic.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::isolation {

using namespace i82574;  // NOLINT: reads like the data sheet

namespace {

constexpr uint64_t kEduBuffer = 0x4'0000;
constexpr uint32_t kEduSource = 0x80, kEduDestination = 0x88, kEduCount = 0x90, kEduCommand = 0x98;
constexpr uint64_t kEduRun = 1, kEduOut = 2;
constexpr unsigned kRing = 8;  // descriptors

std::string dgram(const std::string& id, const lab::WorkDir& files) {
  return "dgram,id=" + id + ",local.type=unix,local.path=" + files.path(id + "n") +
         ",remote.type=unix,remote.path=" + files.path(id + "f");
}

FortOptions options_of(const std::string& name, std::vector<std::string> words) {
  FortOptions options;
  options.name = name;
  options.inside = Inside::kNothing;
  options.devices = std::move(words);
  return options;
}

}  // namespace

bool holds_treasure(std::span<const uint8_t> octets) {
  static const std::unordered_set<uint64_t> words = [] {
    std::unordered_set<uint64_t> all;
    for (uint64_t at = kTreasure; at < partition::kRamBase + kMemory; at += 8)
      all.insert(treasure(at));
    return all;
  }();
  for (size_t at = 0; at + 8 <= octets.size(); ++at) {
    uint64_t word;
    std::memcpy(&word, octets.data() + at, 8);
    if (words.contains(word)) return true;
  }
  return false;
}

DeviceFiles::DeviceFiles() {
  lab::write_file(folder.path("policy"), registers::Machine::default_policy().dump());
  lab::write_file(folder.path("disk"), std::string(1 << 20, '\x5a'));
  vnic_wire = std::make_unique<registers::Wire>(folder.path("up0f"), folder.path("up0n"));
  e1000e_wire = std::make_unique<registers::Wire>(folder.path("n1f"), folder.path("n1n"));
}

std::vector<std::string> DeviceFiles::words(const std::string& iommu) const {
  std::vector<std::string> all;
  if (!iommu.empty()) all = {"-device", iommu};
  for (const std::string& word : std::vector<std::string>{
           "-netdev",
           dgram("up0", folder),
           "-netdev",
           dgram("n1", folder),
           "-netdev",
           "hubport,id=n2,hubid=2",
           "-drive",
           "if=none,id=disk,format=raw,file=" + folder.path("disk"),
           "-object",
           "memory-backend-ram,id=shared,size=4M,share=on",
           "-device",
           "gatehouse-card,id=card0,uplink0=up0,policy=" + folder.path("policy"),
           "-device",
           "gatehouse-vnic,id=vnic0,card=card0,romfile=,addr=4",
           "-device",
           "e1000e,id=nic1,netdev=n1,romfile=,addr=5",
           "-device",
           "gatehouse-steer,partition=p0,device=nic1",
           "-device",
           "edu,addr=6,dma_mask=18446744073709551615",
           "-device",
           "nvme,drive=disk,serial=1,addr=7",
           "-device",
           "virtio-net-pci,netdev=n2,romfile=,addr=8,disable-legacy=on,iommu_platform=" +
               std::string(iommu.empty() ? "off" : "on"),
           "-device",
           "ivshmem-plain,memdev=shared,addr=9",
           "-device",
           "pcie-root-port,id=bridge,chassis=1,addr=a",
           "-device",
           "intel-hda,addr=b"})
    all.push_back(word);
  return all;
}

DeviceFort::DeviceFort(const std::string& name, const std::string& iommu)
    : Fort(options_of(name, words(iommu))) {
  for (const unsigned slot : {kVnic, kE1000e, kEdu, kNvme}) enable(slot);
}

void DeviceFort::place(unsigned slot, unsigned bar, uint64_t address) {
  config_write(slot, 0x10 + 4 * bar, static_cast<uint32_t>(address), 4);
  config_write(slot, 0x14 + 4 * bar, static_cast<uint32_t>(address >> 32), 4);
}

void DeviceFort::enable(unsigned slot) {
  for (unsigned bar = 0; bar < 6; ++bar) {
    const unsigned offset = 0x10 + 4 * bar;
    const uint32_t kind = config_read(slot, offset, 4);
    if (kind & 1) continue;
    config_write(slot, offset, bar_of(slot, bar), 4);
    if ((kind & 6) == 4) config_write(slot, 0x10 + 4 * ++bar, 0, 4);
  }
  config_write(slot, 4, 6, 2);  // memory, bus master
}

void DeviceFort::expect_nothing_leaked(unsigned slot) {
  while (!wire(slot).idle()) {
    const auto frame = wire(slot).receive();
    if (!frame) return;
    EXPECT_FALSE(holds_treasure(*frame)) << "a frame carries private RAM away";
  }
}

// ---- edu

void DeviceFort::edu(uint64_t source, uint64_t destination, unsigned octets, bool out) {
  write(kEdu, kEduSource, source, 8);
  write(kEdu, kEduDestination, destination, 8);
  write(kEdu, kEduCount, octets, 8);
  write(kEdu, kEduCommand, kEduRun | (out ? kEduOut : 0), 8);
  if (!eventually([&] { return !(bus().read(bar_of(kEdu, 0) + kEduCommand, 8) & kEduRun); }))
    throw lab::Failure("edu does not finish");
}

std::vector<uint8_t> DeviceFort::dma_read(uint64_t address, unsigned octets) {
  edu(address, kEduBuffer, octets, false);
  edu(kEduBuffer, kScratch, octets, true);
  return bus().read_block(kScratch, octets);
}

void DeviceFort::dma_write(uint64_t address, std::span<const uint8_t> content) {
  bus().write_block(kScratch, content);
  const unsigned octets = static_cast<unsigned>(content.size());
  edu(kScratch, kEduBuffer, octets, false);
  edu(kEduBuffer, address, octets, true);
}

// ---- 82574L

void DeviceFort::start_nic(unsigned slot, uint64_t transmit_ring, uint64_t receive_ring,
                           uint64_t receive_buffer) {
  write(slot, reg::CTRL, CTRL_RST);
  enable(slot);
  write(slot, reg::CTRL, read(slot, reg::CTRL) | CTRL_SLU);
  if (!eventually([&] { return read(slot, reg::STATUS) & STATUS_LU; }))
    throw lab::Failure("the link does not come up");
  for (unsigned i = 0; i < kRing; ++i) {
    bus().write(receive_ring + 16 * i, receive_buffer, 8);
    bus().write(receive_ring + 16 * i + 8, 0, 8);
  }
  const auto ring = [&](uint32_t base, uint32_t length, uint64_t address) {
    write(slot, base, static_cast<uint32_t>(address));
    write(slot, base + 4, static_cast<uint32_t>(address >> 32));
    write(slot, length, 16 * kRing);
  };
  ring(reg::RDBAL(0), reg::RDLEN(0), receive_ring);
  ring(reg::TDBAL(0), reg::TDLEN(0), transmit_ring);
  write(slot, reg::RCTL, RCTL_EN | RCTL_UPE | RCTL_BAM | RCTL_SECRC);
  write(slot, reg::RDT(0), kRing - 1);
  write(slot, reg::TCTL, TCTL_EN | TCTL_PSP);
}

void DeviceFort::transmit(unsigned slot, uint64_t ring, uint64_t buffer, unsigned descriptors) {
  for (unsigned i = 0; i < descriptors; ++i) {
    uint8_t descriptor[kTxDescriptorSize] = {};
    put<desc::TX_ADDRESS>(descriptor, buffer + 128 * i);
    put<desc::TX_LENGTH>(descriptor, 128u);
    put<desc::TX_COMMAND>(descriptor, TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS);
    bus().write_block(ring + 16 * i, descriptor);
  }
  write(slot, reg::TDT(0), descriptors);
}

void DeviceFort::feed(unsigned slot) {
  wire(slot).send(slot == kE1000e ? registers::reply()
                                  : registers::encapsulated(registers::reply()));
}

}  // namespace gatehouse::isolation
