// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/partition_host.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/address-spaces.h"
#include "exec/cpu-common.h"
#include "hw/cpu/cluster.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"
#include "qapi/qapi-events-gatehouse.h"
#include "system/reset.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include <nlohmann/json.hpp>

#include "hw/core/base/archive.hh"
#include "hw/partition/start_image.hh"
#include "hw/qemu/core_x86.h"
#include "hw/qemu/device_name.hh"

namespace gatehouse::qemu {
namespace {

using partition::kFirmwareOffset;
using partition::kMaxPartitions;
using partition::kMmioBase;
using partition::kPage;
using partition::kRamBase;
using partition::UnitKind;
using partition::UnitRow;

// Interrupt command register, Intel SDM volume 3, 10.6.1.
enum Delivery : uint8_t { kFixed = 0, kLowestPriority = 1, kNmi = 4 };
enum Shorthand : uint8_t { kNone = 0, kSelf = 1, kAll = 2, kOthers = 3 };
constexpr uint8_t kFirstLegalVector = 16;

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

uint64_t page_up(uint64_t value) { return (value + kPage - 1) & ~(kPage - 1); }

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
  if (const char* refusal = gatehouse_core_refusal(partition::kPrivateBase))
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

// ---- Making one

PartitionHost::PartitionHost(GatehousePartitionState* device, unsigned number)
    : device_(device),
      name_(device_name(&device->parent_obj)),
      number_(number),
      control_({*this, *this, *this}, device->memory, device->arguments ? device->arguments : ""),
      console_(
          &device->console, [this] { return control_.console_room(); },
          [this](std::span<const uint8_t> octets) { control_.console_input(octets); }),
      boundary_(name_) {
  g_partitions[number_] = this;
  raise_boundary();
}

PartitionHost::~PartitionHost() {
  g_partitions[number_] = nullptr;
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
  return read_file(device_->data, room, data_file_);
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
  return {};
}

// ---- Start and reset

void PartitionHost::load_ram() {
  RAMBlock* block = device_->ram.ram_block;
  if (started_) {
    if (ram_block_discard_range(block, 0, device_->memory) != 0) memset(ram_, 0, device_->memory);
    memory_region_set_dirty(&device_->ram, 0, device_->memory);
  }
  const auto put = [&](uint64_t address, std::span<const uint8_t> octets) {
    address_space_write(&memory_, address, MEMTXATTRS_UNSPECIFIED, octets.data(), octets.size());
  };
  put(partition::kPageTable, partition::start_image());
  for (const partition::Segment& segment : firmware_.segments) put(segment.address, segment.data);
  // At the end, so that the memory behind the firmware is one piece.
  const uint64_t data = kRamBase + device_->memory - page_up(data_file_.size());
  put(data, data_file_);
  control_.set_images(firmware_.end, data, data_file_.size());
}

void PartitionHost::restart() {
  load_ram();
  for (partition::Unit* unit : units_) {
    if (unit) unit->reset();
  }
  control_.reset();
  for (unsigned i = 0; i < device_->cores; ++i) {
    const gatehouse_core_place start = {
        .page_table = partition::kPageTable,
        .descriptors = partition::kDescriptors,
        .descriptors_limit = partition::kDescriptorsLimit,
        .code_selector = partition::kCodeSelector,
        .data_selector = partition::kDataSelector,
        .entry = firmware_.entry,
        .stack = partition::stack_top(i),
    };
    gatehouse_core_start(core_[i], &start);
  }
  started_ = true;
}

void PartitionHost::reset(ResetType type) {
  // Waking from sleep is no reset of the machine; firmware slept with it.
  if (type == RESET_TYPE_WAKEUP) return;
  const bool anew = !started_ || !device_->persist || type == RESET_TYPE_SNAPSHOT_LOAD;
  trace_gatehouse_partition_reset(name_.c_str(), anew);
  if (anew) {
    restart();
  } else {
    control_.guest_reset();
  }
}

// ---- Registers

uint64_t PartitionHost::read_registers(uint64_t offset, unsigned octets) {
  const uint64_t page = offset / kPage;
  const uint32_t in_page = static_cast<uint32_t>(offset % kPage);
  uint64_t value = 0;
  if (page == 0) {
    // -1: no core of ours reads; a debugger does.
    value = control_.read(in_page, octets,
                          static_cast<unsigned>(std::max(gatehouse_core_current(this), 0)));
  } else if (page <= units_.size() && units_[page - 1]) {
    value = units_[page - 1]->read(in_page, octets);
  }
  trace_gatehouse_partition_read(name_.c_str(), offset, octets, value);
  return value;
}

void PartitionHost::write_registers(uint64_t offset, uint64_t value, unsigned octets) {
  const uint64_t page = offset / kPage;
  const uint32_t in_page = static_cast<uint32_t>(offset % kPage);
  trace_gatehouse_partition_write(name_.c_str(), offset, octets, value);
  if (page == 0) {
    control_.write(in_page, value, octets);
  } else if (page <= units_.size() && units_[page - 1]) {
    units_[page - 1]->write(in_page, value, octets);
  }
}

Result<unsigned> PartitionHost::add_unit(UnitKind kind, const std::string& device,
                                         partition::Unit* unit) {
  const auto free = std::find(units_.begin(), units_.end(), nullptr);
  if (free == units_.end())
    return Status::error("partition " + name_ + " has " + std::to_string(units_.size()) +
                         " units already");
  const unsigned number = static_cast<unsigned>(free - units_.begin());
  UnitRow row{};
  row.kind = kind;
  row.registers = static_cast<uint32_t>((1 + number) * kPage);
  row.window = kind == UnitKind::kRedirect ? bar_window(number) : device_view(number);
  row.window_octets =
      kind == UnitKind::kRedirect ? partition::kBarWindowUnit : partition::kDeviceView;
  memcpy(row.device, device.data(), std::min(device.size(), sizeof row.device - 1));
  control_.set_unit(number, row);
  units_[number] = unit;
  return number;
}

void PartitionHost::remove_unit(unsigned unit) {
  units_.at(unit) = nullptr;
  control_.set_unit(unit, {});
}

// ---- Interrupts

void PartitionHost::raise(unsigned core, uint8_t vector) {
  trace_gatehouse_partition_interrupt(name_.c_str(), core, vector);
  if (core < device_->cores) gatehouse_core_interrupt(core_[core], vector);
}

void PartitionHost::deliver(unsigned from, uint32_t destination, bool logical, uint8_t mode,
                            uint8_t vector, uint8_t shorthand) {
  const bool known =
      mode == kNmi || ((mode == kFixed || mode == kLowestPriority) && vector >= kFirstLegalVector);
  if (!known) {
    // INIT and start-up IPIs among them: a core starts with its partition.
    ++ipis_refused_;
    return;
  }
  for (unsigned i = 0; i < device_->cores; ++i) {
    const bool meant = shorthand == kNone ? gatehouse_core_is_meant(core_[i], destination, logical)
                       : shorthand == kSelf ? i == from
                                            : shorthand == kAll || i != from;
    if (!meant) continue;
    if (mode == kNmi) {
      gatehouse_core_nmi(core_[i]);
    } else {
      gatehouse_core_interrupt(core_[i], vector);
    }
    if (mode == kLowestPriority) return;
  }
}

void PartitionHost::core_fault(unsigned core, uint64_t instruction) {
  trace_gatehouse_partition_fault(name_.c_str(), core, instruction);
  qapi_event_send_gatehouse_partition_fault(name_.c_str(), core, instruction);
}

void PartitionHost::answered(uint32_t request, uint32_t answer) {
  qapi_event_send_gatehouse_partition_answer(name_.c_str(), request, answer);
}

void PartitionHost::alerted(const std::string& text, uint64_t suppressed) {
  qapi_event_send_gatehouse_partition_alert(name_.c_str(), text.c_str(), suppressed);
}

void PartitionHost::request(uint32_t request) {
  trace_gatehouse_partition_request(name_.c_str(), request);
  control_.request(request);
}

// ---- Private RAM

uint8_t* PartitionHost::at(uint64_t address, uint64_t octets, uint64_t alignment) {
  const uint64_t offset = address - kRamBase;
  if (octets == 0 || address < kRamBase || offset >= device_->memory ||
      octets > device_->memory - offset || address % alignment != 0)
    return nullptr;
  return ram_ + offset;
}

void PartitionHost::written(uint64_t address, uint64_t octets) {
  memory_region_set_dirty(&device_->ram, address - kRamBase, octets);
}

// ---- State

nlohmann::json PartitionHost::state() const {
  using nlohmann::json;
  const partition::ControlCounters& counters = control_.counters();
  json cores = json::array(), units = json::array();
  static constexpr const char* kStates[] = {"running", "halted", "faulted"};
  for (unsigned i = 0; i < device_->cores; ++i) {
    cores.push_back({{"index", i},
                     {"cpu-index", gatehouse_core_cpu_index(core_[i])},
                     {"state", kStates[gatehouse_core_state(core_[i])]},
                     {"ports-refused", gatehouse_core_save(core_[i]).ports_refused}});
  }
  for (unsigned i = 0; i < partition::kMaxUnits; ++i) {
    const UnitRow& row = control_.unit(i);
    if (row.kind == UnitKind::kNone) continue;
    units.push_back({{"number", i},
                     {"kind", row.kind == UnitKind::kRedirect ? "redirect" : "steer"},
                     {"device", row.device}});
  }
  return {{"id", name_},
          {"cores", cores},
          {"ram", device_->memory},
          {"firmware", device_->firmware},
          {"persist", device_->persist},
          {"guest-resets", control_.guest_resets()},
          {"request", control_.last_request()},
          {"answer", control_.last_answer()},
          {"requests", counters.requests},
          {"answers", counters.answers},
          {"alerts", counters.alerts},
          {"alerts-suppressed", counters.alerts_suppressed},
          {"console-lost", console_.lost()},
          {"ipis-refused", ipis_refused_},
          {"messages-refused", messages_refused_},
          {"boundary", boundary_.state()},
          {"units", units}};
}

void PartitionHost::archive(Archive& archive) {
  archive.section("partition", 1);
  uint32_t cores = device_->cores;
  archive(cores);
  if (cores != device_->cores) {
    archive.fail("saved state: the partition had " + std::to_string(cores) +
                 " cores; use cores=" + std::to_string(cores));
    return;
  }
  for (unsigned i = 0; i < cores; ++i) {
    gatehouse_core_saved saved = gatehouse_core_save(core_[i]);
    archive(saved.faulted);
    archive(saved.ports_refused);
    if (archive.loading()) gatehouse_core_load(core_[i], &saved);
  }
  archive(ipis_refused_);
  archive(messages_refused_);
  boundary_.archive(archive);
  control_.archive(archive);
}

std::vector<PartitionHost*> all_partitions() {
  std::vector<PartitionHost*> partitions;
  for (PartitionHost* host : g_partitions) {
    if (host) partitions.push_back(host);
  }
  return partitions;
}

}  // namespace gatehouse::qemu
