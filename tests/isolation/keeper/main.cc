// SPDX-License-Identifier: GPL-2.0-or-later
// Firmware that keeps a treasure: it knows what its RAM must hold and which interrupts it expects,
// and tells when asked. On request it also misbehaves towards the guest.
#include "tests/isolation/keeper/keeper.hh"

#include <atomic>

#include "firmware/hal/console.hh"
#include "firmware/hal/partition.hh"
#include "firmware/hal/unit.hh"
#include "firmware/hal/x86/interrupts.hh"
#include "firmware/hal/x86/local_apic.hh"

using namespace gatehouse;             // NOLINT: a program
using namespace gatehouse::isolation;  // NOLINT: a program

namespace {

constexpr uint8_t kRequest = 40, kRollCall = 41, kReset = 42, kFault = 43, kLastOurs = kFault;
constexpr uint64_t kPatience = 2'000'000'000;  // ns of the guest's time

std::atomic<uint32_t> answered[partition::kMaxCores];
std::atomic<uint32_t> strays;

uint64_t& word(uint64_t address) { return *reinterpret_cast<uint64_t*>(address); }

void fill() {
  for (uint64_t at = kTreasure; at < partition::kRamBase + kMemory; at += 8)
    word(at) = treasure(at);
}

bool whole() {
  for (uint64_t at = kTreasure; at < partition::kRamBase + kMemory; at += 8) {
    if (word(at) != treasure(at)) return false;
  }
  return true;
}

// Of this core: what came that nobody of the partition sends.
void look_for_strays() {
  for (uint32_t vector = partition::kFirstVector; vector <= partition::kLastVector; ++vector) {
    const bool ours = vector >= kRequest && vector <= kLastOurs;
    if (!ours && hal::take_interrupt(static_cast<uint8_t>(vector))) strays.fetch_add(1);
  }
}

bool all_answer() {
  bool all = true;
  const uint64_t from = hal::kControlBlock.read(hal::reg::CLOCK);
  for (unsigned core = 1; core < hal::cores(); ++core) {
    const uint32_t before = answered[core].load();
    hal::send_interrupt(core, kRollCall);
    while (answered[core].load() == before) {
      if (hal::kControlBlock.read(hal::reg::CLOCK) - from > kPatience) {
        all = false;
        break;
      }
      hal::Cpu::relax();
    }
  }
  return all;
}

uint32_t report() {
  uint32_t answer = kWhole;
  if (!all_answer()) answer |= kCoreSilent;
  look_for_strays();
  if (strays.load() != 0) answer |= kInterrupted;
  if (!whole()) answer |= kChanged;
  return answer;
}

void out(uint16_t port, uint8_t value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

void use_ports() {
  uint32_t value = 0;
  asm volatile("inl %%dx, %%eax" : "=a"(value) : "d"(uint16_t{0xcfc}));
  const struct {
    uint16_t port;
    uint8_t value;
  } writes[] = {{0xcf9, 2}, {0xcf9, 6},   {0x92, 1},   {0x64, 0xfe},
                {0xb2, 0},  {0x20, 0x20}, {0x70, 0x8f}};
  for (const auto& write : writes) out(write.port, write.value);
}

void send_ipis() {
  using namespace hal::local_apic;  // NOLINT: its registers
  // Delivery modes SMI, NMI, INIT, start-up, ExtINT and fixed, to others' IDs and to all but
  // itself. Those that its partition would take, to IDs that none of its cores has.
  for (const uint32_t mode : {0x0u, 0x100u, 0x200u, 0x400u, 0x500u, 0x600u, 0x700u}) {
    const bool taken = mode == 0 || mode == 0x100 || mode == 0x400;
    for (const uint32_t id : {0x10u, 0x7fu, 0xf0u}) {
      kPage.write(ICR_HIGH, id << kIdShift);
      kPage.write(ICR_LOW, 0x4000u | mode | 0x21);
    }
    if (!taken) kPage.write(ICR_LOW, 0xc4000u | mode | 0x21);
  }
}

void store_messages() {
  const unsigned steer = hal::find_unit(hal::kControlBlock.bus(), partition::UnitKind::kSteer);
  const uint64_t view = partition::kDeviceViewBase + steer * partition::kDeviceView;
  // The first page of the one is its own APIC; the other it has with a steering unit only.
  for (const uint64_t base : {uint64_t{0}, steer == hal::kNoUnit ? 0 : view}) {
    for (uint64_t id = 1; id < 256; ++id) {
      *reinterpret_cast<volatile uint32_t*>(base | 0xfee0'0000 | id << 12) = 0x21;
      *reinterpret_cast<volatile uint32_t*>(base | 0xfee0'0004 | id << 12) = 0x4421;
    }
    if (base != 0) *reinterpret_cast<volatile uint32_t*>(base | 0xfee0'0000) = 0x21;
  }
}

void flood() {
  static char text[1024];
  for (char& c : text) c = 'x';
  for (unsigned i = 0; i < 1024; ++i) hal::write_console({text, sizeof text});
  for (unsigned i = 0; i < 2000; ++i) hal::alert("flood");
}

void read_all_memory() {
  for (uint64_t at = 0; at < partition::kPrivateEnd; at += 0x4000'0000)
    (void)*reinterpret_cast<volatile uint32_t*>(at);
}

// Every word of each unit's page, except where it would end this firmware itself.
void write_hostile_units() {
  for (uint64_t page = 1; page < 1 + partition::kMaxUnits; ++page) {
    for (const uint64_t value : {uint64_t{0}, ~uint64_t{0}, partition::kRamBase, uint64_t{1}}) {
      for (uint64_t at = 0; at < partition::kPage; at += 4) {
        const uint64_t address = partition::kMmioBase + page * partition::kPage + at;
        *reinterpret_cast<volatile uint32_t*>(address) = static_cast<uint32_t>(value);
        if (at % 8 == 0) *reinterpret_cast<volatile uint64_t*>(address) = value;
        (void)*reinterpret_cast<volatile uint32_t*>(address);
      }
    }
    // Nothing stays in force.
    hal::View{hal::MmioBus{partition::kMmioBase + page * partition::kPage}}.write(hal::unit::COMMIT,
                                                                                  0);
  }
}

partition::UnitControl steer_control;
alignas(64) partition::SteerSlot steer_slots[partition::kSteerSlots];

// Unit kNoUnit is a page without registers: it reads 0.
hal::View<hal::MmioBus> page_of(partition::UnitKind kind) {
  const unsigned unit = hal::find_unit(hal::kControlBlock.bus(), kind);
  return hal::View{hal::MmioBus{partition::kMmioBase + (1 + unit) * partition::kPage}};
}

hal::View<hal::MmioBus> steer_page() { return page_of(partition::UnitKind::kSteer); }

uint32_t open_window(uint32_t bits) {
  const auto page = steer_page();
  page.write(hal::unit::CONTROL, reinterpret_cast<uint64_t>(&steer_control));
  page.write(hal::steer::SLOTS, reinterpret_cast<uint64_t>(steer_slots));
  page.write(hal::steer::STEER, bits);
  page.write(hal::steer::DMA, kWindow);
  page.write(hal::steer::DMA_OCTETS, kWindowOctets);
  page.write(hal::unit::COMMIT, 1);
  return page.read(hal::unit::STATUS) & partition::kStatusActive ? page.read(hal::unit::RESULT)
                                                                 : ~uint32_t{0};
}

// What `put` does to a page where everything else is valid: is it taken?
template <class Valid, class Put>
uint32_t taken(hal::View<hal::MmioBus> page, Valid&& valid, Put&& put) {
  valid();
  put();
  page.write(hal::unit::COMMIT, 1);
  const uint32_t result = page.read(hal::unit::RESULT);
  page.write(hal::unit::COMMIT, 0);
  return result == 0;
}

// Page-aligned, and not wholly private RAM: the guest's, before it, behind it, registers, the end.
constexpr uint64_t kOutside[] = {0x10'0000, partition::kRamBase - partition::kPage,
                                 partition::kRamBase + kMemory, partition::kMmioBase,
                                 ~uint64_t{0} - 0xfff};

void set_up_valid(hal::View<hal::MmioBus> page) {
  hal::set_up(page, {.control = reinterpret_cast<uint64_t>(&steer_control)});
}

uint32_t unsafe_steer() {
  const auto page = steer_page();
  const auto valid = [&] {
    set_up_valid(page);
    (void)open_window(partition::kSteerMsi);
  };
  const auto put = [&](auto where, auto value) {
    return taken(page, valid, [&] { page.write(where, value); });
  };
  uint32_t all = open_window(partition::kSteerMsi);  // 0: what is valid is taken
  for (const uint64_t address : kOutside) {
    all += put(hal::unit::CONTROL, address) + put(hal::steer::SLOTS, address) +
           put(hal::steer::DMA, address);
    all += taken(page, valid, [&] {
      page.write(hal::unit::RING, address);
      page.write(hal::unit::RING_RECORDS, uint32_t{16});
    });
  }
  all += put(hal::steer::DMA, partition::kRamBase);  // its page tables
  for (const uint64_t octets : {uint64_t{1}, kMemory, ~uint64_t{0} - 0xfff})
    all += put(hal::steer::DMA_OCTETS, octets);
  all += put(hal::unit::TARGET, hal::cores()) + put(hal::unit::TARGET, ~uint32_t{0});
  all += put(hal::unit::VECTOR, partition::kFirstVector - 1u) +
         put(hal::unit::VECTOR, partition::kLastVector + 1u);
  return all;
}

alignas(64) partition::RedirectEntry redirect_table[1];

uint32_t unsafe_redirect() {
  using partition::RedirectEntry;
  const auto page = page_of(partition::UnitKind::kRedirect);
  RedirectEntry& entry = redirect_table[0];
  const auto valid = [&] {
    set_up_valid(page);
    entry = {};
    entry.offset = 0x3818;
    entry.length = 8;
    entry.write = partition::RedirectWrite::kLast;
    entry.shadow = reinterpret_cast<uint64_t>(&steer_slots);
    page.write(hal::redirect::TABLE, reinterpret_cast<uint64_t>(redirect_table));
    page.write(hal::redirect::TABLE_ENTRIES, uint32_t{1});
  };
  const auto put = [&](auto&& change) { return taken(page, valid, change); };
  uint32_t all = 1 - put([] {});  // 0: what is valid is taken
  for (const uint64_t address : kOutside) {
    all += put([&] { page.write(hal::redirect::TABLE, address); });
    all += put([&] { entry.shadow = address; });
  }
  for (const uint32_t entries : {partition::kMaxRedirectEntries + 1u, ~uint32_t{0}})
    all += put([&] { page.write(hal::redirect::TABLE_ENTRIES, entries); });
  for (const uint8_t bar : {uint8_t{5}, uint8_t{6}, uint8_t{255}})
    all += put([&] { entry.bar = bar; });
  for (const uint32_t offset : {0x2'0000u, 0xffff'fffcu})
    all += put([&] { entry.offset = offset; });
  all += put([&] { entry.length = 0xffff'fffc; });
  return all;
}

uint32_t inject_all() {
  const auto page = steer_page();
  for (uint32_t slot = 0; slot < partition::kIntxSlot; ++slot) {
    if (const_cast<volatile uint32_t&>(steer_slots[slot].count) != 0)
      page.write(hal::steer::INJECT_SLOT, slot);
  }
  return const_cast<volatile uint32_t&>(steer_slots[0].count) == 0 ? kChanged : kWhole;
}

[[noreturn]] void triple_fault() {
  struct [[gnu::packed]] {
    uint16_t limit;
    uint64_t base;
  } none = {0, 0};
  asm volatile("lidt %0; ud2" : : "m"(none));
  hal::halt_for_good();
}

uint32_t obey(uint32_t request) {
  switch (request) {
    case kReport:
      return report();
    case kPorts:
      use_ports();
      return kWhole;
    case kIpis:
      send_ipis();
      return kWhole;
    case kMessages:
      store_messages();
      return kWhole;
    case kFlood:
      flood();
      return kWhole;
    case kMemoryAll:
      read_all_memory();
      return kWhole;
    case kSpoil:
      word(kTreasure) ^= 1;
      return kWhole;
    case kHostileUnits:
      write_hostile_units();
      return kWhole;
    case kUnsafeUnits:
      return unsafe_steer() + unsafe_redirect();
    case kSteer:
      return open_window(partition::kSteerMsi);
    case kOpenWindow:
      return open_window(0);
    case kInject:
      return inject_all();
    case kUnsteer:
      steer_page().write(hal::unit::COMMIT, 0);
      return kWhole;
    case kTripleFault:
      hal::send_interrupt(hal::cores() - 1, kFault);
      return kWhole;
    default:
      return ~uint32_t{0};
  }
}

[[noreturn]] void follow(uint32_t core) {
  for (;;) {
    hal::wait_for_interrupt();
    look_for_strays();
    if (hal::take_interrupt(kFault)) triple_fault();
    if (hal::take_interrupt(kRollCall)) answered[core].fetch_add(1);
  }
}

}  // namespace

void firmware_main(hal::Core& core) {
  // The two lines that a PC wires to the 8259s and to NMI are open, so that what comes is noticed.
  hal::MmioBus{hal::kLocalApic}.write<uint32_t>(0x350, 0x700);
  hal::MmioBus{hal::kLocalApic}.write<uint32_t>(0x360, 0x400);
  if (core.index != 0) follow(core.index);
  fill();
  hal::wait_for_cores();
  hal::kControlBlock.write(hal::reg::REQUEST_VECTOR, kRequest);
  hal::kControlBlock.write(hal::reg::GUEST_RESET_VECTOR, kReset);
  hal::print("keeper: ready\n");
  for (;;) {
    hal::wait_for_interrupt();
    (void)hal::take_interrupt(kReset);
    look_for_strays();
    if (!hal::take_interrupt(kRequest)) continue;
    hal::kControlBlock.write(hal::reg::ANSWER, obey(hal::kControlBlock.read(hal::reg::REQUEST)));
  }
}
