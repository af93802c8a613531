// SPDX-License-Identifier: GPL-2.0-or-later
// One run at a time of what writes the same files below build/.
#ifndef GATEHOUSE_TOOLS_LAB_RUN_LOCK_HH_
#define GATEHOUSE_TOOLS_LAB_RUN_LOCK_HH_

#include <string>

#include "tools/common/descriptor.hh"

namespace gatehouse::lab {

// Held while it lives, and by what this process forks, but by no program that it starts.
class RunLock {
 public:
  // Of build/logs/NAME.lock. While another run of NAME holds it this one waits, and says so. Throws
  // Failure.
  explicit RunLock(const std::string& name);

 private:
  common::Descriptor file_;
};

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_RUN_LOCK_HH_
