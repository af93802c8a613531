// SPDX-License-Identifier: GPL-2.0-or-later
// How a partition is made: options, files, memory map, cores.
#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/address-spaces.h"
#include "hw/cpu/cluster.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"
#include "hw/qemu/qemu-end.hh"

#include <algorithm>

#include "hw/qemu/core_x86.h"
#include "hw/qemu/device_name.hh"
#include "hw/qemu/partition_host.hh"

namespace gatehouse::qemu {
namespace {

using partition::kMaxPartitions;
using partition::kMmioBase;
using partition::kPage;
using partition::kRamBase;

// Writes of messages to the guest's APICs; between them is the core's own APIC.
constexpr uint64_t kMessages = 0xfee0'0000, kMessagesBehind = 0x1000, kMessagesOctets = 0x10'0000,
                   kMessagesBefore = 0x10;

std::array<PartitionHost*, kMaxPartitions> g_partitions{};

Status take_error(Error* error) {
  Status status = Status::error(error_get_pretty(error));
  error_free(error);
  return status;
}

// A regular file of at most `limit` octets.
Status read_file(const char* path, uint64_t limit, std::vector<uint8_t>& octets) {
  struct stat info;
  if (stat(path, &info) != 0) return Status::error(std::string(path) + ": " + strerror(errno));
  if (!S_ISREG(info.st_mode)) return Status::error(std::string(path) + ": not a regular file");
  if (static_cast<uint64_t>(info.st_size) > limit)
    return Status::error(std::string(path) + ": larger than the partition's memory");
  char* contents = nullptr;
  size_t length = 0;
  GError* error = nullptr;
  if (!g_file_get_contents(path, &contents, &length, &error)) {
    Status status = Status::error(error->message);
    g_error_free(error);
    return status;
  }
  octets.assign(contents, contents + std::min<uint64_t>(length, limit));
  g_free(contents);
  return {};
}

const MemoryRegionOps kMessageOps = [] {
  MemoryRegionOps ops{};
  ops.read = [](void*, hwaddr, unsigned) -> uint64_t { return 0; };
  ops.write = [](void* state, hwaddr, uint64_t, unsigned) {
    static_cast<GatehousePartitionState*>(state)->host->message_refused();
  };
  ops.endianness = DEVICE_LITTLE_ENDIAN;
  return ops;
}();

const MemoryRegionOps kRegisterOps = [] {
  MemoryRegionOps ops{};
  ops.read = [](void* state, hwaddr offset, unsigned octets) {
    return static_cast<GatehousePartitionState*>(state)->host->read_registers(offset, octets);
  };
  ops.write = [](void* state, hwaddr offset, uint64_t value, unsigned octets) {
    static_cast<GatehousePartitionState*>(state)->host->write_registers(offset, value, octets);
  };
  ops.endianness = DEVICE_LITTLE_ENDIAN;
  ops.valid.min_access_size = 1;
  ops.valid.max_access_size = 8;
  ops.valid.unaligned = true;
  ops.impl.min_access_size = 1;
  ops.impl.max_access_size = 8;
  ops.impl.unaligned = true;
  return ops;
}();

Status check_options(const GatehousePartitionState* device) {
  if (const char* refusal = gatehouse_core_refusal(partition::kGuestEnd))
    return Status::error(refusal);
  if (device->cores < 1 || device->cores > partition::kMaxCores)
    return Status::error("cores= must be 1 to " + std::to_string(partition::kMaxCores));
  if (device->memory < partition::kMinRam || device->memory > partition::kMaxRam ||
      device->memory % kPage != 0)
    return Status::error("memory= must be 4M to 4G, in pages of 4K");
  if (!device->firmware) return Status::error("no firmware; add firmware=FILE");
  if (device->arguments && strlen(device->arguments) >= partition::kArgumentsOctets)
    return Status::error("arguments= is longer than " +
                         std::to_string(partition::kArgumentsOctets - 1) + " octets");
  return {};
}

}  // namespace

PartitionHost::PartitionHost(GatehousePartitionState* device, unsigned number)
    : device_(device),
      name_(device_name(&device->parent_obj)),
      number_(number),
      control_({*this, *this, *this}, device->memory, device->arguments ? device->arguments : ""),
      timer_(timer_new_ns(
          QEMU_CLOCK_VIRTUAL,
          [](void* host) { static_cast<PartitionHost*>(host)->timer_expired(); }, this)),
      console_(
          &device->console, [this] { return control_.console_room(); },
          [this](std::span<const uint8_t> octets) { control_.console_input(octets); }),
      boundary_(name_) {
  g_partitions[number_] = this;
  raise_boundary();
}

PartitionHost::~PartitionHost() {
  g_partitions[number_] = nullptr;
  timer_free(timer_);
  if (apic_) memory_region_del_subregion(&device_->root, apic_);
  if (memory_made_) address_space_destroy(&memory_);
}

Result<std::unique_ptr<PartitionHost>> PartitionHost::make(GatehousePartitionState* device) {
  if (Status status = check_options(device); !status.ok()) return status;
  const auto free = std::find(g_partitions.begin(), g_partitions.end(), nullptr);
  if (free == g_partitions.end())
    return Status::error("there are " + std::to_string(kMaxPartitions) + " partitions already");
  std::unique_ptr<PartitionHost> host(
      new PartitionHost(device, static_cast<unsigned>(free - g_partitions.begin())));
  if (Status status = host->load_files(); !status.ok()) return status;
  if (Status status = host->make_memory(); !status.ok()) return status;
  if (Status status = host->make_cores(); !status.ok()) return status;
  return host;
}

Status PartitionHost::load_files() {
  // A file may carry symbols that are not loaded.
  constexpr uint64_t kMaxFile = partition::kMaxRam;
  if (Status status = read_file(device_->firmware, kMaxFile, firmware_file_); !status.ok())
    return status;
  Result<partition::Firmware> firmware = partition::read_firmware(firmware_file_, device_->memory);
  if (!firmware.ok())
    return Status::error(std::string(device_->firmware) + ": " + firmware.status().message());
  firmware_ = std::move(firmware.value());
  if (!device_->data) return {};
  const uint64_t room = kRamBase + device_->memory - firmware_.end;
  if (Status status = read_file(device_->data, room, data_file_); !status.ok()) return status;
  // To firmware it would look like none.
  if (data_file_.empty())
    return Status::error(std::string(device_->data) +
                         ": the file is empty; write it, or leave out data=");
  return {};
}

Status PartitionHost::make_memory() {
  Object* owner = OBJECT(device_);
  const std::string ram = "gatehouse-" + name_ + "-ram";
  memory_region_init(&device_->root, owner, "gatehouse-partition", UINT64_MAX);
  memory_region_init_alias(&device_->guest, owner, "gatehouse-partition-guest", get_system_memory(),
                           0, partition::kPrivateBase);
  Error* error = nullptr;
  if (!memory_region_init_ram(&device_->ram, owner, ram.c_str(), device_->memory, &error))
    return take_error(error);
  ram_ = static_cast<uint8_t*>(memory_region_get_ram_ptr(&device_->ram));
  memory_region_init_io(&device_->mmio, owner, &kRegisterOps, device_,
                        "gatehouse-partition-registers", partition::kMmioOctets);
  memory_region_init_io(&device_->messages[0], owner, &kMessageOps, device_,
                        "gatehouse-partition-messages", kMessagesBefore);
  memory_region_init_io(&device_->messages[1], owner, &kMessageOps, device_,
                        "gatehouse-partition-messages", kMessagesOctets - kMessagesBehind);
  MemoryRegion* root = &device_->root;
  memory_region_add_subregion_overlap(root, 0, &device_->guest, 0);
  memory_region_add_subregion_overlap(root, kRamBase, &device_->ram, kWindowPriority);
  memory_region_add_subregion_overlap(root, kMmioBase, &device_->mmio, kWindowPriority);
  memory_region_add_subregion_overlap(root, kMessages, &device_->messages[0], kWindowPriority);
  memory_region_add_subregion_overlap(root, kMessages + kMessagesBehind, &device_->messages[1],
                                      kWindowPriority);
  address_space_init(&memory_, root, "gatehouse-partition");
  memory_made_ = true;
  return {};
}

Status PartitionHost::make_cores() {
  gatehouse_core_cluster_guest();
  Object* cluster = object_new(TYPE_CPU_CLUSTER);
  object_property_add_child(OBJECT(device_), "cluster", cluster);
  object_unref(cluster);
  qdev_prop_set_uint32(DEVICE(cluster), "cluster-id", 1 + number_);
  for (unsigned i = 0; i < device_->cores; ++i) {
    const gatehouse_core_options options = {
        .parent = cluster,
        .memory = &device_->root,
        .partition = number_,
        .index = i,
        .yield_port = partition::kYieldPort,
        .owner = this,
        .shutdown =
            [](void* owner, unsigned core, uint64_t instruction) {
              static_cast<PartitionHost*>(owner)->core_fault(core, instruction);
            },
        .deliver =
            [](void* owner, unsigned core, uint32_t destination, bool logical, uint8_t mode,
               uint8_t vector, uint8_t shorthand) {
              static_cast<PartitionHost*>(owner)->deliver(core, destination, logical, mode, vector,
                                                          shorthand);
            },
    };
    core_[i] = gatehouse_core_new(&options);
  }
  Error* error = nullptr;
  if (!qdev_realize(DEVICE(cluster), nullptr, &error)) return take_error(error);
  for (unsigned i = 0; i < device_->cores; ++i) {
    char* message = nullptr;
    if (gatehouse_core_realize(core_[i], &message)) continue;
    Status status = Status::error(message);
    g_free(message);
    return status;
  }
  // Over the guest's, below what refuses messages.
  apic_ = gatehouse_core_apic(core_[0]);
  memory_region_add_subregion_overlap(&device_->root, kMessages, apic_, kWindowPriority - 1);
  return {};
}

std::vector<PartitionHost*> all_partitions() {
  std::vector<PartitionHost*> partitions;
  for (PartitionHost* host : g_partitions) {
    if (host) partitions.push_back(host);
  }
  return partitions;
}

}  // namespace gatehouse::qemu
