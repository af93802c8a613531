// SPDX-License-Identifier: GPL-2.0-or-later
// Storage behind the memory BAR: one uint32_t for each word, indexed by octet offset. Parts of the
// vnic read and write it directly; the guest comes through Dispatch, which applies hooks, modes and
// masks.
#ifndef GATEHOUSE_HW_CARD_VNIC_REGISTER_FILE_HH_
#define GATEHOUSE_HW_CARD_VNIC_REGISTER_FILE_HH_

#include <cstdint>
#include <vector>

#include "hw/spec/i82574_registers.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class RegisterFile {
 public:
  RegisterFile();

  // `offset` is one of i82574::reg (an element of an array: reg::TDT(1)); never a number from the
  // guest.
  uint32_t& operator[](uint32_t offset) { return words_[offset / 4]; }
  uint32_t operator[](uint32_t offset) const { return words_[offset / 4]; }

  bool test(uint32_t offset, uint32_t mask) const { return (words_[offset / 4] & mask) != 0; }
  void set(uint32_t offset, uint32_t mask) { words_[offset / 4] |= mask; }
  void clear(uint32_t offset, uint32_t mask) { words_[offset / 4] &= ~mask; }
  uint32_t field(uint32_t offset, uint32_t mask) const {
    return i82574::field_get(words_[offset / 4], mask);
  }
  void set_field(uint32_t offset, uint32_t mask, uint32_t value) {
    words_[offset / 4] = i82574::field_set(words_[offset / 4], mask, value);
  }
  // A 64-bit value in two registers.
  uint64_t pair(uint32_t low, uint32_t high) const {
    return words_[low / 4] | static_cast<uint64_t>(words_[high / 4]) << 32;
  }

  // All rows to their reset values, except those that a software reset keeps.
  enum class Keep : uint8_t { kNothing, kSoftwareReset };
  void reset(Keep keep);

  // Loading refuses bits that neither a write nor the model could have set only where a part relies
  // on it; each part checks its own.
  void archive(Archive& archive);

 private:
  std::vector<uint32_t> words_;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_REGISTER_FILE_HH_
