// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench_core/allocations.hh"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {
std::atomic<uint64_t> count;
void note() { count.fetch_add(1, std::memory_order_relaxed); }
}  // namespace

namespace gatehouse {
uint64_t allocations() { return count.load(std::memory_order_relaxed); }
}  // namespace gatehouse

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)

void* operator new(size_t octets) {
  note();
  if (void* memory = std::malloc(octets)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

#else

// The program's own malloc goes before glibc's, whose other names do the work.
extern "C" {
void* __libc_malloc(size_t octets);
void* __libc_calloc(size_t members, size_t octets);
void* __libc_realloc(void* memory, size_t octets);
void* __libc_memalign(size_t alignment, size_t octets);

void* malloc(size_t octets) noexcept {
  note();
  return __libc_malloc(octets);
}
void* calloc(size_t members, size_t octets) noexcept {
  note();
  return __libc_calloc(members, octets);
}
void* realloc(void* memory, size_t octets) noexcept {
  note();
  return __libc_realloc(memory, octets);
}
void* memalign(size_t alignment, size_t octets) noexcept {
  note();
  return __libc_memalign(alignment, octets);
}
void* aligned_alloc(size_t alignment, size_t octets) noexcept {
  note();
  return __libc_memalign(alignment, octets);
}
int posix_memalign(void** memory, size_t alignment, size_t octets) noexcept {
  note();
  *memory = __libc_memalign(alignment, octets);
  return *memory == nullptr ? ENOMEM : 0;
}
}

#endif
