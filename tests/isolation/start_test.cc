// SPDX-License-Identifier: GPL-2.0-or-later
// Whoever gives the firmware file and the options attacks QEMU: it says no and ends, or starts.
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "tests/isolation/fort.hh"
#include "tests/unit/partition/elf_file.hh"

namespace gatehouse::isolation {
namespace {

using partition::ElfFile;
using std::chrono::seconds;

// jmp to itself
constexpr uint8_t kCode[] = {0xeb, 0xfe};

class Start : public AttackTest {
 protected:
  static void SetUpTestSuite() { expect_all_rows_tested("Start"); }

  // Every QEMU ends here with status 1 and a reason; one that takes its options ends at the last.
  lab::CommandResult start(const std::vector<std::string>& words) {
    std::vector<std::string> command = {lab::Build::qemu(), "-M",       "q35",
                                        "-nodefaults",      "-display", "none"};
    for (const std::string& word : lab::Build::firmware_path()) command.push_back(word);
    command.insert(command.end(), words.begin(), words.end());
    command.insert(command.end(), {"-device", kLast});
    return lab::run_command(command, seconds(20));
  }
  void expect_no(const std::vector<std::string>& words, const std::string& reason) {
    const lab::CommandResult result = start(words);
    EXPECT_EQ(result.exit_status, 1) << reason << "\n" << result.output;
    EXPECT_NE(result.output.find(reason), std::string::npos) << reason << "\n" << result.output;
    EXPECT_EQ(result.output.find(kLast), std::string::npos) << reason << ": it went on";
  }
  std::string write(const std::vector<uint8_t>& octets) {
    lab::write_file(work_.path("firmware"), {octets.begin(), octets.end()});
    return work_.path("firmware");
  }
  static std::string with(const std::string& firmware) {
    return "gatehouse-partition,memory=4M,firmware=" + firmware;
  }

  static constexpr const char* kLast = "no-such-device";
  lab::WorkDir work_{"start"};
};

TEST_F(Start, FirmwareThatLies) {
  const struct {
    const char* name;
    size_t offset;
    uint64_t value;
    unsigned octets;
  } rows[] = {
      {"magic", 0, 0, 4},
      {"32 bits", 4, 1, 1},
      {"big-endian", 5, 2, 1},
      {"shared object", 16, 3, 2},
      {"other machine", 18, 3, 2},
      {"entry in the guest's memory", 24, 0x10'0000, 8},
      {"entry behind", 24, partition::kRamBase + kMemory, 8},
      {"table behind the file", 32, 0x1000, 8},
      {"table that wraps", 32, ~uint64_t{0}, 8},
      {"rows of one octet", 54, 1, 2},
      {"65535 rows", 56, 0xffff, 2},
      {"data behind the file", ElfFile::field(0, 8), 0x1000, 8},
      {"data that wraps", ElfFile::field(0, 8), ~uint64_t{0}, 8},
      {"address in the guest's memory", ElfFile::field(0, 16), 0, 8},
      {"address in page tables", ElfFile::field(0, 16), partition::kRamBase, 8},
      {"address behind RAM", ElfFile::field(0, 16), partition::kRamBase + kMemory, 8},
      {"address that wraps", ElfFile::field(0, 16), ~uint64_t{0}, 8},
      {"more in the file than in memory", ElfFile::field(0, 40), 0, 8},
      {"memory that wraps", ElfFile::field(0, 40), ~uint64_t{0}, 8},
      {"memory of 4 GiB", ElfFile::field(0, 40), 0x1'0000'0000, 8},
  };
  const std::vector<uint8_t> good = partition::firmware_of(kCode);
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    std::vector<uint8_t> bad = good;
    for (unsigned i = 0; i < row.octets; ++i)
      bad[row.offset + i] = static_cast<uint8_t>(row.value >> 8 * i);
    expect_no({"-device", with(write(bad))}, "gatehouse-partition: ");
  }
}

TEST_F(Start, FirmwareOfRandomOctets) {
  std::mt19937 random(20261128);
  const std::vector<uint8_t> good = partition::firmware_of(kCode);
  for (unsigned i = 0; i < 40; ++i) {
    std::vector<uint8_t> bad = good;
    if (i % 4 == 0) bad.resize(random() % bad.size());
    for (unsigned n = 0; n < 1 + i % 8 && !bad.empty(); ++n)
      bad[random() % bad.size()] = static_cast<uint8_t>(random());
    const lab::CommandResult result = start({"-device", with(write(bad))});
    EXPECT_EQ(result.exit_status, 1) << i << result.output;
  }
}

TEST_F(Start, FirmwareThatIsNoFile) {
  expect_no({"-device", with(work_.path())}, "not a regular file");
  expect_no({"-device", with("/dev/zero")}, "not a regular file");
  expect_no({"-device", with(work_.path("none"))}, "No such file");
  ASSERT_EQ(mkfifo(work_.path("pipe").c_str(), 0600), 0);
  expect_no({"-device", with(work_.path("pipe"))}, "not a regular file");
  expect_no({"-device", with(write({}))}, "gatehouse-partition: ");
}

TEST_F(Start, OptionsOutOfRange) {
  const std::string good = with(write(partition::firmware_of(kCode)));
  // QEMU repeats the words it was given: reasons are what stands in none of them.
  const struct {
    const char* more;
    const char* reason;
  } rows[] = {
      {",cores=0", "cores= must be 1 to 8"},
      {",cores=9", "cores= must be 1 to 8"},
      {",cores=4294967295", "cores= must be 1 to 8"},
      {",cores=-1", "Parameter 'cores' expects"},
      {",memory=0", "memory= must be 4M to 4G"},
      {",memory=4097K", "memory= must be 4M to 4G"},
      {",memory=5G", "memory= must be 4M to 4G"},
      {",memory=18446744073709551615", "memory= must be 4M to 4G"},
      {",data=/dev/zero", "/dev/zero: not a regular file"},
      {",chardev=none", "can't find value 'none'"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.more);
    expect_no({"-device", good + row.more}, row.reason);
  }
  expect_no({"-device", good + ",arguments=" + std::string(1024, 'a')},
            "arguments= is longer than 1023 octets");
  std::vector<std::string> five;
  for (unsigned i = 0; i < 5; ++i) five.insert(five.end(), {"-device", good});
  expect_no(five, "4 partitions already");
}

TEST_F(Start, GuestMemoryOverPrivateAddresses) {
  // A guest so large, or memory plugged so high, that both would claim the addresses.
  const std::string good = with(write(partition::firmware_of(kCode)));
  for (const std::vector<std::string>& memory :
       {std::vector<std::string>{"-m", "64,slots=2,maxmem=600G"},
        std::vector<std::string>{"-m", "64,slots=2,maxmem=600G", "-object",
                                 "memory-backend-ram,id=m,size=128M", "-device",
                                 "pc-dimm,memdev=m,addr=0x8000000000"}}) {
    std::vector<std::string> words = {"-cpu", "max,phys-bits=46", "-device", good};
    words.insert(words.begin(), memory.begin(), memory.end());
    expect_no(words, "private addresses");
  }
}

TEST_F(Start, RecordAndReplay) {
  const std::string good = with(write(partition::firmware_of(kCode)));
  expect_no({"-icount", "shift=7,rr=record,rrfile=" + work_.path("rr"), "-device", good},
            "cannot be recorded or replayed");
}

TEST_F(Start, UnderKvm) {
  if (access("/dev/kvm", R_OK | W_OK) != 0) GTEST_SKIP() << "skipped: needs /dev/kvm";
  const std::string good = with(write(partition::firmware_of(kCode)));
  expect_no({"-accel", "kvm", "-device", good}, "need -accel tcg");
}

}  // namespace
}  // namespace gatehouse::isolation
