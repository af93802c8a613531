// SPDX-License-Identifier: GPL-2.0-or-later
// Shell scripts the host asked for, each in its own session, all at once if it wants.
#ifndef GUEST_IMAGES_AGENT_JOBS_HH_
#define GUEST_IMAGES_AGENT_JOBS_HH_

#include <poll.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "guest-images/agent/serial.hh"

namespace gatehouse::agent {

class Jobs {
 public:
  static constexpr size_t kMaxJobs = 64;

  explicit Jobs(Serial& serial) : serial_(serial) {}

  // Starts `sh -c script`; answers BEGIN, or ERR if the id is in use or no process can be made.
  void run(const std::string& id, const std::string& script);

  // Sends the signal to the whole session of the job: false if no such job runs.
  bool kill(const std::string& id, int signal);

  // Adds what the jobs want to have polled.
  void add_poll(std::vector<pollfd>* polled) const;
  void handle_poll(const pollfd& polled);

  // The process has ended (wait status). Sends the rest of its output and END. True if it was a
  // job.
  bool ended(pid_t pid, int status, std::string* id);

 private:
  struct Job {
    std::string id;
    pid_t pid;
    int output;    // read end of the pipe that is its stdout and stderr
    bool running;  // false: END is out; what its left-over children still write is thrown away
  };

  // Reads once from the pipe; false at its end.
  bool forward(const Job& job);
  Job* find_running(const std::string& id);

  Serial& serial_;
  std::vector<Job> jobs_;
};

}  // namespace gatehouse::agent

#endif  // GUEST_IMAGES_AGENT_JOBS_HH_
