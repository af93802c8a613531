// SPDX-License-Identifier: GPL-2.0-or-later
// SIGINT, SIGTERM and SIGUSR1 as readable events, so that an event loop ends or reports between two
// rounds. SIGPIPE is ignored meanwhile: libslirp writes to sockets that the other side may have
// closed.
#ifndef GATEHOUSE_TOOLS_COMMON_SIGNALS_HH_
#define GATEHOUSE_TOOLS_COMMON_SIGNALS_HH_

#include <signal.h>

#include "tools/common/descriptor.hh"

namespace gatehouse::common {

class Signals {
 public:
  Signals();   // blocks them for the thread
  ~Signals();  // gives back the earlier mask
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  int get() const { return descriptor_.get(); }
  struct Seen {
    bool stop = false;    // SIGINT, SIGTERM
    bool report = false;  // SIGUSR1
  };
  Seen take();

 private:
  Descriptor descriptor_;
  sigset_t before_;
  struct sigaction pipe_before_;
};

}  // namespace gatehouse::common

#endif  // GATEHOUSE_TOOLS_COMMON_SIGNALS_HH_
