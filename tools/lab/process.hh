// SPDX-License-Identifier: GPL-2.0-or-later
// A child process that cannot outlive its owner, and commands whose output is wanted.
#ifndef GATEHOUSE_TOOLS_LAB_PROCESS_HH_
#define GATEHOUSE_TOOLS_LAB_PROCESS_HH_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace gatehouse::lab {

// Starts on construction; the destructor ends it (SIGTERM, then SIGKILL) and reaps it.
class Process {
 public:
  // Standard output and error go to `log_path`; standard input is /dev/null unless `terminal` keeps
  // the caller's three, and then there is no log. Of the caller's descriptors that are closed on
  // exec it keeps those in `inherited`.
  Process(std::vector<std::string> command, std::string log_path, bool terminal = false,
          const std::vector<int>& inherited = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  // Of CPU, of all its threads, in user and kernel mode, until now; of a running process only.
  double cpu_seconds() const;
  // The exit status (128 + signal when a signal ended it), or -1 when it still runs at the limit.
  int wait(std::chrono::milliseconds limit);
  void terminate();
  const std::string& log_path() const { return log_path_; }
  std::string log() const;
  // "; its log ends with: ...", for a Failure: the file itself is removed with its WorkDir. Empty
  // where nothing was logged.
  std::string last_words() const;
  // Throws Failure with the end of the log when it no longer runs.
  void require_running(const std::string& what);

 private:
  pid_t pid_ = -1;
  int status_ = -1;
  int pidfd_ = -1;
  std::string log_path_;
};

struct CommandResult {
  int exit_status = -1;
  std::string output;  // standard output and error, merged
};

// Runs to the end or to the limit (then it is killed and exit_status is -1).
CommandResult run_command(const std::vector<std::string>& command,
                          std::chrono::milliseconds limit = std::chrono::seconds(60));
// The same, but anything but exit status 0 throws Failure with the command and its output.
std::string check_command(const std::vector<std::string>& command,
                          std::chrono::milliseconds limit = std::chrono::seconds(60));

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& content);

// A fresh directory below build/run (or $GATEHOUSE_RUN), removed by its owner unless keep() was
// called.
class WorkDir {
 public:
  explicit WorkDir(const std::string& name);
  ~WorkDir();
  WorkDir(const WorkDir&) = delete;
  WorkDir& operator=(const WorkDir&) = delete;
  std::string path(const std::string& leaf = "") const;
  void keep() { keep_ = true; }

 private:
  std::string path_;
  bool keep_ = false;
};

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_PROCESS_HH_
