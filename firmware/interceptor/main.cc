// SPDX-License-Identifier: GPL-2.0-or-later
// Takes a guest's 82574L over. Requests: start, stop, report (hw/spec/partition.hh).
//   arguments: device=ID    which device, of several
//              start        takes it over at once, without a request
//              poll=N       rounds of polling before a halt, at most
//              ring=N       longest ring that is followed, in descriptors
//              seal=on      seals what was inspected (seals.hh): gatehouse-vnic only, needs rules
//              copy=on      inspects and sends copies (copies.hh): any NIC, needs rules and
//                           memory=8M, for long rings or jumbo frames more (docs/ally.md)
//   data=     rules (hw/spec/pattern_rules.hh): frames are inspected. None: all pass, untouched
#include <optional>

#include "firmware/hal/arguments.hh"
#include "firmware/hal/console.hh"
#include "firmware/hal/partition.hh"
#include "firmware/hal/poller.hh"
#include "firmware/hal/x86/interrupts.hh"
#include "firmware/hal/x86/random.hh"
#include "firmware/interceptor/interceptor.hh"
#include "firmware/interceptor/pattern_inspector.hh"

using namespace gatehouse;  // NOLINT: a program

namespace {

using interceptor::Alert;
using interceptor::kReceiveRings;
using interceptor::kRings;
using partition::Answer;
using partition::Request;

constexpr uint8_t kRequestVector = 40, kUnitVector = 41, kTickVector = 42;
// Nanoseconds between two looks without being told: for drivers that are not told either, and to
// find out whether the driver is one of them.
constexpr uint32_t kFastTick = 100'000, kSlowTick = 10'000'000;
// Of the slow ones, each such has a look at what the guest made of its vectors.
constexpr uint32_t kVectorTicks = 8;
constexpr uint64_t kMostUnits = 65536, kFewestUnits = 256;

constinit interceptor::Shared shared{};
constinit interceptor::PatternInspector patterns;

class Reporter : public interceptor::AlertSink, public interceptor::PatternSink {
 public:
  void alert(Alert what, uint64_t times) override {
    hal::Text<128> text;
    text.add("interceptor: ", words(what), ", ", times, " times");
    hal::alert(text.view());
  }
  void matched(const partition::PatternRule& rule, const interceptor::Frame& frame,
               uint32_t offset) override {
    hal::Text<192> text;
    text.add("rule ", rule.id, " \"", interceptor::text_of(rule), "\" at ", offset, " of ",
             frame.octets, " octets, ", direction(frame), " queue ", unsigned{frame.queue});
    hal::alert(text.view());
  }
  void mirror(const partition::PatternRule& rule, const interceptor::Frame& frame) override {
    constexpr uint32_t kShown = 64;
    uint8_t octets[kShown];
    const uint32_t count = copy_out(frame, 0, octets, kShown);
    hal::Text<224> text;
    text.add("mirror ", rule.id, " ", direction(frame), " ", frame.octets, ": ");
    for (uint32_t i = 0; i < count; ++i)
      text.add(std::string_view(&"0123456789abcdef"[octets[i] >> 4], 1),
               std::string_view(&"0123456789abcdef"[octets[i] & 15], 1));
    hal::print(text.view(), "\n");
  }

 private:
  static const char* direction(const interceptor::Frame& frame) {
    return frame.direction == interceptor::Direction::kTransmit ? "out" : "in";
  }
  static const char* words(Alert what) {
    switch (what) {
      case Alert::kRefusedAddress:
        return "the guest gave the NIC a buffer in private memory";
      case Alert::kUnusableRing:
        return "a ring of the guest's stays off: too long, or where the NIC can't reach it";
      case Alert::kIoBar:
        return "the guest wrote to the NIC's I/O BAR";
      case Alert::kOverrun:
        return "records lost";
      case Alert::kUnplugged:
        return "the device is gone";
      case Alert::kTampered:
        return "the guest changed a received frame before it was inspected";
      case Alert::kNoBuffers:
        return "a receive ring stays off: its copies need more private memory, memory=";
    }
    return "";
  }
};

// What arguments say beyond inspection.
enum class Mode : uint8_t { kPlain, kSealed, kCopied };

// How private memory is shared out.
class Memory {
 public:
  // As many descriptors for each ring as asked for, or as there is memory for.
  Memory(hal::Arena arena, uint64_t units, Mode mode) : arena_(arena), mode_(mode) {
    units_ = std::clamp(units, kFewestUnits, kMostUnits) & ~(kFewestUnits - 1);
    while (units_ > kFewestUnits && lacks() != 0) units_ = units_ / 2 & ~(kFewestUnits - 1);
  }
  uint64_t units() const { return units_; }
  // Octets that are missing.
  uint64_t lacks() const { return needed() > arena_.left() ? needed() - arena_.left() : 0; }

  // lacks() == 0. False: there is no key for seals.
  bool share_out(interceptor::Place<hal::MmioBus>& place) {
    place.units = static_cast<uint32_t>(units_);
    place.given = take(rings(kReceiveRings));
    if (mode_ == Mode::kSealed && !share_out(place.seals)) return false;
    if (mode_ != Mode::kCopied) {
      place.real = take(real_rings());
      return true;
    }
    interceptor::CopyPlace& copies = place.copies;
    copies.frame = take(interceptor::kCopyOctets);
    copies.marks = reinterpret_cast<uint32_t*>(take(marks()));
    // From here on the NIC reaches it.
    place.real = take(real_rings());
    copies.send = take(kSendOctets);
    copies.receive_octets = arena_.left() & ~(partition::kPage - 1);
    copies.receive = take(copies.receive_octets);
    return true;
  }

 private:
  static constexpr uint64_t kSendOctets =
      uint64_t{interceptor::kTransmitRings} * interceptor::kSendOctets;
  static constexpr uint64_t paged(uint64_t octets) {
    return (octets + partition::kPage - 1) & ~(partition::kPage - 1);
  }
  uint64_t rings(uint64_t count) const { return count * units_ * i82574::kRingUnit; }
  uint64_t real_rings() const { return kRings * interceptor::real_octets(units_); }
  uint64_t marks() const { return interceptor::kTransmitRings * units_ * sizeof(uint32_t); }
  uint64_t seals() const { return kRings * units_ * sizeof(uint64_t); }
  uint64_t needed() const {
    uint64_t octets = partition::kPage + real_rings() + rings(kReceiveRings);
    if (mode_ == Mode::kSealed) octets += interceptor::kCopyOctets + paged(seals());
    if (mode_ == Mode::kCopied)
      octets += interceptor::kCopyOctets + paged(marks()) + kSendOctets +
                interceptor::kLeastReceiveOctets;
    return octets;
  }
  uint8_t* take(uint64_t octets) {
    return static_cast<uint8_t*>(arena_.take(octets, partition::kPage));
  }
  bool share_out(interceptor::SealPlace& place) {
    place.copy = take(interceptor::kCopyOctets);
    place.table = reinterpret_cast<uint64_t*>(take(seals()));
    const std::optional<uint64_t> key = hal::random();
    if (!key) return false;
    place.key = *key % partition::kMaxSealKey + 1;
    return true;
  }

  hal::Arena arena_;
  const Mode mode_;
  uint64_t units_;
};

using Refusal = hal::Text<160>;

// Nothing: `why` says it.
[[gnu::noinline]] std::optional<interceptor::Place<hal::MmioBus>> make_place(
    const hal::Arguments& arguments, Mode mode, Refusal& why) {
  const auto& control = hal::kControlBlock;
  const std::string_view device = arguments.find("device").value_or("");
  why.add("interceptor: no redirection and steering of one device");
  const unsigned redirect = find_unit(control.bus(), partition::UnitKind::kRedirect, device);
  if (redirect == hal::kNoUnit) return std::nullopt;
  const partition::UnitRow redirect_row = read_unit(control.bus(), redirect);
  const unsigned steer =
      find_unit(control.bus(), partition::UnitKind::kSteer, hal::device_of(redirect_row));
  if (steer == hal::kNoUnit) return std::nullopt;
  const partition::UnitRow steer_row = read_unit(control.bus(), steer);

  interceptor::Place<hal::MmioBus> place{
      .redirect = hal::unit_page(redirect_row),
      .steer = hal::unit_page(steer_row),
      .nic = hal::bar_window(redirect_row, 0),
      .vectors = hal::bar_window(redirect_row, 3),
      .guest = {reinterpret_cast<uint8_t*>(steer_row.window), steer_row.window_octets},
      .shared = &shared,
      .real = nullptr,
      .given = nullptr,
      .units = 0,
      .bias = 0,
      .vector = kUnitVector,
      .core = 0};
  Memory memory(hal::free_ram(control), arguments.number("ring", 4096), mode);
  why = {};
  if (const uint64_t lacks = memory.lacks(); lacks != 0) {
    constexpr uint64_t kMebi = 0x10'0000;
    why.add("interceptor: too little private memory, give the partition memory=",
            (control.read(hal::reg::RAM_OCTETS) + lacks + kMebi - 1) / kMebi, "M or more");
    return std::nullopt;
  }
  why.add("interceptor: no key for seals");
  if (!memory.share_out(place)) return std::nullopt;
  return place;
}

using Interceptor = interceptor::Interceptor<hal::MmioBus>;

// Not on the stack: what it keeps for each frame is memory, and counts as such in bench ally.
constinit std::optional<Interceptor> the_interceptor;

void report(const Interceptor& interceptor, bool inspected) {
  hal::print("interceptor: ", interceptor.started() ? "started" : "stopped", ", result ",
             static_cast<uint32_t>(interceptor.result()), "\n");
  const interceptor::Counts counts = interceptor.counts();
#define GATEHOUSE_REPORT(name, text) hal::print("  " #name " ", counts.name, "\n");
  GATEHOUSE_INTERCEPTOR_COUNTS(GATEHOUSE_REPORT)
#undef GATEHOUSE_REPORT
  if (!inspected) return;
  hal::print("  seals_broken ", interceptor.seals_broken(), "\n");
  patterns.for_each_rule([](const partition::PatternRule& rule, uint64_t times) {
    hal::print("  rule ", rule.id, " ", times, "\n");
  });
  patterns.flows().for_each([](const interceptor::Flow& flow) {
    hal::print("  flow ", hal::Hex{flow.key.source}, ":", flow.key.source_port, " ",
               hal::Hex{flow.key.destination}, ":", flow.key.destination_port, " protocol ",
               flow.key.protocol, " frames ", flow.frames, " octets ", flow.octets, "\n");
  });
}

[[gnu::noinline]] void answer(Interceptor& interceptor, bool inspected) {
  Answer answer = Answer::kDone;
  switch (static_cast<Request>(hal::kControlBlock.read(hal::reg::REQUEST))) {
    case Request::kStart:
      if (!interceptor.start()) answer = Answer::kFailed;
      break;
    case Request::kStop:
      interceptor.stop();
      break;
    case Request::kReport:
      report(interceptor, inspected);
      break;
    default:
      answer = Answer::kUnknown;
      break;
  }
  hal::kControlBlock.write(hal::reg::ANSWER, static_cast<uint32_t>(answer));
}

class Ticks {
 public:
  void adjust(Interceptor& interceptor) {
    const uint32_t wanted = !interceptor.started()      ? 0
                            : interceptor.unannounced() ? kFastTick
                                                        : kSlowTick;
    if (wanted == kSlowTick && count_++ % kVectorTicks == 0) interceptor.look_at_vectors();
    if (wanted == period_) return;
    period_ = wanted;
    hal::set_timer(kTickVector, wanted, true);
  }

 private:
  uint32_t period_ = 0;
  uint32_t count_ = 0;
};

// True: somebody asked for something.
bool take_notes(Interceptor& interceptor, bool inspected, Ticks& ticks) {
  const bool asked = hal::take_interrupt(kRequestVector);
  if (asked) answer(interceptor, inspected);
  if (hal::take_interrupt(kTickVector) || asked) ticks.adjust(interceptor);
  return asked;
}

// Each instruction here is paid for each time that the guest or the NIC has something to say.
[[noreturn, gnu::noinline]] void serve_halting(Interceptor& interceptor, bool inspected) {
  const hal::Core& core = hal::this_core();
  hal::Notes notes;
  Ticks ticks;
  ticks.adjust(interceptor);
  for (;;) {
    interceptor.poll();
    if (core.noted_any) [[unlikely]] {
      notes.disarm();
      take_notes(interceptor, inspected, ticks);
    }
    hal::Cpu::interrupts_off();
    if (interceptor.arm() && !core.noted_any) {
      hal::Cpu::halt();
    } else {
      hal::Cpu::interrupts_on();
      interceptor.disarm();
    }
  }
}

[[noreturn, gnu::noinline]] void serve_polling(Interceptor& interceptor, bool inspected,
                                               uint32_t rounds) {
  hal::Notes notes;
  hal::Poller<hal::Cpu> poller(rounds);
  Ticks ticks;
  ticks.adjust(interceptor);
  for (;;) {
    bool worked = interceptor.poll();
    worked |= take_notes(interceptor, inspected, ticks);
    if (worked) {
      poller.worked();
    } else {
      poller.idle(interceptor, notes);
    }
  }
}

// A copy needs no seal.
Mode mode_of(const hal::Arguments& arguments, bool inspected) {
  if (inspected && arguments.find("copy") == "on") return Mode::kCopied;
  return inspected && arguments.find("seal") == "on" ? Mode::kSealed : Mode::kPlain;
}

// False: there are rules, but they can't be used. Then nothing is intercepted: whoever gave rules
// does not want frames to pass without them.
bool load_rules(Reporter& reporter, bool& inspected) {
  const uint64_t data = hal::kControlBlock.read(hal::reg::DATA);
  inspected = data != 0;
  return data == 0 || patterns.load({reinterpret_cast<const uint8_t*>(data),
                                     hal::kControlBlock.read(hal::reg::DATA_OCTETS)},
                                    reporter);
}

// A manager that connects later finds it on the console.
void refuse(std::string_view why) {
  hal::print(why, "\n");
  hal::alert(why);
}

}  // namespace

void firmware_main(hal::Core& core) {
  if (core.index != 0) return;
  hal::ArgumentsBuffer buffer;
  const hal::Arguments arguments(hal::read_arguments(hal::kControlBlock.bus(), buffer));
  Reporter reporter;
  bool inspected;
  if (!load_rules(reporter, inspected)) return refuse("interceptor: the rules are not valid");
  if (!inspected && (arguments.find("seal") == "on" || arguments.find("copy") == "on"))
    return refuse("interceptor: seal=on and copy=on are for inspected frames; add rules by data=");
  Refusal why;
  const auto place = make_place(arguments, mode_of(arguments, inspected), why);
  if (!place) return refuse(why.view());

  Interceptor& interceptor =
      the_interceptor.emplace(*place, reporter, inspected ? &patterns : nullptr);
  hal::set_wake_only(kUnitVector);
  hal::kControlBlock.write(hal::reg::REQUEST_VECTOR, kRequestVector);
  if (arguments.has("start") && !interceptor.start())
    hal::print("interceptor: result ", static_cast<uint32_t>(interceptor.result()), "\n");
  hal::print("interceptor: ready\n");

  const uint32_t rounds = static_cast<uint32_t>(arguments.number("poll", 0));
  if (rounds == 0) serve_halting(interceptor, inspected);
  serve_polling(interceptor, inspected, rounds);
}
