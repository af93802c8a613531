// SPDX-License-Identifier: GPL-2.0-or-later
// RAM of a fake machine: zero until it is written, and made page by page. Not of the heap, all of
// which a sanitizer would mark, twice for each machine: that took longer than most fuzz inputs.
#ifndef GATEHOUSE_TESTS_UNIT_ZERO_PAGES_HH_
#define GATEHOUSE_TESTS_UNIT_ZERO_PAGES_HH_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace gatehouse::test {

template <size_t kOctets>
struct Unmap {
  void operator()(uint8_t* pages) const { munmap(pages, kOctets); }
};
template <size_t kOctets>
using ZeroPages = std::unique_ptr<uint8_t[], Unmap<kOctets>>;

template <size_t kOctets>
ZeroPages<kOctets> zero_pages() {
  void* const made =
      mmap(nullptr, kOctets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made == MAP_FAILED) throw std::bad_alloc();
  return ZeroPages<kOctets>(static_cast<uint8_t*>(made));
}

}  // namespace gatehouse::test

#endif  // GATEHOUSE_TESTS_UNIT_ZERO_PAGES_HH_
