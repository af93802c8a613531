// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/target.hh"

#include <cstdio>
#include <cstdlib>

namespace gatehouse::fuzz {

void fail(const std::string& what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what.c_str());
  std::abort();
}

}  // namespace gatehouse::fuzz
