// SPDX-License-Identifier: GPL-2.0-or-later
// Work that starts processes and makes namespaces, so that nothing of it stays behind.
#ifndef GATEHOUSE_TOOLS_LAB_APART_HH_
#define GATEHOUSE_TOOLS_LAB_APART_HH_

#include <functional>

#include "tools/lab/process.hh"

namespace gatehouse::lab {

// Those of programs that were killed, or crashed: nobody else removes them.
void remove_namespaces_of_the_dead();

// Does `work` in a process of its own, whose WorkDirs are inside `directory`. When it ends (SIGINT,
// SIGTERM and SIGHUP end it), whatever it started and left is killed, and the namespaces of all of
// them are removed. The caller has no other children. Answers the exit status of `work`, 128 +
// signal when a signal ended it; an exception is said, and is status 1.
int run_apart(const WorkDir& directory, const std::function<int()>& work);

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_APART_HH_
