// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/statistics.hh"

#include "hw/card/vnic/register_file.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register names

constexpr uint32_t kCrcOctets = 4;  // counted by every octet and size counter

// Which of six size classes a frame of `octets`, CRC included, belongs to; -1: shorter than any.
int size_class(uint32_t octets) {
  if (octets < 64) return -1;
  if (octets == 64) return 0;
  if (octets <= 127) return 1;
  if (octets <= 255) return 2;
  if (octets <= 511) return 3;
  return octets <= 1023 ? 4 : 5;
}

}  // namespace

void Statistics::add(uint32_t counter, uint32_t count) {
  uint32_t& value = registers_[counter];
  value = value + count < value ? 0xffffffff : value + count;
}

void Statistics::add_octets(uint32_t low, uint64_t octets) {
  const uint64_t value = registers_.pair(low, low + 4);
  const uint64_t sum = value + octets < value ? ~uint64_t{0} : value + octets;
  registers_[low] = static_cast<uint32_t>(sum);
  registers_[low + 4] = static_cast<uint32_t>(sum >> 32);
}

void Statistics::transmitted(uint32_t octets, Cast cast, uint32_t count) {
  const uint32_t size = octets + kCrcOctets;
  const uint64_t total = static_cast<uint64_t>(size) * count;
  add(reg::TPT, count);
  add_octets(reg::TOTL, total);
  // One shorter than Ethernet's shortest (TCTL.PSP = 0) is no good frame.
  if (const int bucket = size_class(size); bucket >= 0) {
    add(reg::GPTC, count);
    add_octets(reg::GOTCL, total);
    add(reg::PTC64 + 4 * bucket, count);
  }
  if (cast == Cast::kMulticast) add(reg::MPTC, count);
  if (cast == Cast::kBroadcast) add(reg::BPTC, count);
}

void Statistics::received(uint32_t octets, Cast cast) {
  const uint32_t size = octets + kCrcOctets;
  add(reg::GPRC);
  add_octets(reg::GORCL, size);
  const int bucket = size_class(size);
  if (bucket >= 0) add(reg::PRC64 + 4 * bucket);
  if (cast == Cast::kMulticast) add(reg::MPRC);
  if (cast == Cast::kBroadcast) add(reg::BPRC);
}

void Statistics::transmitted_control(uint32_t octets) {
  add(reg::TPT);
  add_octets(reg::TOTL, octets + kCrcOctets);
}

void Statistics::oversized() {
  add(reg::ROC);
  add(reg::RLEC);
}

void Statistics::seen(uint32_t octets) {
  add(reg::TPR);
  add_octets(reg::TORL, octets + kCrcOctets);
}

}  // namespace gatehouse::vnic
