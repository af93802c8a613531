// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/policy/check.hh"

#include <cstdio>
#include <memory>

#include "hw/core/base/packet.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/pipeline/quiet_sink.hh"
#include "hw/core/policy/reader.hh"

namespace gatehouse::policy_check {
namespace {

std::string counted(size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string contents(const policy::Policy& policy) {
  size_t rules = 0;
  for (const policy::Firewall& firewall : policy.firewalls) rules += firewall.rules.size();
  std::string words;
  for (const std::string& one :
       {counted(policy.uplinks.size(), "uplink"), counted(policy.tenants.size(), "tenant"),
        counted(policy.vnics.size(), "vnic"), counted(policy.mappings.size(), "mapping"),
        counted(policy.groups.size(), "group"),
        counted(policy.firewalls.size(), "firewall") + " of " + counted(rules, "rule"),
        counted(policy.meters.size(), "meter"), counted(policy.mirrors.size(), "mirror")})
    words += (words.empty() ? "" : ", ") + one;
  return words;
}

int usage(FILE* to) {
  std::fputs(
      "usage: ./gatehouse policy FILE...\n\n"
      "Says of each policy file whether a card takes it; if not, what is wrong, where, and how to\n"
      "mend it. docs/policy.md tells what may stand in one.\n",
      to);
  return to == stdout ? 0 : 2;
}

}  // namespace

Result<std::string> check(const std::string& path) {
  const Result<policy::Policy> policy = policy::read_policy_file(path);
  if (!policy.ok()) return policy.status();
  PacketPool pool;
  pipeline::QuietSink nowhere;  // no frame ever comes
  const auto pipeline = std::make_unique<pipeline::Pipeline>(pool, nowhere);
  if (const Status status = pipeline->load(policy.value()); !status.ok())
    return Status::error(path + ": " + status.message());
  return contents(policy.value());
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return usage(stderr);
  if (arguments[0] == "--help") return usage(stdout);
  int status = 0;
  for (const std::string& path : arguments) {
    const Result<std::string> found = check(path);
    if (found.ok()) {
      std::printf("%s: a card takes it: %s\n", path.c_str(), found.value().c_str());
    } else {
      std::fflush(stdout);
      std::fprintf(stderr, "%s\n", found.status().message().c_str());
      status = 1;
    }
  }
  return status;
}

}  // namespace gatehouse::policy_check
