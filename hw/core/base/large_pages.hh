// SPDX-License-Identifier: GPL-2.0-or-later
// Memory for large tables that are read here and there: in large pages, where the system has them,
// a table of a hundred megabytes needs a few dozen translations instead of tens of thousands.
#ifndef GATEHOUSE_HW_CORE_BASE_LARGE_PAGES_HH_
#define GATEHOUSE_HW_CORE_BASE_LARGE_PAGES_HH_

#include <cstddef>
#include <memory>

namespace gatehouse {

struct LargePagesRelease {
  size_t octets = 0;  // as reserved
  void operator()(void* memory) const;
};
template <class T>
using LargePages = std::unique_ptr<T[], LargePagesRelease>;

// Not touched, not cleared: small pages are taken as they are written, some microseconds each. (A
// large page that is taken at the first touch would hold up the frame that touches it for as long
// as the system takes to clear 2 MiB.) Null: there is no such room.
// It begins at a border of large pages, or of kSmallAlignment when it is smaller than one.
inline constexpr size_t kSmallAlignment = 128;
void* reserve_large_pages(size_t octets);

// So far has the memory been written now, from its beginning: the system may put large pages in the
// place of full ones, in its own time. To be called for each step; cheap where no border is passed.
void written_up_to(void* memory, size_t before, size_t after);

// For types that begin to live by being written.
template <class T>
LargePages<T> reserve_large_pages_for(size_t count) {
  static_assert(alignof(T) <= kSmallAlignment);
  const size_t octets = count * sizeof(T);
  return LargePages<T>(static_cast<T*>(reserve_large_pages(octets)), {octets});
}

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_LARGE_PAGES_HH_
