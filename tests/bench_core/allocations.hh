// SPDX-License-Identifier: GPL-2.0-or-later
// How often this program has asked for heap memory so far.
#ifndef GATEHOUSE_TESTS_BENCH_CORE_ALLOCATIONS_HH_
#define GATEHOUSE_TESTS_BENCH_CORE_ALLOCATIONS_HH_

#include <cstdint>

namespace gatehouse {

// By malloc and what is like it, and so by `new`. A sanitizer brings its own malloc: there, only
// `new` is counted.
uint64_t allocations();

}  // namespace gatehouse

#endif  // GATEHOUSE_TESTS_BENCH_CORE_ALLOCATIONS_HH_
