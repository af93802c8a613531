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

bool stores(const RedirectEntry& entry) {
  return entry.write == RedirectWrite::kLast || (entry.flags & kRedirectStore);
}

bool tells(const RedirectEntry& entry) {
  return entry.write == RedirectWrite::kPost || entry.write == RedirectWrite::kThrough;
}

bool mode_known(const RedirectEntry& entry) {
  if (entry.read > RedirectRead::kShadow || entry.write > RedirectWrite::kDrop) return false;
  if (entry.flags & ~kRedirectStore || entry.reserved || entry.reserved2) return false;
  return !entry.flags || tells(entry);
}

// Firmware looks at the same time: whole words of up to 4 octets.
template <class T>
uint64_t load_word(const uint8_t* from) {
  T value;
  __atomic_load(reinterpret_cast<const T*>(from), &value, __ATOMIC_ACQUIRE);
  return load_le<T>(&value);
}

template <class T>
void store_word(uint8_t* to, uint64_t from) {
  T value;
  store_le<T>(&value, static_cast<T>(from));
  __atomic_store(reinterpret_cast<T*>(to), &value, __ATOMIC_RELEASE);
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
  if (entry.shadow != 0 && !ram_.at(entry.shadow, entry.length, 8)) return Result::k_bad_shadow;
  if (entry.shadow == 0 && (entry.read == RedirectRead::kShadow || stores(entry)))
    return Result::k_bad_shadow;
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

void Redirect::use_table(const Table& table, unsigned count) {
  const bool nothing = count == 0 && count_ == 0;
  count_ = count;
  std::array<BarRange, kMaxRedirectEntries> ranges;
  for (unsigned i = 0; i < count; ++i) {
    table_[i] = table[i];
    order_[i] = static_cast<uint8_t>(i);
    shadows_[i] = table[i].shadow ? ram_.at(table[i].shadow, table[i].length, 8) : nullptr;
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

uint64_t Redirect::load_shadow(unsigned index, uint64_t offset, unsigned octets) const {
  const uint8_t* from = shadows_[index] + (offset - table_[index].offset);
  switch (octets) {
    case 1:
      return load_word<uint8_t>(from);
    case 2:
      return load_word<uint16_t>(from);
    case 4:
      return load_word<uint32_t>(from);
    default:
      return load_word<uint32_t>(from) | load_word<uint32_t>(from + 4) << 32;
  }
}

void Redirect::store_shadow(unsigned index, uint64_t offset, uint64_t value, unsigned octets) {
  const uint64_t place = offset - table_[index].offset;
  uint8_t* to = shadows_[index] + place;
  switch (octets) {
    case 1:
      store_word<uint8_t>(to, value);
      break;
    case 2:
      store_word<uint16_t>(to, value);
      break;
    case 4:
      store_word<uint32_t>(to, value);
      break;
    default:
      store_word<uint32_t>(to, value);
      store_word<uint32_t>(to + 4, value >> 32);
      break;
  }
  ram_.written(table_[index].shadow + place, octets);
}

uint64_t Redirect::guest_read(unsigned bar, uint64_t offset, unsigned octets) {
  uint64_t value = 0;
  for (unsigned done = 0; done < octets;) {
    const unsigned length = piece(bar, offset + done, octets - done);
    const int index = find(bar, offset + done);
    const bool shadow =
        index >= 0 && table_[static_cast<unsigned>(index)].read == RedirectRead::kShadow;
    const uint64_t part = shadow ? load_shadow(static_cast<unsigned>(index), offset + done, length)
                                 : low_octets(device_.read(bar, offset + done, length), length);
    if (index >= 0) ++counters_.reads;
    value |= part << (done * 8);
    done += length;
  }
  return value;
}

void Redirect::guest_write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) {
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
  if (told) block_.notify();
}

bool Redirect::write_entry(unsigned index, uint64_t offset, uint64_t value, unsigned octets) {
  // A copy: what the device does with the write may end in a COMMIT.
  const RedirectEntry entry = table_[index];
  if (entry.write == RedirectWrite::kThrough || entry.write == RedirectWrite::kReal)
    device_.write(entry.bar, offset, value, octets);
  if (index >= count_ || std::memcmp(&entry, &table_[index], sizeof entry) != 0) return false;
  if (stores(entry)) store_shadow(index, offset, value, octets);
  if (entry.write == RedirectWrite::kLast) block_.pend(uint64_t{1} << index);
  if (!tells(entry)) return entry.write == RedirectWrite::kLast;
  RedirectRecord record{};
  record.offset = static_cast<uint32_t>(offset);
  record.bar = entry.bar;
  record.octets = static_cast<uint8_t>(octets);
  record.entry = static_cast<uint8_t>(index);
  record.kind = RedirectRecordKind::kWrite;
  record.value = value;
  block_.post(record);
  return true;
}

void Redirect::post(RedirectRecordKind kind) {
  RedirectRecord record{};
  record.kind = kind;
  block_.post(record);
  block_.notify();
}

void Redirect::plugged() { block_.set_present(true); }

void Redirect::unplugged() {
  if (block_.active()) {
    post(RedirectRecordKind::kUnplugged);
    stop(Result::k_no_device);
  }
  block_.set_present(false);
}

void Redirect::device_reset() { post(RedirectRecordKind::kReset); }

void Redirect::archive(Archive& archive) {
  archive.section("redirect", 1);
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
    archive(table[i].shadow);
    if (archive.loading()) table[i].reserved = 0, table[i].reserved2 = 0;
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
