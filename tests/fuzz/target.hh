// SPDX-License-Identifier: GPL-2.0-or-later
// What a fuzz target is made of. It defines fuzz_one(), and nothing that lives from one input to
// the next may change its result.
#ifndef GATEHOUSE_TESTS_FUZZ_TARGET_HH_
#define GATEHOUSE_TESTS_FUZZ_TARGET_HH_

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace gatehouse::fuzz {

using Bytes = std::vector<uint8_t>;

// Octets as choices, from the front; all zero when none are left.
class Input {
 public:
  explicit Input(std::span<const uint8_t> octets) : left_(octets) {}

  bool empty() const { return left_.empty(); }
  template <class T = uint8_t>
  T take() {
    static_assert(std::is_unsigned_v<T>);
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) value = value << 8 | next();
    return static_cast<T>(value);
  }
  bool flag() { return take() % 2 != 0; }
  // 0 ... limit - 1; limit > 0.
  uint32_t below(uint32_t limit) {
    return (limit <= 256 ? take() : limit <= 65536 ? take<uint16_t>() : take<uint32_t>()) % limit;
  }
  // As many as are left, but not more; in memory that ends behind the last one.
  Bytes octets(size_t most) {
    const size_t count = std::min(most, left_.size());
    Bytes taken(left_.begin(), left_.begin() + static_cast<ptrdiff_t>(count));
    left_ = left_.subspan(count);
    taken.shrink_to_fit();
    return taken;
  }

 private:
  uint8_t next() {
    if (left_.empty()) return 0;
    const uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }

  std::span<const uint8_t> left_;
};

// Ends the program: the input is a finding.
[[noreturn]] void fail(const std::string& what, const char* file, int line);
inline void require(bool holds, const char* what, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
  if (!holds) fail(what, file, line);
}

void fuzz_one(std::span<const uint8_t> octets);

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_TARGET_HH_
