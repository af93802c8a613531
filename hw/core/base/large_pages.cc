// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/large_pages.hh"

#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace gatehouse {
namespace {

constexpr size_t kLargePage = size_t{2} << 20;
constexpr std::align_val_t kAlignment{kLargePage};

}  // namespace

void LargePagesRelease::operator()(void* memory) const { ::operator delete(memory, kAlignment); }

void* reserve_large_pages(size_t octets) {
  void* memory = ::operator new(octets, kAlignment);
#ifdef __linux__
  // Advice: whether it is followed changes only the speed.
  if (octets >= 2 * kLargePage) {
    static_cast<void>(madvise(memory, octets / kLargePage * kLargePage, MADV_HUGEPAGE));
  }
#endif
  return memory;
}

}  // namespace gatehouse
