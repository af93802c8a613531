// SPDX-License-Identifier: GPL-2.0-or-later
// The policy file: tokens, schema, references. What is accepted holds together, and a card takes it
// or says why not; what is refused is refused with a place.
#include "hw/core/policy/policy.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/policy/format_rules.hh"
#include "hw/core/policy/reader.hh"
#include "tests/fuzz/quiet_sink.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {

void fuzz_one(std::span<const uint8_t> octets) {
  // A text that ends where its memory does.
  const Bytes copy(octets.begin(), octets.end());
  const std::string_view text(reinterpret_cast<const char*>(copy.data()), copy.size());
  Result<policy::Policy> read = policy::read_policy(text, "p", {.octets = 1 << 16});
  if (!read.ok()) {
    const std::string& message = read.status().message();
    require(message.starts_with("p:"), "a message begins with the file's name");
    for (const char c : message) {
      require(static_cast<unsigned char>(c) >= ' ' && c != 0x7f,
              "one line, which a terminal bears");
    }
    return;
  }
  policy::Policy& policy = read.value();
  for (const policy::Format& format : policy.formats)
    require(!policy::check_format(format), "a format that was read holds together");
  // Its memory is taken as connections come, but for what a sanitizer shadows.
  policy.connections = std::min(policy.connections, 1024u);

  PacketPool pool({.small_count = 4, .large_count = 1});
  QuietSink sink;
  pipeline::Pipeline pipeline(pool, sink);
  const Status first = pipeline.load(policy);
  require(pipeline.load(policy).message() == first.message(), "the same once more");
  if (first.ok()) {
    require(pipeline.sizes().tenants == policy.tenants.size(), "all tenants are there");
    require(pipeline.sizes().vnics == policy.vnics.size(), "all vnics are there");
  }
}

}  // namespace gatehouse::fuzz
