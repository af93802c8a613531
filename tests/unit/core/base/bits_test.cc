// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/bits.hh"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace gatehouse::test {
namespace {

// The last octets before memory that nobody may read.
class Edge {
 public:
  Edge() {
    memory_ = static_cast<uint8_t*>(
        mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_EQ(mprotect(memory_ + page_, page_, PROT_NONE), 0);
  }
  ~Edge() { munmap(memory_, 2 * page_); }
  uint8_t* last(size_t octets) { return memory_ + page_ - octets; }

 private:
  size_t page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  uint8_t* memory_;
};

TEST(Bits, NothingBehindAFieldIsRead) {
  Edge edge;
  uint8_t* const header = edge.last(2);
  header[0] = 0x12, header[1] = 0x34;
  EXPECT_EQ(Bits(0, 4, 8).read(header), 0x23u);
  EXPECT_EQ(Bits(0, 0, 16).read(header), 0x1234u);
}

// Found by the fuzz target `tunnel`: a header of fewer than eight octets at the end of a frame, and
// a description that says where a field begins that has no bits.
TEST(Bits, NoFieldIsReadFromTheHeaderAtAll) {
  Edge edge;
  uint8_t* const header = edge.last(1);
  EXPECT_EQ(Bits().read(header), 0u);
  EXPECT_EQ(Bits(63, 7, 0).read(header), 0u);
  EXPECT_FALSE(Bits(63, 7, 0));
}

}  // namespace
}  // namespace gatehouse::test
