// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/hal/poller.hh"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::hal {
namespace {

// A core whose time passes as told: a round takes 10 ticks, a halt `halt_ticks`.
struct World {
  uint64_t now = 0;
  uint64_t halt_ticks = 0;
  std::string log;  // r: relax, -: interrupts off, +: on, h: halt
};
struct FakeCpu {
  World* world;
  uint64_t ticks() const { return world->now; }
  void relax() const {
    world->now += 10;
    world->log += 'r';
  }
  void interrupts_off() const { world->log += '-'; }
  void interrupts_on() const { world->log += '+'; }
  void halt() const {
    world->now += world->halt_ticks;
    world->log += 'h';
  }
};
struct Source {
  bool quiet = true;
  unsigned armed = 0, disarmed = 0;
  bool arm() {
    ++armed;
    return quiet;
  }
  void disarm() { ++disarmed; }
};

// Idles until it has halted once.
std::string until_halt(Poller<FakeCpu>& poller, World& world, Source& source) {
  world.log.clear();
  while (world.log.find('h') == std::string::npos) poller.idle(source);
  return world.log;
}

TEST(Poller, WithoutPollingArmsAndHaltsAtOnce) {
  World world;
  Poller<FakeCpu> poller(0, {&world});
  Source source;
  poller.idle(source);
  EXPECT_EQ(world.log, "-h");
  EXPECT_EQ(source.armed, 1u);
  EXPECT_EQ(source.disarmed, 1u);
}

TEST(Poller, DoesNotHaltWhenASourceHasSomething) {
  World world;
  Poller<FakeCpu> poller(0, {&world});
  Source quiet, busy{.quiet = false};
  poller.idle(quiet, busy);
  EXPECT_EQ(world.log, "-+");
  EXPECT_EQ(quiet.disarmed, 1u);
  EXPECT_EQ(busy.disarmed, 1u);
}

TEST(Poller, PollsLongerWhileThatWouldHaveMetTheWork) {
  World world;
  world.halt_ticks = 50;
  Poller<FakeCpu> poller(8, {&world});
  Source source;
  EXPECT_EQ(until_halt(poller, world, source), "r-h");
  EXPECT_EQ(until_halt(poller, world, source), "rr-h");
  EXPECT_EQ(until_halt(poller, world, source), "rrrr-h");
  EXPECT_EQ(until_halt(poller, world, source), "rrrrrrrr-h");
  EXPECT_EQ(until_halt(poller, world, source), "rrrrrrrr-h");
}

TEST(Poller, PollsLessWhenItWasInVain) {
  World world;
  world.halt_ticks = 50;
  Poller<FakeCpu> poller(8, {&world});
  Source source;
  for (int i = 0; i < 4; ++i) until_halt(poller, world, source);
  world.halt_ticks = 1'000'000;
  EXPECT_EQ(until_halt(poller, world, source), "rrrrrrrr-h");
  EXPECT_EQ(until_halt(poller, world, source), "rrrr-h");
  EXPECT_EQ(until_halt(poller, world, source), "rr-h");
  EXPECT_EQ(until_halt(poller, world, source), "r-h");
  EXPECT_EQ(until_halt(poller, world, source), "r-h");
}

TEST(Poller, WorkStartsTheRoundsAnew) {
  World world;
  world.halt_ticks = 1;
  Poller<FakeCpu> poller(4, {&world});
  Source source;
  for (int i = 0; i < 3; ++i) until_halt(poller, world, source);
  world.log.clear();
  for (int i = 0; i < 10; ++i) {
    for (int round = 0; round < 4; ++round) poller.idle(source);
    poller.worked();
  }
  EXPECT_EQ(world.log, std::string(40, 'r'));
}

}  // namespace
}  // namespace gatehouse::hal
