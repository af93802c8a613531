// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/isolation/fort.hh"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

#include "tests/registers/machine.hh"
#include "tools/lab/deadline.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::isolation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLimit(20);
constexpr char kReady[] = "keeper: ready";
constexpr char kUefiCode[] = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";

// It takes a kernel that is a UEFI program.
std::vector<std::string> by_uefi(const lab::GuestOptions& guest, const std::string& variables) {
  lab::write_file(variables, lab::read_file(kUefiVariables));
  return {"-machine", "smm=on",
          "-global",  "driver=cfi.pflash01,property=secure,value=on",
          "-drive",   std::string("if=pflash,unit=0,format=raw,readonly=on,file=") + kUefiCode,
          "-drive",   "if=pflash,unit=1,format=raw,file=" + variables,
          "-kernel",  lab::Build::guest_image(guest.kernel, "bzImage"),
          "-initrd",  lab::Build::guest_image(guest.kernel, "initramfs.cpio"),
          "-append",  "console=ttyS0 panic=-1 " + guest.append};
}

std::string line(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string line(const char* format, ...) {
  char text[128];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

}  // namespace

std::string keeper() { return GATEHOUSE_KEEPER; }

bool eventually(const std::function<bool()>& condition, milliseconds limit) {
  const lab::Deadline deadline(limit);
  while (!condition()) {
    if (deadline.expired()) return false;
  }
  return true;
}

Fort::Fort(const FortOptions& options) : work_("fort"), options_(options) {
  lab::GuestOptions guest;
  guest.name = options.name;
  guest.vcpus = options.vcpus;
  guest.cpu = options.cpu;
  const bool linux_inside = options.inside == Inside::kLinux || options.inside == Inside::kUefi;
  guest.memory_mib = linux_inside ? 384 : 64;
  guest.append = options.append;
  guest.incoming = options.incoming;
  guest.paused = options.paused;
  guest.devices = {"-chardev",
                   "file,id=keeper,path=" + work_.path("keeper"),
                   "-device",
                   "gatehouse-partition,id=p0,chardev=keeper,memory=4M,cores=" +
                       std::to_string(options.cores) + ",firmware=" + keeper() + options.partition,
                   "-qtest",
                   "unix:" + work_.path("qtest") + ",server=on,wait=off",
                   "-qtest-log",
                   "none"};
  if (options.inside == Inside::kUefi) {
    const auto words = by_uefi(guest, work_.path("variables"));
    guest.devices.insert(guest.devices.end(), words.begin(), words.end());
  }
  if (options.inside != Inside::kLinux) guest.kernel = "";
  if (!linux_inside) {
    std::string rom = GATEHOUSE_INTRUDER;
    if (options.inside == Inside::kNothing) {
      rom = work_.path("halt");
      lab::write_file(rom, registers::halting_rom());
    }
    guest.devices.insert(guest.devices.end(), {"-bios", rom});
  }
  guest.devices.insert(guest.devices.end(), options.devices.begin(), options.devices.end());
  guest_ = std::make_unique<lab::Guest>(work_, guest);
  bus_.connect(work_.path("qtest"));
  if (options.inside == Inside::kIntruder &&
      !intruder_.connect(work_.path(options.name + ".agent"), lab::Deadline(kLimit)))
    throw lab::Failure("the intruder has no serial port");
  if (!options.paused && options.incoming.empty() && !eventually([&] { return starts() > 0; }))
    throw lab::Failure("the keeper does not start: " + guest_->process().log());
}

unsigned Fort::starts() const {
  const std::string all = console();
  unsigned count = 0;
  for (size_t at = all.find(kReady); at != std::string::npos; at = all.find(kReady, at + 1))
    ++count;
  return count;
}

std::optional<uint32_t> Fort::ask(Ask what) {
  qmp().execute("gatehouse-partition-request",
                {{"partition", "p0"}, {"request", static_cast<uint32_t>(what)}});
  const lab::Deadline deadline(kLimit);
  while (const auto event = qmp().wait_event("GATEHOUSE_PARTITION_ANSWER",
                                             milliseconds(deadline.remaining_ms()))) {
    if (event->at("data").at("request") != static_cast<uint32_t>(what)) continue;
    return event->at("data").at("answer").get<uint32_t>();
  }
  return std::nullopt;
}

std::map<std::string, Fort::Refused> Fort::refused() {
  std::map<std::string, Refused> rows;
  const nlohmann::json state = partition();
  for (const nlohmann::json& row : state.at("boundary"))
    rows[row.at("who")] = {row.at("reads").get<uint64_t>(), row.at("writes").get<uint64_t>()};
  return rows;
}

void Fort::expect_held() {
  guest_->process().require_running("QEMU");
  const std::optional<uint32_t> answer = ask(kReport);
  ASSERT_TRUE(answer) << "the partition does not answer";
  EXPECT_FALSE(*answer & kChanged) << "its RAM has changed";
  EXPECT_FALSE(*answer & kInterrupted) << "a core was interrupted";
  EXPECT_FALSE(*answer & kCoreSilent) << "a core does not answer";
  EXPECT_EQ(*answer & ~7u, 0u);
  const nlohmann::json state = partition();
  for (const nlohmann::json& core : state.at("cores"))
    EXPECT_NE(core.at("state"), "faulted") << core.dump();
  EXPECT_EQ(console().find("exception"), std::string::npos) << console();
  const bool persists = options_.partition.find("persist=on") != std::string::npos;
  if (persists && options_.incoming.empty()) {
    EXPECT_EQ(starts(), 1u) << "the partition was started anew";
  }
  const bool lives = options_.inside == Inside::kIntruder  ? guest_lives()
                     : options_.inside != Inside::kNothing ? agent().run("true").exit_status == 0
                                                           : true;
  EXPECT_TRUE(lives) << "the guest hangs";
}

std::optional<nlohmann::json> Fort::next_told(const lab::Deadline& deadline) {
  const auto event = qmp().wait_event("GATEHOUSE_BOUNDARY", milliseconds(deadline.remaining_ms()));
  if (!event) return std::nullopt;
  const nlohmann::json& data = event->at("data");
  EXPECT_EQ(data.at("partition"), "p0");
  EXPECT_GE(data.at("count").get<uint64_t>(), 1u);
  told_ += data.at("count").get<uint64_t>();
  return data;
}

void Fort::hear_all() {
  const auto tried = [&] {
    uint64_t all = 0;
    for (const auto& [who, row] : refused()) all += row.reads + row.writes;
    return all;
  };
  const lab::Deadline deadline(kLimit);
  while (told_ < tried()) {
    if (next_told(deadline)) continue;
    ADD_FAILURE() << "events tell of " << told_ << " attempts of " << tried();
    return;
  }
}

void Fort::expect_told(const std::string& who, std::optional<uint32_t> id, Range range) {
  const lab::Deadline deadline(kLimit);
  while (const auto data = next_told(deadline)) {
    if (data->at("who") != who || (id && data->value("id", ~0u) != *id)) continue;
    EXPECT_GE(data->at("address").get<uint64_t>(), range.begin);
    EXPECT_LT(data->at("address").get<uint64_t>(), range.end);
    return;
  }
  ADD_FAILURE() << "no event tells of " << who;
}

// ---- The intruder

void Fort::say(const std::string& text) { intruder_.send_line(text); }

uint64_t Fort::order(const std::string& text) {
  say(text);
  const std::optional<std::string> answer = intruder_.read_line(lab::Deadline(kLimit));
  if (!answer) throw lab::Failure("the guest does not answer '" + text + "'");
  return std::strtoull(answer->c_str(), nullptr, 16);
}

uint64_t Fort::load(uint64_t address, unsigned octets, bool smm) {
  return order(line("%c %x %" PRIx64, smm ? 'R' : 'r', octets, address));
}
void Fort::store(uint64_t address, uint64_t value, unsigned octets, bool smm) {
  order(line("%c %x %" PRIx64 " %" PRIx64, smm ? 'W' : 'w', octets, address, value));
}
void Fort::out(uint16_t port, uint8_t value) { order(line("o %x %x", port, value)); }
uint64_t Fort::read_msr(uint32_t number) { return order(line("m %x", number)); }
void Fort::write_msr(uint32_t number, uint64_t value) {
  order(line("M %x %" PRIx64, number, value));
}
void Fort::try_write_msr(uint32_t number, uint64_t value) {
  say(line("M %x %" PRIx64, number, value));
}
void Fort::try_write_memory(uint64_t address, uint32_t value) {
  say(line("w 4 %" PRIx64 " %x", address, value));
}
void Fort::try_out(uint16_t port, uint8_t value) { say(line("o %x %x", port, value)); }
void Fort::jump(uint64_t address) { say(line("x %" PRIx64, address)); }

bool Fort::guest_lives(milliseconds limit) {
  const lab::Deadline deadline(limit);
  // What was said while it started is lost: say it again.
  while (!deadline.expired()) {
    const uint64_t nonce = 0x600d0000 + ++nonce_;
    say(line("e %" PRIx64, nonce));
    while (const auto answer = intruder_.read_line(lab::Deadline(milliseconds(500)))) {
      if (std::strtoull(answer->c_str(), nullptr, 16) == nonce) return true;
    }
  }
  return false;
}

// ---- PCI

uint32_t Fort::config_read(unsigned slot, unsigned offset, unsigned octets, unsigned function) {
  bus_.out(0xcf8, 0x80000000u | slot << 11 | function << 8 | (offset & 0xfc), 4);
  return bus_.in(static_cast<uint16_t>(0xcfc + (offset & 3)), octets);
}

void Fort::config_write(unsigned slot, unsigned offset, uint32_t value, unsigned octets,
                        unsigned function) {
  bus_.out(0xcf8, 0x80000000u | slot << 11 | function << 8 | (offset & 0xfc), 4);
  bus_.out(static_cast<uint16_t>(0xcfc + (offset & 3)), value, octets);
}

}  // namespace gatehouse::isolation
