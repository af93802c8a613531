// SPDX-License-Identifier: GPL-2.0-or-later
// The target without a fuzzer: every input of its corpus once, in the order of names.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {
namespace {
namespace fs = std::filesystem;

constexpr uintmax_t kMostOctets = 64 * 1024;

std::vector<fs::path> corpus() {
  std::vector<fs::path> inputs;
  for (const auto& entry : fs::directory_iterator(GATEHOUSE_CORPUS)) inputs.push_back(entry.path());
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

TEST(Corpus, IsPlayedThrough) {
  uintmax_t octets = 0;
  const std::vector<fs::path> inputs = corpus();
  ASSERT_FALSE(inputs.empty());
  for (const fs::path& path : inputs) {
    SCOPED_TRACE(path.string());
    std::ifstream file(path, std::ios::binary);
    const Bytes input{std::istreambuf_iterator<char>(file), {}};
    ASSERT_TRUE(file.good() || file.eof());
    octets += input.size();
    RecordProperty("last", path.filename().string());
    fuzz_one(input);
    if (HasFailure()) FAIL();
  }
  EXPECT_LE(octets, kMostOctets);
}

}  // namespace
}  // namespace gatehouse::fuzz
