// SPDX-License-Identifier: GPL-2.0-or-later
// The policy's formats become plans: one for each to send with, one for those that are read alike
// to receive with.
#include <algorithm>

#include "hw/core/pipeline/tables.hh"
#include "hw/core/policy/format_rules.hh"

namespace gatehouse::pipeline {
namespace {

Status refuse(size_t index, const policy::Format& format, const policy::FormatFinding& finding) {
  return Status::error("formats[" + std::to_string(index) + "] (" + format.name +
                       "): " + finding.member + ": " + finding.problem);
}

}  // namespace

Status build_formats(const policy::Policy& policy, Tables& tables) {
  tables.formats = policy.formats;
  tables.sending.reserve(tables.formats.size());
  std::vector<size_t> first;  // of each reception: the format that it was made from
  for (size_t i = 0; i < tables.formats.size(); ++i) {
    const policy::Format& format = tables.formats[i];
    if (const auto finding = policy::check_format(format)) return refuse(i, format, *finding);
    tables.sending.emplace_back(format);
    tables.segments |= format.protocol == policy::Format::kTcp;
    size_t reception = first.size();
    for (size_t known = 0; known < first.size(); ++known) {
      const policy::Format& other = tables.formats[first[known]];
      const policy::Likeness likeness = policy::likeness(format, other);
      if (likeness == policy::Likeness::kConfusing)
        return refuse(i, format, policy::confusing(format, other));
      if (likeness == policy::Likeness::kSame) reception = known;
    }
    if (reception == first.size()) {
      first.push_back(i);
      tables.receptions.emplace_back(format);
      tables.envelopes.emplace_back(format);
    } else {
      tables.receptions[reception].join(format);
    }
    tables.reception_of.push_back(static_cast<uint16_t>(reception));
  }
  return {};
}

}  // namespace gatehouse::pipeline
