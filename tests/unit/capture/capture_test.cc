// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/capture/capture.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "hw/core/base/bytes.hh"

namespace gatehouse::capture {
namespace {

using spec::DropReason;

// Keeps what it gets; refuses from the octet on that a test names, as a full disk does.
class MemorySink final : public ByteSink {
 public:
  explicit MemorySink(std::vector<uint8_t>& octets, size_t room = SIZE_MAX)
      : octets_(octets), room_(room) {}
  Status append(std::span<const uint8_t> octets) override {
    if (octets.size() > room_ - octets_.size()) return Status::error("disk full");
    octets_.insert(octets_.end(), octets.begin(), octets.end());
    return {};
  }

 private:
  std::vector<uint8_t>& octets_;
  size_t room_;
};

// A block taken apart, by nothing but the draft's words.
struct Block {
  uint32_t type = 0;
  std::vector<uint8_t> body;
  uint32_t word(size_t at) const { return load_le<uint32_t>(body.data() + at); }
};

std::vector<Block> blocks_of(const std::vector<uint8_t>& file) {
  std::vector<Block> blocks;
  for (size_t at = 0; at < file.size();) {
    EXPECT_GE(file.size() - at, 12u);
    const uint32_t length = load_le<uint32_t>(file.data() + at + 4);
    EXPECT_EQ(length % 4, 0u);
    EXPECT_LE(length, file.size() - at);
    EXPECT_EQ(load_le<uint32_t>(file.data() + at + length - 4), length);
    if (::testing::Test::HasFailure()) break;
    const auto begin = file.begin() + static_cast<ptrdiff_t>(at);
    blocks.push_back({load_le<uint32_t>(file.data() + at),
                      {begin + 8, begin + static_cast<ptrdiff_t>(length) - 4}});
    at += length;
  }
  return blocks;
}

// The option's octets; "-" when it is not there.
std::string option(const Block& block, size_t at, uint16_t code) {
  while (at + 4 <= block.body.size()) {
    const uint16_t found = load_le<uint16_t>(block.body.data() + at);
    const uint16_t length = load_le<uint16_t>(block.body.data() + at + 2);
    if (found == 0) break;
    if (found == code)
      return {block.body.begin() + static_cast<ptrdiff_t>(at) + 4,
              block.body.begin() + static_cast<ptrdiff_t>(at) + 4 + length};
    at += 4 + (length + 3u) / 4 * 4;
  }
  return "-";
}

std::array<uint8_t, 100> numbered_octets() {
  std::array<uint8_t, 100> octets{};
  for (size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<uint8_t>(i);
  return octets;
}

const std::array<uint8_t, 100> kOctets = numbered_octets();
const OutFrame kFrame{{kOctets.data(), 14},
                      {kOctets.data() + 14, 47}};  // 61 octets: three of padding

TEST(Capture, BeginsWithASectionHeader) {
  std::vector<uint8_t> file;
  Capture(std::make_unique<MemorySink>(file), {.hardware = "card", .application = "tool"}).close();
  const std::vector<Block> blocks = blocks_of(file);
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].type, 0x0a0d0d0au);
  EXPECT_EQ(blocks[0].word(0), 0x1a2b3c4du);
  EXPECT_EQ(blocks[0].word(4), 1u);  // version 1.0
  EXPECT_EQ(option(blocks[0], 16, 2), "card");
  EXPECT_EQ(option(blocks[0], 16, 4), "tool");
}

TEST(Capture, DescribesEachPointAndPortOnceBeforeItsFirstFrame) {
  std::vector<uint8_t> file;
  Capture capture(std::make_unique<MemorySink>(file), {.snap_length = 1000});
  capture.name_port(TapPoint::kGuest, TapDirection::kFromGuest, 1, "vnic-red");
  capture.name_port(TapPoint::kGuest, TapDirection::kFromGuest, 2, "never seen");
  capture.add(TapPoint::kOuter, TapDirection::kToGuest, 0, kFrame, DropReason::none, 1);
  capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 1, kFrame, DropReason::none, 2);
  capture.add(TapPoint::kGuest, TapDirection::kToGuest, 1, kFrame, DropReason::none, 3);
  capture.add(TapPoint::kDrops, TapDirection::kFromGuest, 1, kFrame, DropReason::no_mapping, 4);
  capture.add(TapPoint::kDrops, TapDirection::kToGuest, 1, kFrame, DropReason::unknown_vni, 5);
  capture.close();
  std::string order;
  std::vector<std::string> names;
  for (const Block& block : blocks_of(file)) {
    order += block.type == 1   ? 'I'
             : block.type == 6 ? static_cast<char>('0' + block.word(0))
             : block.type == 5 ? 's'
                               : 'S';
    if (block.type != 1) continue;
    EXPECT_EQ(block.word(0), 1u);  // Ethernet
    EXPECT_EQ(block.word(4), 1000u);
    EXPECT_EQ(option(block, 8, 9), "\x09");  // nanoseconds
    names.push_back(option(block, 8, 2));
  }
  EXPECT_EQ(order, "SI0I11I2I3ssss");
  EXPECT_EQ(names,
            (std::vector<std::string>{"outer0", "vnic-red", "drops-vnic1", "drops-uplink1"}));
}

// Frames of who was there before stay under that name.
TEST(Capture, APortThatGetsAnotherNameIsAnotherInterface) {
  std::vector<uint8_t> file;
  Capture capture(std::make_unique<MemorySink>(file), {});
  const auto name = [&](const char* text) {
    capture.name_port(TapPoint::kGuest, TapDirection::kFromGuest, 0, text);
  };
  const auto add = [&](int64_t time) {
    capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0, kFrame, DropReason::none, time);
  };
  name("a"), name("b"), add(1), add(2);
  name("b"), add(3), name("c"), name("d"), add(4), name("b"), add(5);
  capture.close();
  std::vector<std::string> names;
  std::string order;
  std::vector<uint64_t> received;
  for (const Block& block : blocks_of(file)) {
    if (block.type == 1) names.push_back(option(block, 8, 2));
    if (block.type == 6) order += static_cast<char>('0' + block.word(0));
    if (block.type == 5) received.push_back(load_le<uint64_t>(option(block, 12, 4).data()));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"b", "d", "b"}));
  EXPECT_EQ(order, "00012");
  EXPECT_EQ(received, (std::vector<uint64_t>{3, 1, 1}));
}

// What has a name and no frame is not in the file, and takes no room there.
TEST(Capture, NamesAloneTakeNoRoom) {
  std::vector<uint8_t> file;
  Capture capture(std::make_unique<MemorySink>(file), {.max_octets = 64 * 1024});
  for (unsigned port = 0; port < 256; ++port)
    capture.name_port(TapPoint::kGuest, TapDirection::kFromGuest, port, "vnic");
  capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 7, kFrame, DropReason::none, 1);
  EXPECT_EQ(capture.counters().frames, 1u);
  EXPECT_EQ(capture.counters().not_recorded, 0u);
}

TEST(Capture, RecordsOctetsTimeDirectionAndReason) {
  std::vector<uint8_t> file;
  constexpr int64_t kEpoch = 1'700'000'000'000'000'000;
  Capture capture(std::make_unique<MemorySink>(file), {.epoch_ns = kEpoch});
  capture.add(TapPoint::kDrops, TapDirection::kFromGuest, 0, kFrame, DropReason::spoofed_ipv4,
              123'456'789'012);
  capture.add(TapPoint::kGuest, TapDirection::kToGuest, 0, kFrame, DropReason::none, 0);
  capture.close();
  const std::vector<Block> blocks = blocks_of(file);
  ASSERT_EQ(blocks.size(), 7u);
  const Block& drop = blocks[2];
  const uint64_t time = uint64_t{drop.word(4)} << 32 | drop.word(8);
  EXPECT_EQ(time, uint64_t{kEpoch} + 123'456'789'012u);
  EXPECT_EQ(drop.word(12), 61u);
  EXPECT_EQ(drop.word(16), 61u);
  EXPECT_TRUE(std::equal(drop.body.begin() + 20, drop.body.begin() + 81, kOctets.begin()));
  EXPECT_EQ(option(drop, 84, 1),
            "spoofed_ipv4: IPv4 source is not among the vnic's addresses (stage spoof)");
  EXPECT_EQ(option(drop, 84, 2), std::string("\x02\0\0\0", 4));  // outbound
  EXPECT_EQ(option(blocks[4], 84, 1), "-");
  EXPECT_EQ(option(blocks[4], 84, 2), std::string("\x01\0\0\0", 4));  // inbound
}

TEST(Capture, KeepsNoMoreThanTheSnapLength) {
  for (const uint32_t snap : {1u, 13u, 14u, 15u, 60u, 61u, 62u}) {
    SCOPED_TRACE(snap);
    std::vector<uint8_t> file;
    Capture capture(std::make_unique<MemorySink>(file), {.snap_length = snap});
    capture.add(TapPoint::kInner, TapDirection::kFromGuest, 0, kFrame, DropReason::none, 0);
    capture.close();
    const std::vector<Block> blocks = blocks_of(file);
    ASSERT_EQ(blocks.size(), 4u);
    const uint32_t kept = std::min(snap, 61u);
    EXPECT_EQ(blocks[2].word(12), kept);
    EXPECT_EQ(blocks[2].word(16), 61u);
    EXPECT_TRUE(std::equal(blocks[2].body.begin() + 20, blocks[2].body.begin() + 20 + kept,
                           kOctets.begin()));
  }
}

TEST(Capture, EndsWithStatistics) {
  std::vector<uint8_t> file;
  Capture capture(std::make_unique<MemorySink>(file), {.epoch_ns = 1000});
  for (int64_t i = 0; i < 5; ++i)
    capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0, kFrame, DropReason::none, 10 * i);
  capture.close();
  capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0, kFrame, DropReason::none,
              60);  // too late
  capture.close();
  const std::vector<Block> blocks = blocks_of(file);
  ASSERT_EQ(blocks.size(), 8u);
  const Block& statistics = blocks[7];
  EXPECT_EQ(statistics.type, 5u);
  EXPECT_EQ(statistics.word(8), 1040u);
  const auto number = [&](uint16_t code) {
    return load_le<uint64_t>(option(statistics, 12, code).data());
  };
  EXPECT_EQ(number(2) >> 32, 1000u);  // start; the upper word stands first
  EXPECT_EQ(number(3) >> 32, 1040u);
  EXPECT_EQ(number(4), 5u);
  EXPECT_EQ(number(5), 0u);
  EXPECT_EQ(capture.counters().frames, 5u);
  EXPECT_EQ(capture.counters().not_recorded, 1u);
  EXPECT_EQ(capture.counters().octets, file.size());
}

TEST(Capture, StopsAtItsLimitAndCounts) {
  std::vector<uint8_t> file;
  constexpr uint64_t kLimit = 64 * 1024;
  Capture capture(std::make_unique<MemorySink>(file), {.max_octets = kLimit});
  for (int i = 0; i < 5000; ++i)
    capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0, kFrame, DropReason::none, i);
  capture.close();
  EXPECT_LE(file.size(), kLimit);
  EXPECT_GT(file.size(), kLimit - 2048);
  EXPECT_TRUE(capture.status().ok());
  EXPECT_EQ(capture.counters().octets, file.size());
  EXPECT_EQ(capture.counters().frames + capture.counters().not_recorded, 5000u);
  const std::vector<Block> blocks = blocks_of(file);
  EXPECT_EQ(blocks.size(), capture.counters().frames + 3);
  EXPECT_EQ(load_le<uint64_t>(option(blocks.back(), 12, 5).data()),
            capture.counters().not_recorded);
}

TEST(Capture, AFullDiskEndsTheRecordingNotTheCaller) {
  std::vector<uint8_t> file;
  Capture capture(std::make_unique<MemorySink>(file, 400), {});
  capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0, kFrame, DropReason::none, 0);
  capture.flush();
  EXPECT_TRUE(capture.status().ok());
  const size_t whole = file.size();
  for (int i = 0; i < 3; ++i)
    capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0, kFrame, DropReason::none, 0);
  capture.flush();
  EXPECT_EQ(capture.status().message(), "disk full");
  capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0, kFrame, DropReason::none, 0);
  capture.close();
  EXPECT_EQ(file.size(), whole);
  EXPECT_EQ(blocks_of(file).size(), 3u);
  EXPECT_EQ(capture.counters().frames, 1u);
  EXPECT_EQ(capture.counters().not_recorded, 4u);
  EXPECT_EQ(capture.counters().octets, whole);
}

TEST(Capture, TakesFramesOfAnyLength) {
  std::vector<uint8_t> file;
  const std::vector<uint8_t> huge(kMaxSuperFrame, 0x5a);
  Capture capture(std::make_unique<MemorySink>(file), {});
  capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0, OutFrame{}, DropReason::none, 0);
  capture.add(TapPoint::kGuest, TapDirection::kFromGuest, 0,
              OutFrame{{}, {huge.data(), kMaxSuperFrame}}, DropReason::none, 0);
  capture.close();
  const std::vector<Block> blocks = blocks_of(file);
  ASSERT_EQ(blocks.size(), 5u);
  EXPECT_EQ(blocks[2].word(12), 0u);
  EXPECT_EQ(blocks[3].word(12), kMaxSuperFrame);
}

class CaptureFile : public ::testing::Test {
 protected:
  CaptureFile()
      : path_(::testing::TempDir() + "gatehouse-capture-" + std::to_string(getpid()) + ".pcapng") {}
  ~CaptureFile() override { std::remove(path_.c_str()); }
  std::string read() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  const std::string path_;
};

TEST_F(CaptureFile, IsMadeAnewAndForItsOwnerOnly) {
  std::ofstream(path_) << std::string(100000, 'x');
  std::remove(path_.c_str());
  Result<std::unique_ptr<Capture>> capture = Capture::open(path_, {});
  ASSERT_TRUE(capture.ok()) << capture.status().message();
  capture.value()->close();
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(static_cast<uint64_t>(info.st_size), capture.value()->counters().octets);
}

TEST_F(CaptureFile, ReplacesAnOldOne) {
  std::ofstream(path_) << std::string(100000, 'x');
  { ASSERT_TRUE(Capture::open(path_, {}).ok()); }
  EXPECT_LT(read().size(), 1000u);
}

TEST_F(CaptureFile, ThatCannotBeMadeIsAnErrorWithItsPath) {
  EXPECT_EQ(Capture::open("/nonexistent/x.pcapng", {}).status().message(),
            "/nonexistent/x.pcapng: can't write the capture: No such file or directory");
  EXPECT_EQ(Capture::open("/dev/null", {}).status().message(),
            "/dev/null: not a regular file; name a file that may be overwritten");
  EXPECT_EQ(Capture::open(path_, {.max_octets = 100}).status().message(),
            path_ + ": a capture needs a limit of at least 65536 octets; raise it");
  EXPECT_EQ(Capture::open(path_, {.snap_length = 0}).status().message(),
            path_ + ": a snap length of 0 keeps nothing; write at least 1");
}

// What Wireshark's own dissector reads back from the file.
std::string tshark(const std::string& path) {
  const std::string command = "tshark -r " + path +
                              " -T fields -E separator='|' -e frame.time_epoch -e frame.len -e "
                              "frame.cap_len -e frame.interface_name"
                              " -e frame.packet_flags_direction -e frame.comment 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char chunk[512];
  while (pipe && fgets(chunk, sizeof chunk, pipe)) output += chunk;
  return pipe && pclose(pipe) == 0 ? output : "failed: " + output;
}

TEST_F(CaptureFile, IsReadBackByTshark) {
  if (std::system("tshark --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "needs tshark";
  Result<std::unique_ptr<Capture>> capture =
      Capture::open(path_, {.snap_length = 50, .epoch_ns = 1'700'000'000'000'000'000});
  ASSERT_TRUE(capture.ok());
  capture.value()->name_port(TapPoint::kGuest, TapDirection::kToGuest, 0, "vnic0");
  capture.value()->add(TapPoint::kGuest, TapDirection::kToGuest, 0, kFrame, DropReason::none, 1);
  capture.value()->add(TapPoint::kDrops, TapDirection::kFromGuest, 3, kFrame,
                       DropReason::spoofed_mac, 999'999'999);
  capture.value()->add(TapPoint::kGuest, TapDirection::kFromGuest, 0, kFrame, DropReason::none,
                       1'000'000'000);
  capture.value()->close();
  EXPECT_EQ(tshark(path_),
            "1700000000.000000001|61|50|vnic0|0x00000001|\n"
            "1700000000.999999999|61|50|drops-vnic3|0x00000002|spoofed_mac: Ethernet source is not "
            "the vnic's (stage spoof)\n"
            "1700000001.000000000|61|50|vnic0|0x00000002|\n");
}

}  // namespace
}  // namespace gatehouse::capture
