// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/redirect.hh"

#include <algorithm>
#include <bit>
#include <cstring>

#include "hw/core/base/archive.hh"
#include "hw/core/base/bytes.hh"

namespace gatehouse::partition {
namespace {

constexpr uint64_t low_octets(uint64_t value, unsigned octets) {
  return octets >= 8 ? value : value & ((uint64_t{1} << (octets * 8)) - 1);
}

constexpr uint64_t kShadowAlignment = 8, kRulesAlignment = 8;

uint64_t octets_of_rules(const RedirectEntry& entry) {
  return entry.length / 4 * sizeof(RedirectRule);
}

bool stores(const RedirectEntry& entry) {
  return entry.write == RedirectWrite::kLast || (entry.flags & kRedirectStore);
}

bool tells(const RedirectEntry& entry) {
  return entry.write == RedirectWrite::kPost || entry.write == RedirectWrite::kThrough;
}

bool reaches_device(const RedirectEntry& entry) {
  return entry.write == RedirectWrite::kThrough || entry.write == RedirectWrite::kReal;
}

bool mode_known(const RedirectEntry& entry) {
  if (entry.read > RedirectRead::kIndirect || entry.write > RedirectWrite::kIndirect) return false;
  const bool indirect = entry.read == RedirectRead::kIndirect;
  if (indirect != (entry.write == RedirectWrite::kIndirect)) return false;
  if (indirect && (entry.bar == 0 || entry.length != 4 || entry.offset < 4)) return false;
  if (entry.flags & ~kRedirectStore || (entry.flags && !tells(entry))) return false;
  return !entry.resets || reaches_device(entry);
}

// What is written has whole words of 32 bits.
bool has_reset(const RedirectEntry& entry, uint64_t value, unsigned octets) {
  return octets >= 4 && ((value | value >> 32) & entry.resets) != 0;
}

}  // namespace

Redirect::Redirect(RamPort& ram, InterruptPort& interrupts, RedirectedDevice& device)
    : ram_(ram), device_(device), block_(kRedirectRows, ram, interrupts) {}

uint64_t Redirect::read(uint32_t offset, unsigned octets) { return block_.read(offset, octets); }

void Redirect::write(uint32_t offset, uint64_t value, unsigned octets) {
  const RegisterRow* row = block_.write(offset, value, octets);
  if (row && row->offset == unit::COMMIT) commit(low_octets(value, octets));
}

void Redirect::reset() {
  block_.reset();
  use_table({}, 0);
}

void Redirect::stop(Result result) {
  block_.stop();
  block_.finish(result);
  use_table({}, 0);
}

void Redirect::commit(uint64_t value) {
  if (value == 0) stop(Result::k_off);
  if (value != 1) return;
  uint32_t entry = 0;
  Table table;
  unsigned count = 0;
  Result result = block_.present() ? block_.check() : Result::k_no_device;
  if (result == Result::k_ok) result = read_table(table, count);
  if (result == Result::k_ok) result = check_table(table, count, entry);
  block_.finish(result, entry);
  if (result != Result::k_ok) {
    // What was in force stays: a guest that runs is not left half redirected.
    ++counters_.refused;
    return;
  }
  ++counters_.commits;
  block_.enforce();
  use_table(table, count);
}

Result Redirect::read_table(Table& table, unsigned& count) {
  const uint64_t entries = block_.get(redirect::TABLE_ENTRIES);
  if (entries > kMaxRedirectEntries) return Result::k_bad_table;
  count = static_cast<unsigned>(entries);
  if (count == 0) return Result::k_ok;
  const uint64_t octets = count * sizeof(RedirectEntry);
  const uint8_t* from = ram_.at(block_.get(redirect::TABLE), octets, alignof(RedirectEntry));
  if (!from) return Result::k_bad_table;
  std::memcpy(table.data(), from, octets);
  return Result::k_ok;
}

Result Redirect::check_entry(const RedirectEntry& entry) {
  const uint64_t bar_octets = entry.bar < kBars ? device_.bar_octets(entry.bar) : 0;
  if (bar_octets == 0) return Result::k_bad_bar;
  if (entry.length == 0 || entry.offset % 4 || entry.length % 4 ||
      uint64_t{entry.offset} + entry.length > bar_octets)
    return Result::k_bad_range;
  if (!mode_known(entry)) return Result::k_bad_mode;
  if (entry.shadow != 0 && !ram_.at(entry.shadow, entry.length, kShadowAlignment))
    return Result::k_bad_shadow;
  if (entry.shadow == 0 && (entry.read == RedirectRead::kShadow || stores(entry)))
    return Result::k_bad_shadow;
  if (entry.rules != 0 &&
      (entry.shadow == 0 || !ram_.at(entry.rules, octets_of_rules(entry), kRulesAlignment)))
    return Result::k_bad_rules;
  return Result::k_ok;
}

Result Redirect::check_table(const Table& table, unsigned count, uint32_t& entry) {
  for (unsigned i = 0; i < count; ++i) {
    entry = i;
    const Result result = check_entry(table[i]);
    if (result != Result::k_ok) return result;
    for (unsigned other = 0; other < i; ++other) {
      if (table[other].bar == table[i].bar &&
          uint64_t{table[other].offset} < uint64_t{table[i].offset} + table[i].length &&
          uint64_t{table[i].offset} < uint64_t{table[other].offset} + table[other].length)
        return Result::k_overlap;
    }
  }
  entry = 0;
  return Result::k_ok;
}

Shadow Redirect::shadow_of(const RedirectEntry& entry) {
  if (entry.shadow == 0) return {};
  uint8_t* rules =
      entry.rules == 0 ? nullptr : ram_.at(entry.rules, octets_of_rules(entry), kRulesAlignment);
  return {ram_.at(entry.shadow, entry.length, kShadowAlignment),
          reinterpret_cast<const RedirectRule*>(rules)};
}

void Redirect::use_table(const Table& table, unsigned count) {
  const bool nothing = count == 0 && count_ == 0;
  count_ = count;
  std::array<BarRange, kMaxRedirectEntries> ranges;
  for (unsigned i = 0; i < count; ++i) {
    table_[i] = table[i];
    order_[i] = static_cast<uint8_t>(i);
    shadows_[i] = shadow_of(table[i]);
    ranges[i] = {table[i].bar, table[i].offset, table[i].length};
  }
  std::sort(order_.begin(), order_.begin() + count, [this](uint8_t a, uint8_t b) {
    return table_[a].bar != table_[b].bar ? table_[a].bar < table_[b].bar
                                          : table_[a].offset < table_[b].offset;
  });
  if (!nothing) device_.install({ranges.data(), count});
}

// The entry that has this octet; -1: none.
int Redirect::find(unsigned bar, uint64_t offset) const {
  const auto end = order_.begin() + count_;
  // The first entry behind `offset`: the one before it is the only one that may have it.
  const auto behind = std::partition_point(order_.begin(), end, [&](uint8_t index) {
    return table_[index].bar != bar ? table_[index].bar < bar : table_[index].offset <= offset;
  });
  if (behind == order_.begin()) return -1;
  const RedirectEntry& entry = table_[*(behind - 1)];
  if (entry.bar != bar || offset - entry.offset >= entry.length) return -1;
  return *(behind - 1);
}

// The length of the first piece: naturally aligned, and since entries begin and end at multiples
// of 4, in one entry.
unsigned Redirect::piece(unsigned bar, uint64_t offset, unsigned octets) const {
  const unsigned aligned = 1u << std::countr_zero(offset | 8);
  const unsigned length = std::min(aligned, std::bit_floor(octets));
  return length == 8 && find(bar, offset) != find(bar, offset + 4) ? 4 : length;
}

uint64_t Redirect::guest_read(unsigned bar, uint64_t offset, unsigned octets) {
  uint64_t value = 0;
  for (unsigned done = 0; done < octets;) {
    const unsigned length = piece(bar, offset + done, octets - done);
    const int index = find(bar, offset + done);
    const uint64_t part = index < 0
                              ? device_.read(bar, offset + done, length)
                              : read_entry(static_cast<unsigned>(index), offset + done, length);
    value |= low_octets(part, length) << (done * 8);
    done += length;
  }
  return value;
}

uint64_t Redirect::read_entry(unsigned index, uint64_t offset, unsigned octets) {
  ++counters_.reads;
  const RedirectEntry entry = table_[index];
  if (entry.read == RedirectRead::kShadow)
    return shadows_[index].load(offset - entry.offset, octets);
  if (entry.read == RedirectRead::kReal) return device_.read(entry.bar, offset, octets);
  if (octets != 4) return 0;
  const uint64_t target = indirect_target(entry.bar, offset);
  // No deeper: entries of BAR 0 are not indirect.
  return target < device_.bar_octets(0) ? guest_read(0, target, 4)
                                        : device_.read(entry.bar, offset, 4);
}

// Where in BAR 0 a data register leads.
uint64_t Redirect::indirect_target(unsigned bar, uint64_t offset) {
  return low_octets(device_.read(bar, offset - 4, 4), 4) & ~uint64_t{3};
}

void Redirect::guest_write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) {
  if (write_pieces(bar, offset, value, octets)) block_.notify();
}

bool Redirect::write_pieces(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) {
  bool told = false;
  for (unsigned done = 0; done < octets;) {
    const unsigned length = piece(bar, offset + done, octets - done);
    const uint64_t part = low_octets(value >> (done * 8), length);
    const int index = find(bar, offset + done);
    if (index < 0) {
      device_.write(bar, offset + done, part, length);
    } else {
      ++counters_.writes;
      told |= write_entry(static_cast<unsigned>(index), offset + done, part, length);
    }
    done += length;
  }
  return told;
}

bool Redirect::write_entry(unsigned index, uint64_t offset, uint64_t value, unsigned octets) {
  // A copy: what the device does with the write may end in a COMMIT.
  const RedirectEntry entry = table_[index];
  if (entry.write == RedirectWrite::kIndirect) return write_indirect(index, offset, value, octets);
  if (entry.rules && octets < 4) return false;
  if (reaches_device(entry)) device_.write(entry.bar, offset, value, octets);
  bool told = false;
  if (index < count_ && std::memcmp(&entry, &table_[index], sizeof entry) == 0) {
    if (stores(entry)) {
      shadows_[index].store(offset - entry.offset, value, octets);
      ram_.written(entry.shadow + (offset - entry.offset), octets);
    }
    if (entry.write == RedirectWrite::kLast) block_.pend(uint64_t{1} << index);
    if (tells(entry)) post_write(index, offset, value, octets);
    told = entry.write == RedirectWrite::kLast || tells(entry);
  }
  if (!has_reset(entry, value, octets)) return told;
  put_reset_values();
  return true;
}

bool Redirect::write_indirect(unsigned index, uint64_t offset, uint64_t value, unsigned octets) {
  if (octets != 4) return false;
  const unsigned bar = table_[index].bar;
  block_.pend(uint64_t{1} << index);
  const uint64_t target = indirect_target(bar, offset);
  if (target < device_.bar_octets(0)) {
    write_pieces(0, target, value, 4);  // no deeper: entries of BAR 0 are not indirect
  } else {
    device_.write(bar, offset, value, 4);
  }
  return true;
}

void Redirect::post_write(unsigned index, uint64_t offset, uint64_t value, unsigned octets) {
  RedirectRecord record{};
  record.offset = static_cast<uint32_t>(offset);
  record.bar = table_[index].bar;
  record.octets = static_cast<uint8_t>(octets);
  record.entry = static_cast<uint8_t>(index);
  record.kind = RedirectRecordKind::kWrite;
  record.value = value;
  block_.post(record);
}

// The device has been reset. A guest that looks at once must not see what was before.
void Redirect::put_reset_values() {
  for (unsigned i = 0; i < count_; ++i) {
    if (!shadows_[i].has_rules()) continue;
    shadows_[i].reset(table_[i].length);
    ram_.written(table_[i].shadow, table_[i].length);
  }
  post(RedirectRecordKind::kReset);
}

void Redirect::post(RedirectRecordKind kind) {
  RedirectRecord record{};
  record.kind = kind;
  block_.post(record);
}

void Redirect::plugged() { block_.set_present(true); }

void Redirect::unplugged() {
  if (block_.active()) {
    post(RedirectRecordKind::kUnplugged);
    block_.notify();
    stop(Result::k_no_device);
  }
  block_.set_present(false);
}

void Redirect::device_reset() {
  put_reset_values();
  block_.notify();
}

void Redirect::archive(Archive& archive) {
  if (archive.section("redirect", 2) != 2)
    archive.fail("saved state: a redirection table of an older version");
  block_.archive(archive);
  archive(counters_.reads);
  archive(counters_.writes);
  archive(counters_.commits);
  archive(counters_.refused);
  archive_table(archive);
}

void Redirect::archive_table(Archive& archive) {
  Table table = table_;
  uint32_t count = count_;
  archive(count);
  if (archive.loading() && count > kMaxRedirectEntries) {
    archive.fail("saved state: a redirection table has too many entries");
    count = 0;
  }
  for (unsigned i = 0; i < count; ++i) {
    archive(table[i].offset);
    archive(table[i].length);
    archive(table[i].bar);
    archive(table[i].read);
    archive(table[i].write);
    archive(table[i].flags);
    archive(table[i].resets);
    archive(table[i].shadow);
    archive(table[i].rules);
  }
  if (!archive.loading()) return;
  uint32_t entry = 0;
  if (archive.ok() && count != 0) {
    if (!block_.active())
      archive.fail("saved state: a redirection table that is not in force has entries");
    else if (check_table(table, count, entry) != Result::k_ok)
      archive.fail("saved state: entry " + std::to_string(entry) +
                   " of a redirection table is not valid");
  }
  if (archive.ok()) {
    use_table(table, count);
  } else {
    stop(Result::k_off);
  }
}

}  // namespace gatehouse::partition
