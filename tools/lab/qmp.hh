// SPDX-License-Identifier: GPL-2.0-or-later
// A client of QEMU's machine protocol (QMP), one request at a time.
#ifndef GATEHOUSE_TOOLS_LAB_QMP_HH_
#define GATEHOUSE_TOOLS_LAB_QMP_HH_

#include <chrono>
#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/lab/line_socket.hh"

namespace gatehouse::lab {

class Qmp {
 public:
  // Throws Failure when nobody answers in time. `meanwhile` is LineSocket's.
  void connect(const std::string& path, std::chrono::milliseconds limit,
               const std::function<void()>& meanwhile = {});
  // The value of "return". Throws Failure with QEMU's own words on "error".
  nlohmann::json execute(const std::string& command,
                         const nlohmann::json& arguments = nlohmann::json::object());
  // The whole answer: {"return": ...} or {"error": {...}}.
  nlohmann::json execute_raw(const std::string& command,
                             const nlohmann::json& arguments = nlohmann::json::object());
  // The first event of that name that came or comes; earlier other events stay queued. Nullopt at
  // the limit.
  std::optional<nlohmann::json> wait_event(const std::string& name,
                                           std::chrono::milliseconds limit);
  // HMP, for what has no QMP command.
  std::string human(const std::string& line);
  bool connected() const { return socket_.connected(); }

 private:
  nlohmann::json read_message(const Deadline& deadline);
  LineSocket socket_;
  std::deque<nlohmann::json> events_;
};

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_QMP_HH_
