// SPDX-License-Identifier: GPL-2.0-or-later
// Reads policy files. Not part of the freestanding core (it uses the heap and a JSON library), but
// no exception leaves it. The file is hostile: whatever it holds, the answer is a Policy whose
// names and addresses fit together, or one line such as
//   policy.json:12:17: vnics[1].mac: "52:54" is not a MAC address; write six octets like
//   "52:54:00:00:00:01"
#ifndef GATEHOUSE_HW_CORE_POLICY_READER_HH_
#define GATEHOUSE_HW_CORE_POLICY_READER_HH_

#include <cstddef>
#include <string>
#include <string_view>

#include "hw/core/base/status.hh"
#include "hw/core/policy/policy.hh"

namespace gatehouse::policy {

struct ReadLimits {
  // Octets of text. A million mappings are about 150 MB. Depth needs no limit of its own: the
  // schema has a deepest object, and anything below it is an error.
  size_t octets = size_t{256} << 20;
};

// `file_name` only stands in the messages. The policy's `formats` begin with the built-in ones.
Result<Policy> read_policy(std::string_view json_text, std::string_view file_name,
                           const ReadLimits& limits = {});

// The same from a file; messages then also tell that it can't be opened, is no regular file, or is
// too large.
Result<Policy> read_policy_file(const std::string& path, const ReadLimits& limits = {});

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_READER_HH_
