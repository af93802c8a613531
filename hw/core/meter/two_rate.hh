// SPDX-License-Identifier: GPL-2.0-or-later
// The two-rate three-colour marker of RFC 2698, on the virtual clock, in whole numbers.
#ifndef GATEHOUSE_HW_CORE_METER_TWO_RATE_HH_
#define GATEHOUSE_HW_CORE_METER_TWO_RATE_HH_

#include <algorithm>
#include <cstdint>

#include "hw/core/base/layers.hh"
#include "hw/core/policy/policy.hh"

namespace gatehouse::meter {

enum class Colour : uint8_t { kGreen, kYellow, kRed };

// A bucket of octets that fills by a rate. Counted in units of 10^-9 octets, so that nothing is
// lost by rounding, however short the steps are.
class Bucket {
 public:
  Bucket() = default;
  // octets_per_second > 0. Full at first.
  Bucket(uint64_t octets_per_second, uint32_t burst)
      : rate_(octets_per_second),
        depth_(burst * kUnit),
        level_(depth_),
        fill_ns_(depth_ / rate_ + 1) {}

  void fill(int64_t ns) {
    const bool whole = static_cast<uint64_t>(ns) >= fill_ns_;
    level_ = whole ? depth_ : std::min(depth_, level_ + rate_ * static_cast<uint64_t>(ns));
  }
  bool holds(uint32_t octets) const { return level_ >= octets * kUnit; }
  void take(uint32_t octets) { level_ -= octets * kUnit; }  // holds(octets)

  template <class Archive>
  void archive(Archive& archive) {
    archive(level_);
    level_ = std::min(level_, depth_);
  }

 private:
  static constexpr uint64_t kUnit = 1'000'000'000;
  // Below 2^63: a burst has 32 bits.
  uint64_t rate_ = 1, depth_ = 0, level_ = 0, fill_ns_ = 1;
};

// Default: no meter, everything is green.
class TwoRate {
 public:
  TwoRate() = default;
  explicit TwoRate(const policy::Meter& meter);

  bool active() const { return active_; }
  bool colour_aware() const { return colour_aware_; }
  // A clock that went back fills nothing.
  void advance(int64_t now_ns);
  // What a frame of so many octets is now. `before`: its colour already; a blind meter looks away.
  Colour colour(uint32_t octets, Colour before) const;
  // Once for a frame that goes on, with the colour that it got in the end.
  void take(uint32_t octets, Colour colour);

  template <class Archive>
  void archive(Archive& archive) {
    archive(last_ns_);
    last_ns_ = std::max(last_ns_, kLongAgo);
    committed_.archive(archive);
    peak_.archive(archive);
  }

 private:
  static constexpr int64_t kLongAgo = INT64_MIN / 2;  // no difference to it overflows

  bool active_ = false, colour_aware_ = false;
  int64_t last_ns_ = kLongAgo;
  Bucket committed_, peak_;
};

inline void TwoRate::advance(int64_t now_ns) {
  if (now_ns > last_ns_) {
    committed_.fill(now_ns - last_ns_);
    peak_.fill(now_ns - last_ns_);
  }
  last_ns_ = now_ns;
}

inline Colour TwoRate::colour(uint32_t octets, Colour before) const {
  if (!active_) return Colour::kGreen;
  if (!colour_aware_) before = Colour::kGreen;
  if (before == Colour::kRed || !peak_.holds(octets)) return Colour::kRed;
  const bool yellow = before == Colour::kYellow || !committed_.holds(octets);
  return yellow ? Colour::kYellow : Colour::kGreen;
}

inline void TwoRate::take(uint32_t octets, Colour colour) {
  if (!active_ || colour == Colour::kRed) return;
  if (peak_.holds(octets)) peak_.take(octets);
  if (colour == Colour::kGreen && committed_.holds(octets)) committed_.take(octets);
}

// RFC 2597: the drop precedence of an assured forwarding class. Others are green.
Colour colour_of_dscp(uint8_t dscp);
// Of the IP header at `l3`.
uint8_t dscp_of(const uint8_t* l3, L3 kind);
inline Colour colour_of(const uint8_t* l3, L3 kind) { return colour_of_dscp(dscp_of(l3, kind)); }
// ECN stays; IPv4's checksum is kept right.
void set_dscp(uint8_t* l3, L3 kind, uint8_t dscp);

}  // namespace gatehouse::meter

#endif  // GATEHOUSE_HW_CORE_METER_TWO_RATE_HH_
