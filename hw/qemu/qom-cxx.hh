// SPDX-License-Identifier: GPL-2.0-or-later
// C++ forms of QEMU's DEFINE_PROP_* and VMSTATE_* macros whose designated initializers C++ refuses
// (nested, or out of order). Include behind the block of QEMU headers. Macros that work as they
// are: DEFINE_PROP_STRING, _LINK, _CHR, _NETDEV, _MACADDR, DEFINE_NIC_PROPERTIES' parts;
// OBJECT_DECLARE_*, type_init, TypeInfo; write MemoryRegionOps' members as .valid = {...}, .impl =
// {...}.
//
//   static const Property kProperties[] = {
//       GATEHOUSE_PROPERTY("rate", CardState, rate, uint64_t, qdev_prop_size, 0),
//       DEFINE_PROP_NETDEV("uplink0", CardState, uplinks[0]),
//   };
//   static const VMStateField kFields[] = {
//       GATEHOUSE_VMSTATE_STRUCT(parent, VnicState, vmstate_pci_device, PCIDevice),
//       GATEHOUSE_VMSTATE_BYTES(saved, saved_size, VnicState),
//       gatehouse::vmstate_end(),
//   };
#ifndef GATEHOUSE_HW_QEMU_QOM_CXX_HH_
#define GATEHOUSE_HW_QEMU_QOM_CXX_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qom/object.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse {

// A property with a default value. The field's type is checked by the macro.
template <class Value>
constexpr Property property(const char* name, const PropertyInfo* info, size_t offset,
                            Value fallback) {
  Property result{};
  result.name = name;
  result.info = info;
  result.offset = static_cast<ptrdiff_t>(offset);
  result.set_default = true;
  if constexpr (std::is_signed_v<Value> || std::is_enum_v<Value>) {
    result.defval.i = fallback;
  } else {
    result.defval.u = fallback;
  }
  return result;
}

constexpr Property property_bit(const char* name, size_t offset, uint8_t bit, bool fallback) {
  Property result = property<bool>(name, &qdev_prop_bit, offset, fallback);
  result.bitnr = bit;
  return result;
}

constexpr VMStateField vmstate_field(const char* name, size_t offset, size_t size,
                                     const VMStateInfo* info, int version = 0) {
  VMStateField result{};
  result.name = name;
  result.offset = offset;
  result.size = size;
  result.info = info;
  result.flags = VMS_SINGLE;
  result.version_id = version;
  return result;
}

constexpr VMStateField vmstate_struct(const char* name, size_t offset, size_t size,
                                      const VMStateDescription* description, int version = 0) {
  VMStateField result = vmstate_field(name, offset, size, nullptr, version);
  result.flags = VMS_STRUCT;
  result.vmsd = description;
  return result;
}

// A buffer that loading allocates with g_malloc: `uint8_t* field` of `uint32_t size_field` octets.
constexpr VMStateField vmstate_bytes(const char* name, size_t offset, size_t size_offset,
                                     int version = 0) {
  VMStateField result = vmstate_field(name, offset, 0, &vmstate_info_buffer, version);
  result.size_offset = size_offset;
  result.flags = static_cast<VMStateFlags>(VMS_VBUFFER | VMS_POINTER | VMS_ALLOC);
  return result;
}

constexpr VMStateField vmstate_end() {
  VMStateField result{};
  result.flags = VMS_END;
  return result;
}

template <class T>
constexpr const VMStateInfo* vmstate_info() {
  if constexpr (std::is_same_v<T, bool>) return &vmstate_info_bool;
  if constexpr (std::is_same_v<T, uint8_t>) return &vmstate_info_uint8;
  if constexpr (std::is_same_v<T, uint16_t>) return &vmstate_info_uint16;
  if constexpr (std::is_same_v<T, uint32_t>) return &vmstate_info_uint32;
  if constexpr (std::is_same_v<T, uint64_t>) return &vmstate_info_uint64;
  if constexpr (std::is_same_v<T, int32_t>) return &vmstate_info_int32;
  if constexpr (std::is_same_v<T, int64_t>) return &vmstate_info_int64;
}

// The offset of a member, after a check of its type.
#define GATEHOUSE_OFFSET(state, field, type)                                                \
  ([] {                                                                                     \
    static_assert(std::is_same_v<std::remove_all_extents_t<decltype(state::field)>, type>); \
    return offsetof(state, field);                                                          \
  }())

#define GATEHOUSE_PROPERTY(name, state, field, type, info, fallback) \
  ::gatehouse::property<type>(name, &info, GATEHOUSE_OFFSET(state, field, type), fallback)
#define GATEHOUSE_PROPERTY_BIT(name, state, field, bit, fallback) \
  ::gatehouse::property_bit(name, GATEHOUSE_OFFSET(state, field, uint32_t), bit, fallback)

// A bool or an integer of fixed width.
#define GATEHOUSE_VMSTATE(field, state, type)                                                    \
  ::gatehouse::vmstate_field(#field, GATEHOUSE_OFFSET(state, field, type), sizeof(state::field), \
                             ::gatehouse::vmstate_info<type>())
#define GATEHOUSE_VMSTATE_STRUCT(field, state, description, type)                         \
  ::gatehouse::vmstate_struct(#field, GATEHOUSE_OFFSET(state, field, type), sizeof(type), \
                              &(description))
#define GATEHOUSE_VMSTATE_BYTES(field, size_field, state)                      \
  ::gatehouse::vmstate_bytes(#field, GATEHOUSE_OFFSET(state, field, uint8_t*), \
                             GATEHOUSE_OFFSET(state, size_field, uint32_t))

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_QEMU_QOM_CXX_HH_
