// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/checksum.hh"

#include <bit>
#include <cstring>

#if defined(__x86_64__) && !defined(GATEHOUSE_FREESTANDING)
#define GATEHOUSE_HAS_AVX2 1
#include <immintrin.h>
#endif

namespace gatehouse::checksum {
namespace {

// All of this sums words as the host loads them. Ones' complement sums commute with a swap of
// octets (RFC 1071 section 2 B), so one swap at the end gives the sum of network-order words.

inline uint64_t add_carry(uint64_t sum, uint64_t word) {
  sum += word;
  return sum + (sum < word ? 1 : 0);
}

inline uint64_t load64(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The sum of the last 0-7 octets, as if zeros followed.
inline uint64_t sum_tail(const uint8_t* from, size_t length) {
  uint64_t sum = 0;
  if ((length & 4) != 0) {
    uint32_t word;
    std::memcpy(&word, from, sizeof word);
    sum += word;
    from += sizeof word;
  }
  if ((length & 2) != 0) {
    uint16_t word;
    std::memcpy(&word, from, sizeof word);
    sum += word;
    from += sizeof word;
  }
  if ((length & 1) != 0) {
    const uint8_t last[2] = {*from, 0};
    uint16_t word;
    std::memcpy(&word, last, sizeof word);
    sum += word;
  }
  return sum;
}

uint64_t sum_words(const uint8_t* from, size_t length, uint64_t sum) {
  while (length >= 32) {
    uint64_t a = add_carry(load64(from), load64(from + 8));
    uint64_t b = add_carry(load64(from + 16), load64(from + 24));
    sum = add_carry(sum, add_carry(a, b));
    from += 32;
    length -= 32;
  }
  while (length >= 8) {
    sum = add_carry(sum, load64(from));
    from += 8;
    length -= 8;
  }
  return add_carry(sum, sum_tail(from, length));
}

#ifdef GATEHOUSE_HAS_AVX2
// 32-bit words widened to 64-bit lanes: no lane can overflow before 2^32 rounds.
__attribute__((target("avx2"))) uint64_t sum_words_avx2(const uint8_t* from, size_t length) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i low0 = zero, high0 = zero, low1 = zero, high1 = zero;
  while (length >= 64) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32));
    low0 = _mm256_add_epi64(low0, _mm256_unpacklo_epi32(a, zero));
    high0 = _mm256_add_epi64(high0, _mm256_unpackhi_epi32(a, zero));
    low1 = _mm256_add_epi64(low1, _mm256_unpacklo_epi32(b, zero));
    high1 = _mm256_add_epi64(high1, _mm256_unpackhi_epi32(b, zero));
    from += 64;
    length -= 64;
  }
  const __m256i all =
      _mm256_add_epi64(_mm256_add_epi64(low0, low1), _mm256_add_epi64(high0, high1));
  alignas(32) uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), all);
  const uint64_t sum = add_carry(add_carry(lanes[0], lanes[1]), add_carry(lanes[2], lanes[3]));
  return sum_words(from, length, sum);
}

const bool g_has_avx2 = (__builtin_cpu_init(), __builtin_cpu_supports("avx2") != 0);
#endif

// Below this the vector registers' set-up costs more than it saves.
constexpr size_t kVectorOctets = 128;

}  // namespace

uint16_t sum(const void* octets, size_t length) {
  const auto* from = static_cast<const uint8_t*>(octets);
  uint64_t words;
#ifdef GATEHOUSE_HAS_AVX2
  if (length >= kVectorOctets && g_has_avx2) {
    words = sum_words_avx2(from, length);
  } else {
    words = sum_words(from, length, 0);
  }
#else
  words = sum_words(from, length, 0);
#endif
  const uint16_t folded = fold(words);
  return std::endian::native == std::endian::little ? byte_swap(folded) : folded;
}

uint16_t pseudo_v4(const uint8_t* source, const uint8_t* destination, uint8_t protocol,
                   uint16_t length) {
  return fold(uint64_t{load_be<uint32_t>(source)} + load_be<uint32_t>(destination) + protocol +
              length);
}

uint16_t pseudo_v6(const uint8_t* source, const uint8_t* destination, uint8_t protocol,
                   uint32_t length) {
  uint64_t words = uint64_t{protocol} + length;
  for (unsigned i = 0; i < 16; i += 4) {
    words += uint64_t{load_be<uint32_t>(source + i)} + load_be<uint32_t>(destination + i);
  }
  return fold(words);
}

bool insert(std::span<uint8_t> frame, uint32_t start, uint32_t offset, uint32_t end, Zero zero) {
  const size_t after = end == 0 ? frame.size() : size_t{end} + 1;
  if (after > frame.size() || start >= after || size_t{offset} + 2 > frame.size()) return false;
  const uint16_t whole = sum(frame.data() + start, after - start);
  store_be<uint16_t>(frame.data() + offset,
                     zero == Zero::kBecomesOnes ? finish_udp(whole) : finish(whole));
  return true;
}

}  // namespace gatehouse::checksum
