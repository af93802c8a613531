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
// SIGTERM and SIGHUP end it, and its children with it), the namespaces that it made are removed.
// Answers its exit status, 128 + signal when a signal ended it.
int run_apart(const WorkDir& directory, const std::function<int()>& work);

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_APART_HH_
