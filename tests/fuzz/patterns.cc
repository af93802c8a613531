// SPDX-License-Identifier: GPL-2.0-or-later
// The interceptor's rules image and its search, natively: an image is refused or every match is
// what a plain comparison finds, however the frame is cut into pieces.
#include "firmware/interceptor/pattern_inspector.hh"

#include <cstring>
#include <set>

#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {
namespace {

using namespace partition;  // NOLINT
using interceptor::Frame;
using interceptor::Piece;

struct Sink final : interceptor::PatternSink {
  void matched(const PatternRule&, const Frame& frame, uint32_t offset) override {
    require(offset < frame.octets, "a match lies in the frame");
  }
  void mirror(const PatternRule&, const Frame&) override {}
};

PatternRule take_rule(Input& input) {
  const Bytes value = input.octets(input.below(12));
  PatternRule rule = make_pattern(
      input.take(), input.take(),
      std::string_view(reinterpret_cast<const char*>(value.data()), value.size()), "t");
  if (input.flag()) rule = ignore_case(rule);
  if (input.flag()) rule.first = input.take();
  if (input.flag()) rule.last = input.take<uint16_t>();
  if (input.flag()) rule.directions = input.take();
  if (input.flag()) {
    auto* const octets = reinterpret_cast<uint8_t*>(&rule);
    octets[input.below(sizeof rule)] = input.take();
  }
  return rule;
}

// Aligned to 8, as private RAM is.
std::vector<uint64_t> take_image(Input& input, size_t& octets) {
  Bytes image;
  if (input.below(8) == 0) {
    image = input.octets(input.below(600));
  } else {
    std::vector<PatternRule> rules(input.below(12));
    for (PatternRule& rule : rules) rule = take_rule(input);
    PatternHeader header{kPatternMagic, static_cast<uint32_t>(rules.size()), 0};
    if (input.below(16) == 0) header.rules = input.take<uint32_t>();
    image.resize(sizeof header + rules.size() * sizeof(PatternRule));
    std::memcpy(image.data(), &header, sizeof header);
    if (!rules.empty())
      std::memcpy(image.data() + sizeof header, rules.data(), rules.size() * sizeof(PatternRule));
    if (input.below(16) == 0) image.resize(input.below(700));
  }
  octets = image.size();
  std::vector<uint64_t> aligned((octets + 7) / 8);
  if (octets != 0) std::memcpy(aligned.data(), image.data(), octets);
  return aligned;
}

using Matches = std::set<std::pair<size_t, uint32_t>>;

Matches plain_search(std::span<const PatternRule> rules, const Bytes& frame, unsigned direction) {
  Matches all;
  for (size_t r = 0; r < rules.size(); ++r) {
    const PatternRule& rule = rules[r];
    if (!(rule.directions >> direction & 1)) continue;
    for (uint32_t at = 0; at + rule.octets <= frame.size(); ++at) {
      if (at < rule.first || at > rule.last) continue;
      bool equal = true;
      for (uint32_t i = 0; i < rule.octets; ++i)
        equal = equal && (frame[at + i] & rule.mask[i]) == rule.value[i];
      if (equal) all.emplace(r, at);
    }
  }
  return all;
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  size_t image_octets = 0;
  const std::vector<uint64_t> image = take_image(input, image_octets);
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(image.data()),
                                       image_octets);
  Sink sink;
  auto inspector = std::make_unique<interceptor::PatternInspector>();
  const bool loaded = inspector->load(bytes, sink);

  Bytes frame = input.flag() ? take_frame(input) : input.octets(200);
  if (frame.empty()) return;
  std::vector<Piece> pieces;
  for (size_t at = 0; at < frame.size() && pieces.size() < interceptor::kMaxPieces;) {
    const size_t left = frame.size() - at;
    const bool last = pieces.size() + 1 == interceptor::kMaxPieces;
    const size_t length = last ? left : std::min<size_t>(left, 1 + input.below(100));
    pieces.push_back({frame.data() + at, static_cast<uint32_t>(length)});
    at += length;
  }
  const unsigned direction = input.below(2);
  const Frame whole{static_cast<interceptor::Direction>(direction), 0,
                    static_cast<uint32_t>(frame.size()), pieces};
  const interceptor::Verdict verdict = inspector->inspect(whole);
  if (!loaded) {
    require(verdict == interceptor::Verdict::kPass, "without rules all passes");
    return;
  }
  require(image_octets >= sizeof(PatternHeader), "an image has a header");
  PatternHeader header;
  std::memcpy(&header, image.data(), sizeof header);
  require(header.magic == kPatternMagic && header.rules <= kMaxPatternRules, "that is right");
  std::vector<PatternRule> rules(header.rules);
  if (!rules.empty())
    std::memcpy(rules.data(), bytes.data() + sizeof header, rules.size() * sizeof(PatternRule));
  interceptor::PatternMatcher matcher;
  require(matcher.load(rules), "its rules are rules");
  Matches found;
  matcher.search(whole, [&](size_t rule, uint32_t offset) {
    require(found.emplace(rule, offset).second, "each match is told once");
  });
  require(found == plain_search(rules, frame, direction), "and is what a plain search finds");
  bool drops = false;
  for (const auto& [rule, offset] : found) drops |= (rules[rule].actions & kPatternDrop) != 0;
  require((verdict == interceptor::Verdict::kDrop) == drops, "a rule that drops decides");
}

}  // namespace gatehouse::fuzz
