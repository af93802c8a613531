// SPDX-License-Identifier: GPL-2.0-or-later
// Memory for large tables that are read here and there: in large pages, where the system has them,
// a table of a hundred megabytes needs a few dozen translations instead of tens of thousands.
#ifndef GATEHOUSE_HW_CORE_BASE_LARGE_PAGES_HH_
#define GATEHOUSE_HW_CORE_BASE_LARGE_PAGES_HH_

#include <cstddef>
#include <memory>

namespace gatehouse {

struct LargePagesRelease {
  void operator()(void* memory) const;
};
template <class T>
using LargePages = std::unique_ptr<T[], LargePagesRelease>;

// Not touched, not cleared: pages are taken as they are written, which takes the system up to some
// milliseconds for each 2 MiB. As `new`, it ends the program when there is no such room.
void* reserve_large_pages(size_t octets);

// For types that begin to live by being written.
template <class T>
LargePages<T> reserve_large_pages_for(size_t count) {
  return LargePages<T>(static_cast<T*>(reserve_large_pages(count * sizeof(T))));
}

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_LARGE_PAGES_HH_
