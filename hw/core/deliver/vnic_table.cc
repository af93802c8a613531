// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/deliver/vnic_table.hh"

#include "hw/core/base/bytes.hh"

namespace gatehouse::deliver {

uint64_t VnicTable::key(uint16_t tenant, const uint8_t* mac) {
  return uint64_t{tenant} << 48 | uint64_t{load_be<uint32_t>(mac)} << 16 |
         load_be<uint16_t>(mac + 4);
}

bool VnicTable::insert(uint16_t tenant, const MacAddress& mac, uint16_t vnic) {
  if (count_ == kMaxVnics) return false;
  const Member member{key(tenant, mac.octets.data()), tenant, vnic};
  unsigned at = start(member.key);
  for (; slots_[at].vnic != kNone; at = (at + 1) % kSlots) {
    if (slots_[at].key == member.key) return false;
  }
  slots_[at] = member;
  members_[count_++] = member;
  return true;
}

unsigned VnicTable::find(uint16_t tenant, const uint8_t* mac) const {
  const uint64_t wanted = key(tenant, mac);
  // Ends: at most half of the slots are taken.
  for (unsigned at = start(wanted); slots_[at].vnic != kNone; at = (at + 1) % kSlots) {
    if (slots_[at].key == wanted) return slots_[at].vnic;
  }
  return kNone;
}

}  // namespace gatehouse::deliver
