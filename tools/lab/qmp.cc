// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/qmp.hh"

#include "tools/lab/failure.hh"

namespace gatehouse::lab {
namespace {
constexpr auto kAnswerLimit = std::chrono::seconds(60);
constexpr size_t kEventsKept = 4096;
}  // namespace

void Qmp::connect(const std::string& path, std::chrono::milliseconds limit,
                  const std::function<void()>& meanwhile) {
  const Deadline deadline(limit);
  if (!socket_.connect(path, deadline, meanwhile)) throw Failure("QEMU does not answer at " + path);
  if (!socket_.read_line(deadline)) throw Failure("QEMU does not greet at " + path);
  execute("qmp_capabilities");
}

nlohmann::json Qmp::read_message(const Deadline& deadline) {
  const std::optional<std::string> line = socket_.read_line(deadline);
  if (!line) return nullptr;
  return nlohmann::json::parse(*line, nullptr, /*allow_exceptions=*/false);
}

nlohmann::json Qmp::execute_raw(const std::string& command, const nlohmann::json& arguments) {
  nlohmann::json request = {{"execute", command}};
  if (!arguments.empty()) request["arguments"] = arguments;
  socket_.send_line(request.dump());
  const Deadline deadline(kAnswerLimit);
  for (;;) {
    nlohmann::json message = read_message(deadline);
    if (message.is_null()) throw Failure("QMP: no answer to " + command);
    if (message.contains("return") || message.contains("error")) return message;
    if (message.contains("event") && events_.size() < kEventsKept) {
      events_.push_back(std::move(message));
    }
  }
}

nlohmann::json Qmp::execute(const std::string& command, const nlohmann::json& arguments) {
  nlohmann::json answer = execute_raw(command, arguments);
  if (answer.contains("error")) {
    throw Failure("QMP " + command + ": " + answer["error"].value("desc", answer.dump()));
  }
  return answer["return"];
}

std::optional<nlohmann::json> Qmp::wait_event(const std::string& name,
                                              std::chrono::milliseconds limit) {
  const Deadline deadline(limit);
  for (size_t seen = 0;;) {
    for (; seen < events_.size(); ++seen) {
      if (events_[seen].value("event", "") != name) continue;
      nlohmann::json event = std::move(events_[seen]);
      events_.erase(events_.begin() + static_cast<std::ptrdiff_t>(seen));
      return event;
    }
    nlohmann::json message = read_message(deadline);
    if (message.is_null()) return std::nullopt;
    if (message.contains("event")) events_.push_back(std::move(message));
  }
}

std::string Qmp::human(const std::string& line) {
  return execute("human-monitor-command", {{"command-line", line}}).get<std::string>();
}

}  // namespace gatehouse::lab
