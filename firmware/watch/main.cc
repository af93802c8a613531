// SPDX-License-Identifier: GPL-2.0-or-later
// The smallest firmware with a device: watches a guest's doorbell. Each write to the tail of an
// 82574L's first transmit ring goes to the device as before, and leaves a record here. A request is
// answered with how many there were.
//   arguments: device=ID which device, of several · poll=N rounds of polling before a halt
#include <iterator>

#include "firmware/hal/arguments.hh"
#include "firmware/hal/console.hh"
#include "firmware/hal/partition.hh"
#include "firmware/hal/poller.hh"
#include "firmware/hal/unit.hh"
#include "firmware/hal/x86/interrupts.hh"

using namespace gatehouse;  // NOLINT: a program

namespace {

using partition::Answer, partition::RedirectRecord, partition::Request;

constexpr uint8_t kRequestVector = 40, kUnitVector = 41;
constexpr uint32_t kRecords = 256;

// In private RAM, where the unit finds them.
constinit partition::UnitControl control{};
alignas(64) constinit RedirectRecord records[kRecords]{};
constinit partition::RedirectEntry table[] = {{.offset = i82574::reg::TDT,
                                               .length = 4,
                                               .bar = 0,
                                               .read = partition::RedirectRead::kReal,
                                               .write = partition::RedirectWrite::kThrough}};

template <class T>
uint64_t address_of(T& object) {
  return reinterpret_cast<uint64_t>(&object);
}

// After each time the device was plugged in: entries are checked against the device that is there.
void start(const partition::UnitRow& row) {
  const auto page = hal::unit_page(row);
  hal::set_up(page, {.control = address_of(control),
                     .ring = address_of(records),
                     .records = kRecords,
                     .vector = kUnitVector});
  page.write(hal::redirect::TABLE, address_of(table));
  page.write(hal::redirect::TABLE_ENTRIES, std::size(table));
  const partition::Result result = hal::commit(page);
  hal::print("watch: ", hal::device_of(row), ", result ", static_cast<uint32_t>(result), "\n");
}

struct Counts {
  uint64_t doorbells = 0;
  uint64_t resets = 0;
};

bool take_records(hal::UnitRing<RedirectRecord>& ring, Counts& counts) {
  const auto ready = ring.ready();
  for (const RedirectRecord& record : ready) {
    if (record.kind == partition::RedirectRecordKind::kWrite) ++counts.doorbells;
    if (record.kind == partition::RedirectRecordKind::kReset) ++counts.resets;
  }
  ring.consume(ready.size());
  return !ready.empty();
}

void answer(const partition::UnitRow& row, const Counts& counts) {
  const auto request = static_cast<Request>(hal::kControlBlock.read(hal::reg::REQUEST));
  if (request == Request::kStart) start(row);
  hal::print("watch: ", counts.doorbells, " doorbells, ", counts.resets, " resets\n");
  const bool known = request == Request::kStart || request == Request::kReport;
  hal::kControlBlock.write(hal::reg::ANSWER,
                           static_cast<uint32_t>(known ? Answer::kDone : Answer::kUnknown));
}

}  // namespace

void firmware_main(hal::Core& core) {
  if (core.index != 0) return;
  hal::ArgumentsBuffer buffer;
  const hal::Arguments arguments(hal::read_arguments(hal::kControlBlock.bus(), buffer));
  const unsigned unit = hal::find_unit(hal::kControlBlock.bus(), partition::UnitKind::kRedirect,
                                       arguments.find("device").value_or(""));
  if (unit == hal::kNoUnit) return hal::alert("watch: there is no redirection table");
  const partition::UnitRow row = hal::read_unit(hal::kControlBlock.bus(), unit);

  hal::set_wake_only(kUnitVector);
  hal::kControlBlock.write(hal::reg::REQUEST_VECTOR, kRequestVector);
  start(row);

  hal::UnitRing<RedirectRecord> ring(control, records, kRecords);
  hal::Notes notes;
  hal::Poller<hal::Cpu> poller(static_cast<uint32_t>(arguments.number("poll", 0)));
  Counts counts;
  for (;;) {
    bool worked = take_records(ring, counts);
    if (hal::take_interrupt(kRequestVector)) {
      answer(row, counts);
      worked = true;
    }
    if (worked) {
      poller.worked();
    } else {
      poller.idle(ring, notes);
    }
  }
}
