// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/large_pages.hh"

#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace gatehouse {
namespace {

constexpr size_t kLargePage = size_t{2} << 20;
std::align_val_t alignment_of(size_t octets) {
  return std::align_val_t{octets < kLargePage ? kSmallAlignment : kLargePage};
}

}  // namespace

void LargePagesRelease::operator()(void* memory) const {
  ::operator delete(memory, alignment_of(octets));
}

void* reserve_large_pages(size_t octets) {
  void* memory = ::operator new(octets, alignment_of(octets), std::nothrow);
#ifdef __linux__
  // Some systems take large pages unasked.
  if (memory != nullptr && octets >= 2 * kLargePage) {
    static_cast<void>(madvise(memory, octets / kLargePage * kLargePage, MADV_NOHUGEPAGE));
  }
#endif
  return memory;
}

void written_up_to(void* memory, size_t before, size_t after) {
  static_cast<void>(memory);
  const size_t first = before / kLargePage * kLargePage, end = after / kLargePage * kLargePage;
  if (first == end) return;
#ifdef __linux__
  // Advice: whether and when it is followed changes only the speed.
  static_cast<void>(madvise(static_cast<char*>(memory) + first, end - first, MADV_HUGEPAGE));
#endif
}

}  // namespace gatehouse
