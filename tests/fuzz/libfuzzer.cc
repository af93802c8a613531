// SPDX-License-Identifier: GPL-2.0-or-later
// The door for libFuzzer. What the targets borrow from unit tests says what is wrong by
// GoogleTest's EXPECT_*: here that is a finding.
#include <gtest/gtest.h>

#include "tests/fuzz/target.hh"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  GTEST_FLAG_SET(break_on_failure, true);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t count) {
  gatehouse::fuzz::fuzz_one({octets, count});
  return 0;
}
