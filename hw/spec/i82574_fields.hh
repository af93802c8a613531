// SPDX-License-Identifier: GPL-2.0-or-later
// Fields of the 82574L's registers as masks: X(register, field, mask, text). A constant `<register>_<field>` each.
// Source: Intel 82574 GbE Controller Family Datasheet, chapter 10; the section is that of the register's row.
#ifndef GATEHOUSE_HW_SPEC_I82574_FIELDS_HH_
#define GATEHOUSE_HW_SPEC_I82574_FIELDS_HH_

#include <bit>
#include <cstddef>
#include <cstdint>

#include "hw/spec/i82574_field_rows_general.hh"
#include "hw/spec/i82574_field_rows_traffic.hh"

namespace gatehouse::i82574 {

#define GATEHOUSE_I82574_FIELDS(X)     \
  GATEHOUSE_I82574_GENERAL_FIELDS(X)   \
  GATEHOUSE_I82574_INTERRUPT_FIELDS(X) \
  GATEHOUSE_I82574_RECEIVE_FIELDS(X)   \
  GATEHOUSE_I82574_TRANSMIT_FIELDS(X)  \
  GATEHOUSE_I82574_OTHER_FIELDS(X)

#define GATEHOUSE_I82574_FIELD(register_name, field, mask, text) \
  inline constexpr uint32_t register_name##_##field = mask;
GATEHOUSE_I82574_FIELDS(GATEHOUSE_I82574_FIELD)
#undef GATEHOUSE_I82574_FIELD

struct FieldRow {
  const char* register_name;
  const char* name;
  uint32_t mask;
  const char* text;
};

inline constexpr FieldRow kFields[] = {
#define GATEHOUSE_I82574_FIELD_ROW(register_name, field, mask, text) {#register_name, #field, mask, text},
    GATEHOUSE_I82574_FIELDS(GATEHOUSE_I82574_FIELD_ROW)
#undef GATEHOUSE_I82574_FIELD_ROW
};

// What each cause has in IVAR (10.2.4.9).
inline constexpr uint32_t kIvarVector = 7, kIvarValid = 8;

// A field's value, moved down to bit 0. The mask is one run of ones.
constexpr uint32_t field_get(uint32_t value, uint32_t mask) { return (value & mask) >> std::countr_zero(mask); }
// `value` with the field replaced by the low bits of `field`.
constexpr uint32_t field_set(uint32_t value, uint32_t mask, uint32_t field) {
  return (value & ~mask) | ((field << std::countr_zero(mask)) & mask);
}

}  // namespace gatehouse::i82574

#endif  // GATEHOUSE_HW_SPEC_I82574_FIELDS_HH_
