// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_COMMON_CONTROL_HH_
#define GATEHOUSE_TOOLS_COMMON_CONTROL_HH_

#include <string>

namespace gatehouse::common {

// Lines on standard input: `stats` asks for a report, `quit` or the end of the input ends the
// command, so that it does not outlive whoever started it. Switched off, standard input is left
// alone.
class Control {
 public:
  explicit Control(bool on);
  int descriptor() const { return on_ ? 0 : -1; }  // poll() passes over -1
  struct Seen {
    bool stop = false;
    bool report = false;
  };
  Seen read();

 private:
  bool on_;
  std::string line_;
};

}  // namespace gatehouse::common

#endif  // GATEHOUSE_TOOLS_COMMON_CONTROL_HH_
