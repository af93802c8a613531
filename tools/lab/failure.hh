// SPDX-License-Identifier: GPL-2.0-or-later
// What a scenario could not do, in one line for people.
#ifndef GATEHOUSE_TOOLS_LAB_FAILURE_HH_
#define GATEHOUSE_TOOLS_LAB_FAILURE_HH_

#include <stdexcept>
#include <string>

namespace gatehouse::lab {

class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_FAILURE_HH_
