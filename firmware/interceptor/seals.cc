// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/seals.hh"

namespace gatehouse::interceptor {
namespace {

// Calls piece(first, octets) for each descriptor of the frame; its pieces lie in one piece in the
// copy. False: a call said so.
template <class Call>
bool for_each_descriptor(const Frame& frame, const uint8_t* copy, Call call) {
  for (size_t i = 0; i != frame.pieces.size();) {
    const uint32_t unit = frame.pieces[i].unit;
    uint32_t octets = 0;
    for (; i != frame.pieces.size() && frame.pieces[i].unit == unit; ++i)
      octets += frame.pieces[i].octets;
    if (!call(unit, std::span<const uint8_t>(copy, octets))) return false;
    copy += octets;
  }
  return true;
}

}  // namespace

Seals::Received Seals::check(const Frame& frame) const {
  Received result = Received::kAsStored;
  for_each_descriptor(frame, place_.copy, [&](uint32_t unit, std::span<const uint8_t> octets) {
    const uint64_t seal = std::atomic_ref(at(frame, unit)).load(std::memory_order_relaxed);
    if (seal == 0) {
      result = Received::kUnknown;
    } else if (seal != (partition::kSealed | key_.seal(octets))) {
      result = Received::kChanged;
    }
    return result == Received::kAsStored;
  });
  return result;
}

void Seals::seal(const Frame& frame) const {
  for_each_descriptor(frame, place_.copy, [&](uint32_t unit, std::span<const uint8_t> octets) {
    store(at(frame, unit), partition::kSealed | key_.seal(octets));
    return true;
  });
}

}  // namespace gatehouse::interceptor
