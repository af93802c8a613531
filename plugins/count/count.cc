// SPDX-License-Identifier: GPL-2.0-or-later
// Counts what cores do, for code in a range of addresses: by default that of sequestered
// partitions, so that guests run unobserved and at full speed.
//
// code=LOW-HIGH: instructions at these virtual addresses are counted (hexadecimal, without HIGH).
// stack=LOW-HIGH: accesses to these virtual addresses are no memory traffic.
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <vector>

#include <glib.h>

extern "C" {
#include "qemu/qemu-plugin.h"
}

#include "hw/spec/core_counts.hh"
#include "hw/spec/partition.hh"

extern "C" QEMU_PLUGIN_EXPORT int qemu_plugin_version;
int qemu_plugin_version = QEMU_PLUGIN_VERSION;

namespace gatehouse::counting {
namespace {

struct Range {
  uint64_t low, high;
  bool has(uint64_t address) const { return address >= low && address < high; }
};

// Identity mapped: a firmware's virtual addresses are physical ones.
Range code{partition::kRamBase, partition::kRamBase + partition::kMaxRam};
Range stack{partition::kRamBase, partition::kRamBase + partition::kFirmwareOffset};

qemu_plugin_scoreboard* board;
#define GATEHOUSE_CORE_COUNT(name, text) qemu_plugin_u64 name##_entry;
GATEHOUSE_CORE_COUNTS(GATEHOUSE_CORE_COUNT)
#undef GATEHOUSE_CORE_COUNT

// Guards what follows; the counts themselves belong to their cores.
std::mutex mutex;
bool counting = false;
std::vector<CoreCounts> base;   // at start()
std::vector<CoreCounts> final;  // at stop()

CoreCounts raw(unsigned core) {
  CoreCounts counts;
#define GATEHOUSE_CORE_COUNT(name, text) counts.name = qemu_plugin_u64_get(name##_entry, core);
  GATEHOUSE_CORE_COUNTS(GATEHOUSE_CORE_COUNT)
#undef GATEHOUSE_CORE_COUNT
  return counts;
}

unsigned cores() {
  const int seen = qemu_plugin_num_vcpus();
  return seen < 0 ? 0 : static_cast<unsigned>(seen);
}

std::vector<CoreCounts> all() {
  std::vector<CoreCounts> counts(cores());
  for (unsigned i = 0; i < counts.size(); ++i) counts[i] = raw(i);
  return counts;
}

void start() {
  const std::lock_guard lock(mutex);
  base = all();
  counting = true;
}

void stop() {
  const std::lock_guard lock(mutex);
  if (counting) final = all();
  counting = false;
}

bool running() {
  const std::lock_guard lock(mutex);
  return counting;
}

CoreCounts read(unsigned core) {
  const std::lock_guard lock(mutex);
  const CoreCounts none;
  if (core >= cores()) return none;
  const CoreCounts last = counting ? raw(core) : core < final.size() ? final[core] : none;
  const CoreCounts first = core < base.size() ? base[core] : none;
  CoreCounts since;
#define GATEHOUSE_CORE_COUNT(name, text) since.name = last.name - first.name;
  GATEHOUSE_CORE_COUNTS(GATEHOUSE_CORE_COUNT)
#undef GATEHOUSE_CORE_COUNT
  return since;
}

void accessed(unsigned core, qemu_plugin_meminfo_t info, uint64_t address, void*) {
  if (stack.has(address)) return;
  const bool store = qemu_plugin_mem_is_store(info);
  const qemu_plugin_hwaddr* physical = qemu_plugin_get_hwaddr(info, address);
  if (physical && qemu_plugin_hwaddr_is_io(physical)) {
    qemu_plugin_u64_add(store ? mmio_writes_entry : mmio_reads_entry, core, 1);
    return;
  }
  qemu_plugin_u64_add(store ? bytes_written_entry : bytes_read_entry, core,
                      uint64_t{1} << qemu_plugin_mem_size_shift(info));
}

bool is_interrupt_return(const qemu_plugin_insn* instruction) {
  uint8_t octets[2] = {};
  const size_t length = qemu_plugin_insn_data(instruction, octets, sizeof octets);
  constexpr uint8_t kRexW = 0x48, kIret = 0xcf;
  return (length >= 1 && octets[0] == kIret) ||
         (length == 2 && octets[0] == kRexW && octets[1] == kIret);
}

void translated(qemu_plugin_id_t, qemu_plugin_tb* block) {
  if (!code.has(qemu_plugin_tb_vaddr(block))) return;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); ++i) {
    qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(block, i);
    qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, QEMU_PLUGIN_INLINE_ADD_U64,
                                                        instructions_entry, 1);
    if (is_interrupt_return(instruction)) {
      qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, QEMU_PLUGIN_INLINE_ADD_U64,
                                                          interrupts_entry, 1);
    }
    qemu_plugin_register_vcpu_mem_cb(instruction, accessed, QEMU_PLUGIN_CB_NO_REGS,
                                     QEMU_PLUGIN_MEM_RW, nullptr);
  }
}

bool parse(const char* text, Range* range) {
  char* end = nullptr;
  const uint64_t low = std::strtoull(text, &end, 16);
  if (end == text || *end != '-') return false;
  const char* second = end + 1;
  const uint64_t high = std::strtoull(second, &end, 16);
  if (end == second || *end != '\0' || high <= low) return false;
  *range = {low, high};
  return true;
}

}  // namespace
}  // namespace gatehouse::counting

extern "C" QEMU_PLUGIN_EXPORT const gatehouse::counting::Interface gatehouse_count_interface;
const gatehouse::counting::Interface gatehouse_count_interface = {
    gatehouse::counting::kVersion, gatehouse::counting::start, gatehouse::counting::stop,
    gatehouse::counting::running,  gatehouse::counting::cores, gatehouse::counting::read,
};

extern "C" QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info,
                                                      int count, char** arguments) {
  using namespace gatehouse::counting;  // NOLINT
  if (!info->system_emulation) {
    std::fputs("gatehouse-count: counts in system emulation only\n", stderr);
    return -1;
  }
  for (int i = 0; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const bool good = argument.starts_with("code=")    ? parse(arguments[i] + 5, &code)
                      : argument.starts_with("stack=") ? parse(arguments[i] + 6, &stack)
                                                       : false;
    if (good) continue;
    std::fprintf(stderr,
                 "gatehouse-count: '%s' is none of code=LOW-HIGH, stack=LOW-HIGH (hexadecimal)\n",
                 arguments[i]);
    return -1;
  }
  board = qemu_plugin_scoreboard_new(sizeof(CoreCounts));
#define GATEHOUSE_CORE_COUNT(name, text) \
  name##_entry = qemu_plugin_scoreboard_u64_in_struct(board, CoreCounts, name);
  GATEHOUSE_CORE_COUNTS(GATEHOUSE_CORE_COUNT)
#undef GATEHOUSE_CORE_COUNT
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
