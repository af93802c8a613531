// SPDX-License-Identifier: GPL-2.0-or-later
// The client of the agent that runs inside our guest images (protocol: guest-images/README.md):
// shell scripts in, output and exit status back, several at a time.
#ifndef GATEHOUSE_TOOLS_LAB_AGENT_HH_
#define GATEHOUSE_TOOLS_LAB_AGENT_HH_

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "tools/lab/line_socket.hh"
#include "tools/lab/process.hh"

namespace gatehouse::lab {

std::string base64_encode(const std::string& octets);
// Nullopt when it is not base64.
std::optional<std::string> base64_decode(const std::string& text);

class Agent {
 public:
  using Job = unsigned;

  // Waits for the guest's READY. Throws Failure when it does not come in time. `meanwhile` is
  // LineSocket's.
  void connect(const std::string& path, std::chrono::milliseconds limit,
               const std::function<void()>& meanwhile = {});

  // Runs a shell script to its end. exit_status is -1 when the limit came first (then it is
  // killed).
  CommandResult run(const std::string& script,
                    std::chrono::milliseconds limit = std::chrono::seconds(60));
  // The same; anything but status 0 throws Failure with the script and its output.
  std::string check(const std::string& script,
                    std::chrono::milliseconds limit = std::chrono::seconds(60));
  // Repeats a script until it ends with status 0; throws Failure at the limit.
  std::string wait_for(const std::string& script,
                       std::chrono::milliseconds limit = std::chrono::seconds(60));

  // In the background.
  Job start(const std::string& script);
  CommandResult finish(Job job, std::chrono::milliseconds limit = std::chrono::seconds(60));
  // Output so far; waits until it contains `text`. Throws Failure at the limit or when the job ends
  // without it.
  void expect(Job job, const std::string& text, std::chrono::milliseconds limit);
  // Sends a signal to the job and all that it started.
  void kill(Job job, int signal = 15);

 private:
  struct Running {
    std::string output;
    std::optional<int> exit_status;
  };
  // Handles one line from the guest; false at the deadline.
  bool pump(const Deadline& deadline);

  LineSocket socket_;
  std::map<Job, Running> jobs_;
  Job next_ = 1;
};

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_AGENT_HH_
