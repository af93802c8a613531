// SPDX-License-Identifier: GPL-2.0-or-later
// Frames that have ended of late. The memory is shared out by outer source address: a peer that
// ends many frames makes its own forgotten, and those of peers that share its place, but not
// everybody's.
#ifndef GATEHOUSE_HW_CORE_STATELESS_ENDED_HH_
#define GATEHOUSE_HW_CORE_STATELESS_ENDED_HH_

#include <array>
#include <cstdint>
#include <vector>

#include "hw/core/stateless/key.hh"

namespace gatehouse::stateless {

class Ended {
 public:
  static constexpr uint32_t kFrames = 64;  // of one place

  Ended() : places_(kPlaces) {}

  // `hash`: hash_of(key). Until `deadline`, in ns; the place's oldest one is forgotten.
  void add(const Key& key, uint32_t hash, int64_t deadline) {
    Place& place = places_[place_of(key)];
    place.hashes[place.oldest] = hash;
    place.frames[place.oldest] = {key, deadline};
    place.oldest = (place.oldest + 1) % kFrames;
  }
  // A deadline that is further away than `time_ns` comes from a clock that has gone back since.
  bool contains(const Key& key, uint32_t hash, int64_t now, int64_t time_ns) const {
    const Place& place = places_[place_of(key)];
    for (uint32_t i = 0; i < kFrames; ++i) {
      if (place.hashes[i] != hash) continue;
      const Frame& frame = place.frames[i];
      if (now < frame.deadline && frame.deadline - now <= time_ns && frame.key == key) return true;
    }
    return false;
  }
  void clear() { places_.assign(kPlaces, {}); }

 private:
  static constexpr uint32_t kPlaces = 16;

  struct Frame {
    Key key;
    int64_t deadline = INT64_MIN;
  };
  struct Place {
    std::array<uint32_t, kFrames> hashes{};
    std::array<Frame, kFrames> frames;
    uint32_t oldest = 0;
  };
  static uint32_t place_of(const Key& key) {
    return static_cast<uint32_t>(mixed(0, key.source) >> 32) % kPlaces;
  }

  std::vector<Place> places_;
};

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_HW_CORE_STATELESS_ENDED_HH_
