// SPDX-License-Identifier: GPL-2.0-or-later
// Sequestered cores beside an unmodified Debian guest: they run, and the guest sees, reaches and
// stops none of them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "hw/spec/core_counts.hh"
#include "tests/scenarios/pair.hh"
#include "tests/unit/partition/elf_file.hh"
#include "tools/lab/deadline.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;

// ud2 without an IDT: a triple fault.
constexpr uint8_t kFaults[] = {0x0f, 0x0b};

// What the counting plugin shall see of it: 408 instructions; 800 octets loaded, 400 stored; one
// load from MMIO; a push and a pop on the stack, which count as instructions alone.
constexpr uint8_t kWorks[] = {
    0x48, 0xbb, 0,    0, 0x20, 0, 0x80, 0, 0, 0,  // mov rbx, private RAM
    0x48, 0xb8, 0,    0, 0,    0, 0x81, 0, 0, 0,  // mov rax, control block
    0x48, 0x8b, 0x10,                             // mov rdx, [rax]
    0x50, 0x58,                                   // push rax; pop rax
    0xb9, 100,  0,    0, 0,                       // mov ecx, 100
    0x48, 0x8b, 0x03,                             // mov rax, [rbx]
    0x89, 0x43, 0x08,                             // mov [rbx + 8], eax
    0xff, 0xc9,                                   // dec ecx
    0x75, 0xf6,                                   // jnz, 100 times four instructions
    0x90, 0xf4,                                   // nop; hlt, with interrupts off
};

std::string firmware(const std::string& name) {
  return lab::Build::directory() + "/core/firmware/" + name + ".elf";
}

struct Options {
  unsigned vcpus = 2;
  unsigned cores = 4;
  std::string firmware = scenarios::firmware("hello");
  std::string more;                  // of the partition's properties
  std::vector<std::string> devices;  // further words for QEMU
  std::string name = "guest";
  std::string accelerator = "tcg,thread=multi";
  std::string cpu = lab::GuestOptions().cpu;
  std::string incoming;
  bool partition = true;
  bool kernel = true;
  bool paused = false;
};

// A guest with one partition, whose console is a file.
class House {
 public:
  House(const lab::WorkDir& work, const Options& options)
      : console_(work.path(options.name + ".partition")), guest_(work, guest_options(options)) {}

  lab::Guest& guest() { return guest_; }
  lab::Agent& agent() { return guest_.agent(); }
  lab::Qmp& qmp() { return guest_.qmp(); }
  std::string console() const { return lab::read_file(console_); }
  size_t printed(const std::string& text) const {
    const std::string all = console();
    size_t count = 0;
    for (size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
    return count;
  }
  bool prints(const std::string& text, size_t times = 1) {
    return eventually([&] { return printed(text) >= times; });
  }
  nlohmann::json partition() { return qmp().execute("query-gatehouse-partitions").at(0); }
  nlohmann::json core(unsigned index) { return partition().at("cores").at(index); }
  // The firmware's answer.
  uint64_t request(uint32_t request) {
    qmp().execute("gatehouse-partition-request", {{"partition", "p0"}, {"request", request}});
    const auto event = qmp().wait_event("GATEHOUSE_PARTITION_ANSWER", seconds(20));
    return event ? event->at("data").at("answer").get<uint64_t>() : ~uint64_t{0};
  }

 private:
  lab::GuestOptions guest_options(const Options& options) {
    lab::write_file(console_, "");
    lab::GuestOptions result;
    result.name = options.name;
    result.vcpus = options.vcpus;
    result.memory_mib = 384;
    result.accelerator = options.accelerator;
    result.cpu = options.cpu;
    result.incoming = options.incoming;
    result.paused = options.paused;
    if (!options.kernel) result.kernel = "";
    if (options.partition) {
      result.devices = {
          "-chardev", "file,id=p0c,path=" + console_, "-device",
          "gatehouse-partition,id=p0,chardev=p0c,cores=" + std::to_string(options.cores) +
              ",firmware=" + options.firmware + options.more};
    }
    result.devices.insert(result.devices.end(), options.devices.begin(), options.devices.end());
    return result;
  }
  std::string console_;
  lab::Guest guest_;
};

class Partition : public testing::Test {
 protected:
  House& start(Options options = {}) {
    if (houses_++ > 0) options.name += std::to_string(houses_);
    house_.reset();  // files that both use are free again
    house_ = std::make_unique<House>(work_, options);
    return *house_;
  }
  std::string tiny(std::span<const uint8_t> code) {
    const std::vector<uint8_t> file = partition::firmware_of(code);
    lab::write_file(work_.path("tiny.elf"), {file.begin(), file.end()});
    return work_.path("tiny.elf");
  }

  lab::WorkDir work_{"partition"};
  std::unique_ptr<House> house_;
  unsigned houses_ = 0;
};

// Everything by which a guest could tell. Addresses and sizes of tables among it.
constexpr const char* kLooks[] = {
    "nproc",
    "cat /proc/iomem",
    "cat /proc/ioports",
    "lspci -nn",
    "cd /sys/devices/system/cpu && cat possible present online kernel_max cpu*/topology/core_id "
    "cpu*/topology/core_cpus_list cpu*/topology/package_cpus_list",
    "grep -E 'processor|apicid|siblings|cores' /proc/cpuinfo",
    "cd /sys/firmware/acpi/tables && for t in [A-Z]*; do [ -f $t ] && echo $t $(sha256sum < $t); "
    "done",
    "dmesg | grep -E 'e820|CPUs|APIC|Memory:|NUMA|Brought up' | grep -vE 'calibration|delta' | sed "
    "'s/^[^]]*] //'",
};

TEST_F(Partition, GuestSeesTheMachineItWouldSeeWithout) {
  Options plain;
  plain.partition = false;
  std::vector<std::string> without;
  House& alone = start(plain);
  alone.guest().wait_ready();
  for (const char* look : kLooks) without.push_back(alone.agent().check(look));

  House& house = start();
  ASSERT_TRUE(house.prints("hello from core", 4)) << house.console();
  house.guest().wait_ready();
  for (size_t i = 0; i < std::size(kLooks); ++i)
    EXPECT_EQ(house.agent().check(kLooks[i]), without[i]) << kLooks[i];
  EXPECT_EQ(without[0], "2\n");
  EXPECT_NE(without.back().find("Allowing 2 CPUs, 0 hotplug CPUs"), std::string::npos)
      << without.back();
  EXPECT_EQ(house.request(3), 0u);

  const nlohmann::json cpus = house.qmp().execute("query-cpus-fast");
  ASSERT_EQ(cpus.size(), 6u);
  for (unsigned i = 0; i < 6; ++i) {
    EXPECT_EQ(cpus[i].at("cpu-index"), i);
    EXPECT_EQ(cpus[i].contains("props"), i < 2);
  }
  EXPECT_EQ(house.core(3).at("cpu-index"), 5);
  EXPECT_EQ(house.qmp().execute("query-hotpluggable-cpus").size(), 2u);
}

TEST_F(Partition, EveryNumberOfCpusAndCores) {
  const unsigned rows[][2] = {{1, 1}, {1, 8}, {2, 3}, {4, 4}, {8, 1}, {8, 8}};
  for (const auto& [vcpus, cores] : rows) {
    Options options;
    options.vcpus = vcpus;
    options.cores = cores;
    options.kernel = false;
    House& house = start(options);
    EXPECT_TRUE(house.prints("hello from core", cores)) << house.console();
    EXPECT_EQ(house.qmp().execute("query-cpus-fast").size(), vcpus + cores);
    EXPECT_EQ(house.request(3), 0u);
  }
}

TEST_F(Partition, GuestPlugsCpusOfItsOwn) {
  Options options;
  options.vcpus = 1;
  options.devices = {"-smp", "1,maxcpus=3"};
  House& house = start(options);
  house.guest().wait_ready();
  EXPECT_TRUE(house.prints("hello from core", 4));
  for (const nlohmann::json& slot : house.qmp().execute("query-hotpluggable-cpus")) {
    if (slot.contains("qom-path")) continue;
    nlohmann::json device = slot.at("props");
    device["driver"] = slot.at("type");
    device["id"] = "cpu" + std::to_string(device.at("core-id").get<int>());
    house.qmp().execute("device_add", device);
  }
  house.agent().wait_for(
      "for c in /sys/devices/system/cpu/cpu*/online; do echo 1 > $c; done; test $(nproc) = 3");
  EXPECT_EQ(house.qmp().execute("query-cpus-fast").size(), 7u);
  EXPECT_EQ(house.request(3), 0u);
}

TEST_F(Partition, ResetOfTheGuestStartsFirmwareAnew) {
  House& house = start();
  house.guest().wait_ready();
  ASSERT_TRUE(house.prints("hello from core", 4));
  house.qmp().execute("system_reset");
  EXPECT_TRUE(house.prints("hello from core", 8)) << house.console();
  house.guest().wait_ready();
  EXPECT_EQ(house.partition().at("guest-resets"), 0);
  EXPECT_EQ(house.request(3), 0u);
}

TEST_F(Partition, PersistentFirmwareGoesOnThroughResets) {
  Options options;
  options.more = ",persist=on";
  House& house = start(options);
  house.guest().wait_ready();
  ASSERT_TRUE(house.prints("hello from core", 4));
  house.qmp().execute("system_reset");
  house.guest().wait_ready();
  // One by QMP; SeaBIOS makes another of it.
  const uint64_t resets = house.partition().at("guest-resets").get<uint64_t>();
  EXPECT_GE(resets, 1u);
  house.agent().start("reboot -f");
  ASSERT_TRUE(
      eventually([&] { return house.partition().at("guest-resets").get<uint64_t>() > resets; }));
  house.guest().wait_ready();
  EXPECT_EQ(house.request(3), 0u);
  EXPECT_EQ(house.printed("hello from core"), 4u) << house.console();
}

// Waking is no reset of the machine. (This guest's kernel does not come back from sleep under TCG,
// with or without a partition, and resets the machine sooner or later: such resets have an event.)
TEST_F(Partition, SleepsAndWakesWithItsGuest) {
  Options options;
  options.more = ",persist=on";
  House& house = start(options);
  house.guest().wait_ready();
  ASSERT_TRUE(house.prints("hello from core", 4));
  const auto resets = [&] { return house.partition().at("guest-resets").get<uint64_t>(); };
  while (house.qmp().wait_event("RESET", seconds(0))) {
  }
  const uint64_t before = resets();
  house.agent().start("echo mem > /sys/power/state");
  ASSERT_TRUE(house.qmp().wait_event("SUSPEND", seconds(60)).has_value());
  house.qmp().execute("system_wakeup");
  ASSERT_TRUE(house.qmp().wait_event("WAKEUP", seconds(20)).has_value());
  EXPECT_EQ(house.request(3), 0u);
  uint64_t told = 0;
  EXPECT_TRUE(eventually([&] {
    const uint64_t counted = resets() - before;
    while (house.qmp().wait_event("RESET", seconds(0))) ++told;
    return counted == told;
  })) << resets() - before
      << " resets, " << told << " events";
  EXPECT_EQ(house.printed("hello from core"), 4u) << house.console();
}

TEST_F(Partition, ItsTripleFaultHaltsTheCoreAlone) {
  Options options;
  options.firmware = tiny(kFaults);
  options.cores = 1;
  options.paused = true;  // an event before there is a listener is lost
  House& house = start(options);
  house.qmp().execute("cont");
  const auto event = house.qmp().wait_event("GATEHOUSE_PARTITION_FAULT", seconds(20));
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->at("data").at("partition"), "p0");
  EXPECT_EQ(event->at("data").at("core"), 0);
  EXPECT_EQ(event->at("data").at("instruction"), partition::ElfFile::kLinkedTo);
  EXPECT_EQ(house.core(0).at("state"), "faulted");
  // Nothing wakes it, and the guest never noticed.
  house.qmp().execute("inject-nmi");
  house.qmp().execute("gatehouse-partition-request", {{"partition", "p0"}, {"request", 1}});
  house.guest().wait_ready();
  EXPECT_EQ(house.core(0).at("state"), "faulted");
  EXPECT_EQ(house.guest().console().find("reset"), std::string::npos);
}

TEST_F(Partition, PluginCountsWhatItsCoresDo) {
  Options options;
  options.firmware = tiny(kWorks);
  options.vcpus = 1;
  options.cores = 1;
  options.paused = true;
  options.kernel = false;
  options.devices = {"-plugin", lab::Build::plugin(counting::kFileName)};
  House& house = start(options);
  const auto counts = [&] { return house.qmp().execute("query-gatehouse-counts"); };
  house.qmp().execute("gatehouse-count-start");
  EXPECT_TRUE(counts().at("running"));
  house.qmp().execute("cont");
  ASSERT_TRUE(eventually([&] { return house.core(0).at("state") == "halted"; }));
  house.qmp().execute("gatehouse-count-stop");
  const nlohmann::json none = {{"core", 0},          {"instructions", 0}, {"bytes-read", 0},
                               {"bytes-written", 0}, {"mmio-reads", 0},   {"mmio-writes", 0},
                               {"interrupts", 0}};
  nlohmann::json works = none;
  works.update({{"core", 1},
                {"instructions", 408},
                {"bytes-read", 800},
                {"bytes-written", 400},
                {"mmio-reads", 1}});
  // The guest's own CPU ran its firmware meanwhile, unobserved.
  const nlohmann::json wanted = {{"running", false}, {"cores", {none, works}}};
  EXPECT_EQ(counts(), wanted);
  house.qmp().execute("gatehouse-count-start");
  house.qmp().execute("gatehouse-count-stop");
  works = none;
  works["core"] = 1;
  EXPECT_EQ(counts().at("cores"), (nlohmann::json{none, works})) << "counting begins at zero";
}

TEST_F(Partition, WithoutThePluginNothingIsCounted) {
  Options options;
  options.kernel = false;
  House& house = start(options);
  for (const char* command :
       {"gatehouse-count-start", "gatehouse-count-stop", "query-gatehouse-counts"}) {
    const nlohmann::json answer = house.qmp().execute_raw(command);
    EXPECT_NE(answer.at("error").at("desc").get<std::string>().find("-plugin PATH/"),
              std::string::npos)
        << answer;
  }
}

TEST_F(Partition, NothingTheGuestSendsReachesItsCores) {
  House& house = start();
  house.guest().wait_ready();
  ASSERT_TRUE(house.prints("hello from core", 4));
  // NMI to all (sysrq: backtraces of all CPUs), start-up IPIs by CPU off- and online.
  house.agent().check(
      "echo l > /proc/sysrq-trigger; cd /sys/devices/system/cpu/cpu1; "
      "for i in 1 2 3; do echo 0 > online; echo 1 > online; done");
  house.qmp().human("nmi");
  EXPECT_EQ(house.request(3), 0u);
  EXPECT_EQ(house.console().find("exception"), std::string::npos) << house.console();
  for (unsigned i = 0; i < 4; ++i) EXPECT_NE(house.core(i).at("state"), "faulted");
}

TEST_F(Partition, ItsPortsAreNobodys) {
  Options options;
  options.firmware = firmware("trial");
  options.more = ",arguments=ports";
  options.cores = 1;
  options.kernel = false;
  House& house = start(options);
  EXPECT_TRUE(eventually([&] { return house.core(0).at("ports-refused").get<uint64_t>() >= 2; }));
}

TEST_F(Partition, CoresInterruptEachOtherAndKeepTime) {
  Options options;
  options.firmware = firmware("trial");
  options.more = ",arguments=ring,,timer";
  options.kernel = false;
  for (const char* accelerator : {"tcg,thread=multi", "tcg,thread=single"}) {
    options.accelerator = accelerator;
    House& house = start(options);
    EXPECT_TRUE(house.prints("ring: 10 rounds of 4 cores")) << house.console();
    EXPECT_TRUE(house.prints("timer: 10 interrupts, on time")) << house.console();
  }
}

// Notes of this name in a core dump.
size_t notes(const std::string& file, const std::string& name) {
  const std::string dump = lab::read_file(file);
  const auto* octets = reinterpret_cast<const uint8_t*>(dump.data());
  size_t count = 0;
  const uint64_t table = load_le<uint64_t>(octets + 32);
  for (unsigned row = 0; row < load_le<uint16_t>(octets + 56); ++row) {
    const uint8_t* header = octets + table + row * 56;
    if (load_le<uint32_t>(header) != 4) continue;
    uint64_t at = load_le<uint64_t>(header + 8);
    const uint64_t end = at + load_le<uint64_t>(header + 32);
    while (at + 12 <= end && end <= dump.size()) {
      const uint32_t name_octets = load_le<uint32_t>(octets + at);
      const uint32_t content = load_le<uint32_t>(octets + at + 4);
      count += dump.compare(at + 12, name.size() + 1, name + '\0') == 0;
      at += 12 + ((name_octets + 3) & ~3u) + ((content + 3) & ~3u);
    }
  }
  return count;
}

// Lines of the console that tell the clock, each once.
std::set<std::string> ticks_of(const std::string& console) {
  std::set<std::string> ticks;
  std::istringstream lines(console);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("tick: ")) ticks.insert(line);
  }
  return ticks;
}

// Under -icount a run repeats exactly, sequestered cores included: the clock's value after each
// interrupt of the timer is the same.
TEST_F(Partition, RepeatsUnderIcount) {
  Options options;
  options.firmware = firmware("trial");
  options.more = ",arguments=ring,,timer,,ticks";
  options.kernel = false;
  options.accelerator = "tcg,thread=single";
  options.paused = true;
  // The guest's firmware reads the calendar, which else is the host's.
  options.devices = {"-icount", "shift=4,sleep=off",       "-seed", "1",
                     "-rtc",    "base=2026-01-01,clock=vm"};
  std::string first;
  for (unsigned run = 0; run < 2; ++run) {
    House& house = start(options);
    house.qmp().execute("cont");
    ASSERT_TRUE(house.prints("trial: done")) << house.console();
    if (run == 0) first = house.console();
    EXPECT_EQ(house.console(), first);
  }
  EXPECT_EQ(ticks_of(first).size(), 10u) << first;
}

TEST_F(Partition, DumpOfTheGuestHasItsCpusAlone) {
  Options options;
  options.kernel = false;
  House& house = start(options);
  ASSERT_TRUE(house.prints("hello from core", 4));
  for (const bool paging : {false, true}) {
    const std::string file = work_.path("dump");
    house.qmp().execute("dump-guest-memory", {{"paging", paging}, {"protocol", "file:" + file}});
    EXPECT_EQ(notes(file, "CORE"), 2u);
    EXPECT_EQ(notes(file, "QEMU"), 2u);
  }
}

TEST_F(Partition, MovesWithItsGuest) {
  Options options;
  options.more = ",persist=on";
  House& house = start(options);
  house.guest().wait_ready();
  ASSERT_TRUE(house.prints("hello from core", 4));
  EXPECT_EQ(house.request(3), 0u);
  const std::string image = work_.path("state");
  house.qmp().execute("migrate", {{"uri", "file:" + image}});
  ASSERT_TRUE(eventually(
      [&] { return house.qmp().execute("query-migrate").value("status", "") == "completed"; },
      seconds(120)));
  options.incoming = "file:" + image;
  House& second = start(options);
  ASSERT_TRUE(eventually(
      [&] { return second.qmp().execute("query-status").value("status", "") == "running"; },
      seconds(120)));
  EXPECT_EQ(second.partition().at("requests"), 1);
  EXPECT_EQ(second.request(3), 0u);
  EXPECT_EQ(second.printed("hello from core"), 0u) << second.console();
  second.guest().wait_ready();
  EXPECT_EQ(second.agent().check("nproc"), "2\n");
}

TEST_F(Partition, GoesBackWithASnapshot) {
  const std::string disk = work_.path("disk.qcow2");
  lab::check_command({lab::Build::qemu_img(), "create", "-q", "-f", "qcow2", disk, "16M"});
  for (const char* persist : {"on", "off"}) {
    Options options;
    options.more = std::string(",persist=") + persist;
    options.devices = {"-drive", "if=none,format=qcow2,file=" + disk};
    House& house = start(options);
    house.guest().wait_ready();
    ASSERT_TRUE(house.prints("hello from core", 4));
    EXPECT_EQ(house.request(3), 0u);
    EXPECT_EQ(house.qmp().human("savevm one"), "");
    EXPECT_EQ(house.request(2), 0u);
    EXPECT_EQ(house.partition().at("request"), 2);
    EXPECT_EQ(house.qmp().human("loadvm one"), "");
    EXPECT_EQ(house.partition().at("request"), 3);
    EXPECT_EQ(house.partition().at("requests"), 1);
    EXPECT_EQ(house.request(1), 0u);
    // The firmware was in the middle of its life and still is.
    EXPECT_EQ(house.printed("hello from core"), 4u) << house.console();
    EXPECT_EQ(house.agent().check("nproc"), "2\n");
  }
}

TEST_F(Partition, MachineChecksAreTheGuests) {
  Options options;
  options.cpu = "SandyBridge";  // QEMU broadcasts to Intel's CPUs
  options.more = ",persist=on";
  options.kernel = false;
  House& house = start(options);
  ASSERT_TRUE(house.prints("hello from core", 4));
  // Uncorrected, broadcast; SeaBIOS takes no machine checks, so its machine is reset.
  const std::string checked = house.qmp().human("mce -b 0 1 0xb200000000000000 0x4 0x0 0x0");
  EXPECT_NE(checked.find("CPU 0:"), std::string::npos) << checked;
  EXPECT_NE(checked.find("CPU 1:"), std::string::npos) << checked;
  EXPECT_EQ(checked.find("CPU 2:"), std::string::npos) << checked;
  EXPECT_TRUE(house.qmp().wait_event("RESET", seconds(20)).has_value());
  EXPECT_EQ(house.request(3), 0u);
  for (unsigned i = 0; i < 4; ++i) EXPECT_NE(house.core(i).at("state"), "faulted");
  EXPECT_EQ(house.printed("hello from core"), 4u) << house.console();
}

TEST_F(Partition, ComesWithTheMachineAlone) {
  Options options;
  options.kernel = false;
  House& house = start(options);
  const nlohmann::json add = house.qmp().execute_raw(
      "device_add", {{"driver", "gatehouse-partition"}, {"firmware", firmware("hello")}});
  EXPECT_TRUE(add.contains("error")) << add.dump();
  const nlohmann::json remove = house.qmp().execute_raw("device_del", {{"id", "p0"}});
  EXPECT_TRUE(remove.contains("error")) << remove.dump();
  EXPECT_TRUE(house.prints("hello from core", 4));
  EXPECT_EQ(house.request(3), 0u);
}

// The IOMMU's own interrupt remapping and the older machine change nothing.
TEST_F(Partition, OnOtherMachines) {
  const std::vector<std::string> rows[] = {{"-device", "intel-iommu,intremap=on"},
                                           {"-device", "intel-iommu,intremap=off"},
                                           {"-M", "pc"}};
  for (const std::vector<std::string>& words : rows) {
    Options options;
    options.devices = words;
    House& house = start(options);
    house.guest().wait_ready();
    EXPECT_TRUE(house.prints("hello from core", 4)) << words[1];
    EXPECT_EQ(house.agent().check("nproc"), "2\n") << words[1];
    EXPECT_EQ(house.request(3), 0u) << words[1];
  }
}

TEST_F(Partition, GdbsFirstInferiorIsTheGuest) {
  Options options;
  options.kernel = false;
  const std::string socket = work_.path("gdb");
  options.devices = {"-gdb", "unix:" + socket + ",server=on,wait=off"};
  House& house = start(options);
  ASSERT_TRUE(house.prints("hello from core", 4));
  const std::string transcript = lab::check_command({"gdb",
                                                     "-nx",
                                                     "-batch",
                                                     "-ex",
                                                     "set confirm off",
                                                     "-ex",
                                                     "set architecture i386:x86-64",
                                                     "-ex",
                                                     "target extended-remote " + socket,
                                                     "-ex",
                                                     "info threads",
                                                     "-ex",
                                                     "add-inferior",
                                                     "-ex",
                                                     "inferior 2",
                                                     "-ex",
                                                     "set architecture i386:x86-64",
                                                     "-ex",
                                                     "attach 2",
                                                     "-ex",
                                                     "info threads",
                                                     "-ex",
                                                     "info inferiors",
                                                     "-ex",
                                                     "p/x $rip"},
                                                    seconds(60));
  EXPECT_NE(transcript.find("core[3]"), std::string::npos) << transcript;
  const size_t inferior2 = transcript.find("inferior 2");
  ASSERT_NE(inferior2, std::string::npos) << transcript;
  // Before the second is attached only the guest's CPUs are there.
  EXPECT_EQ(transcript.substr(0, inferior2).find("core["), std::string::npos) << transcript;
  EXPECT_NE(transcript.find("= 0x80001"), std::string::npos) << transcript;
}

struct Refusal {
  std::vector<std::string> words;
  const char* reason;
};

void expect_refusal(const Refusal& row) {
  std::vector<std::string> command = {lab::Build::qemu(), "-M",       "q35",
                                      "-nodefaults",      "-display", "none"};
  for (const std::string& word : lab::Build::firmware_path()) command.push_back(word);
  command.insert(command.end(), row.words.begin(), row.words.end());
  const lab::CommandResult result = lab::run_command(command, seconds(20));
  EXPECT_EQ(result.exit_status, 1) << result.output;
  EXPECT_NE(result.output.find(row.reason), std::string::npos) << result.output;
}

TEST_F(Partition, WhereItCannotBeItSaysSo) {
  const std::string hello = "gatehouse-partition,firmware=" + firmware("hello");
  const Refusal rows[] = {
      {{"-icount", "shift=7,rr=record,rrfile=" + work_.path("rr"), "-device", hello},
       "cannot be recorded or replayed"},
      {{"-device", "gatehouse-partition"}, "add firmware=FILE"},
      {{"-device", hello + ",cores=9"}, "cores= must be 1 to 8"},
      {{"-device", hello + ",cores=0"}, "cores= must be 1 to 8"},
      {{"-device", hello + ",memory=3M"}, "memory= must be 4M to 4G"},
      {{"-device", "gatehouse-partition,firmware=/dev/zero"}, "not a regular file"},
      {{"-device", hello + ",data=" + work_.path("none")}, "No such file"},
      {{"-device", hello, "-device", hello, "-device", hello, "-device", hello, "-device", hello},
       "4 partitions already"},
      {{"-M", "microvm", "-device", hello}, "need -M q35 or -M pc"},
      {{"-m", "1G,slots=1,maxmem=600G", "-device", hello}, "less than 500G"},
      {{"-cpu", "gatehouse-core"}, "part of -device gatehouse-partition"},
  };
  for (const Refusal& row : rows) expect_refusal(row);
}

TEST_F(Partition, UnderKvmItSaysSo) {
  if (access("/dev/kvm", R_OK | W_OK) != 0) GTEST_SKIP() << "skipped: needs /dev/kvm";
  expect_refusal({{"-accel", "kvm", "-device", "gatehouse-partition,firmware=" + firmware("hello")},
                  "need -accel tcg"});
}

}  // namespace
}  // namespace gatehouse::scenarios
