// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <random>
#include <string>

#include "firmware/interceptor/pattern_inspector.hh"
#include "tests/unit/firmware/interceptor_rig.hh"

namespace gatehouse::interceptor {
namespace {

using partition::make_pattern;
using partition::PatternRule;

// Drops odd frames, changes those that can be divided by 4.
class Picky : public Inspector {
 public:
  Verdict inspect(const Frame& frame) override {
    uint8_t head[18];
    if (copy_out(frame, 0, head, sizeof head) != sizeof head) return Verdict::kPass;
    octets += frame.octets;
    pieces = std::max(pieces, frame.pieces.size());
    for (uint32_t left = 14; const Piece& piece : frame.pieces) {
      if (left >= piece.octets) {
        left -= piece.octets;
        continue;
      }
      if (head[14] % 4 == 0) piece.data[left + 3] = 0xee;
      break;
    }
    return head[14] % 2 == 1 ? Verdict::kDrop : Verdict::kPass;
  }
  uint64_t octets = 0;
  size_t pieces = 0;
};

TEST(Inspection, PassesDropsAndChangesBothWaysInEveryFormat) {
  for (const Format format : {Format::kLegacy, Format::kExtended, Format::kSplit}) {
    Picky picky;
    Machine m(&picky);
    ASSERT_TRUE(m.interceptor.start());
    Driver driver(m, {.format = format});
    driver.set_up();
    uint32_t sent = 0, came = 0, errors = 0;
    for (uint32_t number = 0; number < 200; ++number) {
      const Bytes frame = numbered(number, 100 + number * 7 % 1300);
      ASSERT_TRUE(driver.send(frame, 1 + number % 3, number % 3 == 0));
      driver.doorbell();
      m.receive(frame);
      m.settle();
      EXPECT_EQ(driver.unfinished(), 0u) << "a dropped frame is reported as well";
      Bytes expected = frame;
      if (number % 4 == 0) expected[17] = 0xee;
      EXPECT_EQ(m.card.sent.size(), number % 2 == 0 ? 1u : 0u);
      for (const auto& one : m.card.sent) EXPECT_EQ(one.bytes, expected);
      sent += m.card.sent.size();
      m.card.sent.clear();
      const std::vector<Bytes> frames = driver.receive();
      ASSERT_EQ(frames.size(), 1u);
      EXPECT_EQ(driver.errors - errors, number % 2);
      errors = driver.errors;
      EXPECT_EQ(frames[0], number % 2 == 0 ? expected : Bytes(frame.size(), 0));
      ++came;
    }
    EXPECT_EQ(m.interceptor.counts().inspected, 400u);
    EXPECT_EQ(m.interceptor.counts().dropped, 200u);
    EXPECT_GT(picky.pieces, 1u);
    EXPECT_EQ(sent, 100u);
    EXPECT_EQ(came, 200u);
  }
}

// DD is the NIC's to set: a guest could have frames taken for sent, and write others over them.
TEST(Inspection, ADescriptorThatSaysThatItIsDoneIsNot) {
  for (const uint32_t units : {7u, 3u}) {
    Picky picky;
    Machine m(&picky);
    ASSERT_TRUE(m.interceptor.start());
    Driver driver(m, {.transmit_units = 8});
    driver.set_up();
    m.settle();
    m.set(reg::TCTL, 0);
    for (uint32_t unit = 0; unit < units; ++unit) {
      ASSERT_TRUE(driver.send(numbered(2)));
      put<desc::TX_STATUS>(driver.tx(unit), TX_STATUS_DD);
    }
    driver.doorbell();
    m.settle();
    EXPECT_TRUE(m.card.sent.empty());
    EXPECT_EQ(driver.position(reg::TDH), 0u);
    m.set(reg::TCTL, TCTL_EN | TCTL_PSP);
    m.settle();
    EXPECT_EQ(m.card.sent.size(), units);
    EXPECT_EQ(driver.position(reg::TDH), units);
  }
}

// The NIC writes the whole report, and then DD: in between it is none.
TEST(Inspection, ASplitDescriptorIsDoneWhenItSaysSo) {
  alignas(16) uint8_t real[32] = {};
  constexpr uint64_t kAddress = 0x1234'5001;  // with the bit that is DD
  put<desc::SPLIT_ADDRESS1>(real, kAddress);
  EXPECT_FALSE(split_done(real, kAddress));
  put<desc::STATUS_ERROR>(real, RX_STATUS_EOP);
  EXPECT_FALSE(split_done(real, kAddress));
  put<desc::STATUS_ERROR>(real, RX_STATUS_EOP | RX_STATUS_DD);
  EXPECT_TRUE(split_done(real, kAddress));
}

TEST(Inspection, HoldsAFrameBackUntilAllOfItIsThere) {
  Picky picky;
  Machine m(&picky);
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  ASSERT_TRUE(driver.send(numbered(2, 900), 3));
  driver.tail(reg::TDT, 2);
  m.settle();
  EXPECT_EQ(m.nic.mmio_read(reg::TDT(0), 4), 0u);
  EXPECT_EQ(m.interceptor.counts().inspected, 0u);
  driver.doorbell();
  m.settle();
  EXPECT_EQ(m.card.sent.size(), 1u);
  EXPECT_EQ(m.interceptor.counts().inspected, 1u);
}

TEST(Inspection, AFrameThatCannotBeLookedAtIsDropped) {
  Picky picky;
  Machine m(&picky);
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  ASSERT_TRUE(driver.send(numbered(2)));
  put<desc::TX_ADDRESS>(driver.tx(0), 0x70'0000'0000);  // nothing is there
  ASSERT_TRUE(driver.send(numbered(4)));
  driver.doorbell();
  m.settle();
  ASSERT_EQ(m.card.sent.size(), 1u);
  EXPECT_EQ(m.interceptor.counts().unseen, 1u);
  EXPECT_EQ(driver.unfinished(), 0u);
}

// Where a NIC may see another frame than was inspected: a reserved type is a context for e1000e,
// which has 16 bits of a length besides.
TEST(Inspection, DescriptorsThatNicsReadInDifferentWaysAreNotSent) {
  Picky picky;
  Machine m(&picky);
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  for (uint32_t number : {2u, 4u, 6u}) ASSERT_TRUE(driver.send(numbered(number), 1, true));
  put<desc::DATA_DTYP>(driver.tx(1), 2);
  put<desc::DATA_DTALEN>(driver.tx(3), 0x1'0000 + 100);
  driver.doorbell();
  m.settle();
  ASSERT_EQ(m.card.sent.size(), 1u);
  EXPECT_EQ(number_of(m.card.sent[0].bytes) & 0xffff, 6u);
  EXPECT_EQ(m.interceptor.counts().unseen, 2u);
  EXPECT_EQ(m.interceptor.counts().inspected, 1u);
  EXPECT_EQ(driver.unfinished(), 0u);
}

// ---- Patterns

struct Found {
  size_t rule;
  uint32_t offset;
  bool operator==(const Found&) const = default;
  auto operator<=>(const Found&) const = default;
};

std::vector<Found> search(const PatternMatcher& matcher, const std::string& text,
                          const std::vector<uint32_t>& cuts,
                          Direction direction = Direction::kTransmit) {
  Bytes octets(text.begin(), text.end());
  std::vector<Piece> pieces;
  uint32_t from = 0;
  for (const uint32_t cut : cuts) {
    pieces.push_back({octets.data() + from, cut - from});
    from = cut;
  }
  pieces.push_back({octets.data() + from, static_cast<uint32_t>(octets.size()) - from});
  std::erase_if(pieces, [](const Piece& piece) { return piece.octets == 0; });
  const Frame frame{direction, 0, static_cast<uint32_t>(octets.size()), pieces};
  std::vector<Found> found;
  matcher.search(frame, [&](size_t rule, uint32_t offset) { found.push_back({rule, offset}); });
  std::sort(found.begin(), found.end());
  return found;
}

TEST(PatternMatcher, FindsPatternsOfEveryLengthWhereverTheyLie) {
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz012345";
  for (size_t length = 1; length <= 32; ++length) {
    const PatternRule rules[] = {
        make_pattern(1, partition::kPatternAlert, alphabet.substr(0, length))};
    PatternMatcher matcher;
    ASSERT_TRUE(matcher.load(rules));
    for (uint32_t before = 0; before < 20; ++before) {
      const std::string text = std::string(before, '.') + alphabet.substr(0, length) + "....";
      for (uint32_t cut = 0; cut <= text.size(); ++cut)
        ASSERT_EQ(search(matcher, text, {cut}), (std::vector<Found>{{0, before}})) << length;
    }
    if (length > 1) {
      EXPECT_TRUE(search(matcher, "..." + alphabet.substr(1, length - 1), {}).empty());
      EXPECT_TRUE(search(matcher, alphabet.substr(0, length - 1), {}).empty());
    }
  }
}

TEST(PatternMatcher, MasksPlacesAndDirections) {
  PatternRule nibble =
      make_pattern(1, partition::kPatternAlert, std::string_view("\x40\x00\x05", 3));
  nibble.mask[0] = 0xf0;
  nibble.mask[1] = 0x00;
  PatternRule early = make_pattern(2, partition::kPatternAlert, "xyz");
  early.first = 2;
  early.last = 4;
  PatternRule in = make_pattern(3, partition::kPatternDrop, "xyz");
  in.directions = partition::kPatternReceive;
  const PatternRule rules[] = {nibble, early, in, ignore_case(make_pattern(4, 1, "Host: a1"))};
  PatternMatcher matcher;
  ASSERT_TRUE(matcher.load(rules));
  EXPECT_EQ(search(matcher, "..\x4f!\x05", {3}), (std::vector<Found>{{0, 2}}));
  EXPECT_TRUE(search(matcher, "..\x5f!\x05", {}).empty());
  EXPECT_TRUE(search(matcher, ".xyz", {}).empty());
  EXPECT_EQ(search(matcher, "....xyz", {}), (std::vector<Found>{{1, 4}}));
  EXPECT_TRUE(search(matcher, ".....xyz", {}).empty());
  EXPECT_EQ(search(matcher, ".....xyz", {}, Direction::kReceive), (std::vector<Found>{{2, 5}}));
  EXPECT_EQ(search(matcher, "hOST: A1", {}), (std::vector<Found>{{3, 0}}));
}

// Against the plain definition, with 64 rules that share octets.
TEST(PatternMatcher, FindsWhatComparingEverywhereFinds) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    std::vector<PatternRule> rules;
    for (uint32_t i = 0; i < 1 + random() % 64; ++i) {
      std::string octets(1 + random() % 12, 'a');
      for (char& octet : octets) octet = static_cast<char>('a' + random() % 3);
      PatternRule rule = make_pattern(i, 1, octets);
      for (uint32_t at = 0; at < rule.octets; ++at) {
        if (random() % 6 == 0) rule.mask[at] = 0xfd, rule.value[at] &= 0xfd;
      }
      rules.push_back(rule);
    }
    PatternMatcher matcher;
    ASSERT_TRUE(matcher.load(rules));
    std::string text(200, 'a');
    for (char& octet : text) octet = static_cast<char>('a' + random() % 3);
    std::vector<Found> expected;
    for (size_t rule = 0; rule < rules.size(); ++rule) {
      for (uint32_t at = 0; at + rules[rule].octets <= text.size(); ++at) {
        bool equal = true;
        for (uint32_t i = 0; i < rules[rule].octets; ++i)
          equal &=
              (static_cast<uint8_t>(text[at + i]) & rules[rule].mask[i]) == rules[rule].value[i];
        if (equal) expected.push_back({rule, at});
      }
    }
    const uint32_t cut = random() % 100;
    ASSERT_EQ(search(matcher, text, {cut, cut + static_cast<uint32_t>(random() % 100)}), expected);
  }
}

TEST(PatternMatcher, RefusesRulesThatAreNotValid) {
  const PatternRule good = make_pattern(1, 1, "abc");
  std::vector<PatternRule> bad(9, good);
  bad[0].actions = 0;
  bad[1].actions = 8;
  bad[2].directions = 0;
  bad[3].octets = 0;
  bad[4].octets = 33;
  bad[5].first = 2, bad[5].last = 1;
  bad[6].mask[0] = 0xf0;
  bad[7].mask[5] = 1;
  std::fill(std::begin(bad[8].text), std::end(bad[8].text), 'x');
  PatternMatcher matcher;
  ASSERT_TRUE(matcher.load({&good, 1}));
  for (const PatternRule& rule : bad) {
    EXPECT_FALSE(matcher.load({&rule, 1}));
    EXPECT_TRUE(search(matcher, "abc", {}).empty());
  }
  EXPECT_FALSE(matcher.load(std::vector<PatternRule>(65, good)));
}

// ---- The inspector

class Log : public PatternSink {
 public:
  void matched(const PatternRule& rule, const Frame&, uint32_t offset) override {
    alerts.push_back(std::to_string(rule.id) + "@" + std::to_string(offset));
  }
  void mirror(const PatternRule&, const Frame& frame) override { mirrored += frame.octets; }
  std::vector<std::string> alerts;
  uint64_t mirrored = 0;
};

struct alignas(8) Image {
  partition::PatternHeader header{partition::kPatternMagic, 3, 0};
  PatternRule rules[3] = {
      make_pattern(7, partition::kPatternAlert, "attack", "words"),
      make_pattern(8, partition::kPatternAlert | partition::kPatternDrop, "virus"),
      make_pattern(9, partition::kPatternMirror, "look here"),
  };
  std::span<const uint8_t> octets() const {
    return {reinterpret_cast<const uint8_t*>(this), sizeof *this};
  }
};

Bytes saying(std::string_view words, uint32_t at) {
  vnic::rig::IpFrame ip;
  ip.payload = 400;
  Bytes frame = ip.build();
  std::copy(words.begin(), words.end(), frame.begin() + at);
  return frame;
}

TEST(PatternInspector, AlertsDropsMirrorsAndAccounts) {
  const Image image;
  Log log;
  PatternInspector inspector;
  ASSERT_TRUE(inspector.load(image.octets(), log));
  Machine m(&inspector);
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  for (const std::string_view words : {"peace", "attack", "a virus", "look here"}) {
    ASSERT_TRUE(driver.send(saying(words, 200), 3));
    driver.doorbell();
    m.receive(saying(words, 300));
    m.settle();
  }
  EXPECT_EQ(m.card.sent.size(), 3u);
  EXPECT_EQ(driver.receive().size(), 4u);
  EXPECT_EQ(driver.errors, 1u);
  EXPECT_EQ(log.alerts, (std::vector<std::string>{"7@200", "7@300", "8@202", "8@302"}));
  EXPECT_EQ(log.mirrored, 2 * saying("", 0).size());
  std::vector<Flow> flows;
  inspector.flows().for_each([&](const Flow& flow) { flows.push_back(flow); });
  ASSERT_EQ(flows.size(), 2u) << "one each way";
  for (const Flow& flow : flows) {
    EXPECT_EQ(flow.frames, 4u);
    EXPECT_EQ(flow.octets, 4 * saying("", 0).size());
    EXPECT_EQ(flow.key.source, 0x0a000001u);
    EXPECT_EQ(flow.key.source_port, 1000u);
    EXPECT_EQ(flow.key.protocol, 6u);
  }
}

TEST(PatternInspector, RefusesImagesThatAreNotValid) {
  Log log;
  PatternInspector inspector;
  Image image;
  EXPECT_TRUE(inspector.load(image.octets(), log));
  for (size_t octets = 0; octets < sizeof image; octets += 8)
    EXPECT_FALSE(inspector.load(image.octets().first(octets), log));
  image.header.magic ^= 1;
  EXPECT_FALSE(inspector.load(image.octets(), log));
  image = {};
  image.header.rules = 0xffffffff;
  EXPECT_FALSE(inspector.load(image.octets(), log));
  image = {};
  image.header.reserved = 1;
  EXPECT_FALSE(inspector.load(image.octets(), log));
}

TEST(FlowTable, MakesRoomForNewFlows) {
  FlowTable table;
  FlowKey key;
  for (uint32_t i = 0; i < 100'000; ++i) {
    key.source = i;
    table.count(key, 60);
  }
  uint32_t flows = 0;
  table.for_each([&](const Flow&) { ++flows; });
  EXPECT_EQ(flows, FlowTable::kSets * FlowTable::kWays);
  EXPECT_EQ(table.evicted(), 100'000u - flows);
}

}  // namespace
}  // namespace gatehouse::interceptor
