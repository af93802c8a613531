// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/agent.hh"

#include <glib.h>

#include <sstream>

#include "tools/lab/failure.hh"

namespace gatehouse::lab {

std::string base64_encode(const std::string& octets) {
  gchar* text = g_base64_encode(reinterpret_cast<const guchar*>(octets.data()), octets.size());
  std::string encoded = text;
  g_free(text);
  return encoded;
}

std::optional<std::string> base64_decode(const std::string& text) {
  if (text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") !=
      std::string::npos) {
    return std::nullopt;
  }
  gsize length = 0;
  guchar* octets = g_base64_decode(text.c_str(), &length);
  std::string decoded(reinterpret_cast<char*>(octets), length);
  g_free(octets);
  return decoded;
}

void Agent::connect(const std::string& path, std::chrono::milliseconds limit,
                    const std::function<void()>& meanwhile) {
  const Deadline deadline(limit);
  if (!socket_.connect(path, deadline, meanwhile))
    throw Failure("no guest agent socket at " + path);
  socket_.send_line("\nHELLO");
  for (;;) {
    const std::optional<std::string> line = socket_.read_line(deadline);
    if (!line) throw Failure("the guest's agent did not say READY in time (" + path + ")");
    if (line->starts_with("READY gatehouse-agent 1")) return;
  }
}

bool Agent::pump(const Deadline& deadline) {
  const std::optional<std::string> line = socket_.read_line(deadline);
  if (!line) return false;
  std::istringstream words(*line);
  std::string kind, rest;
  Job id = 0;
  words >> kind >> id >> rest;
  const auto job = jobs_.find(id);
  if (job == jobs_.end()) return true;
  if (kind == "OUT") job->second.output += base64_decode(rest).value_or("");
  if (kind == "END") job->second.exit_status = std::stoi(rest);
  return true;
}

Agent::Job Agent::start(const std::string& script) {
  const Job job = next_++;
  jobs_[job];
  socket_.send_line("RUN " + std::to_string(job) + " " + base64_encode(script));
  return job;
}

CommandResult Agent::finish(Job job, std::chrono::milliseconds limit) {
  const Deadline deadline(limit);
  while (!jobs_.at(job).exit_status) {
    if (!pump(deadline)) break;
  }
  CommandResult result{jobs_.at(job).exit_status.value_or(-1), std::move(jobs_.at(job).output)};
  if (result.exit_status < 0) kill(job);
  jobs_.erase(job);
  return result;
}

void Agent::expect(Job job, const std::string& text, std::chrono::milliseconds limit) {
  const Deadline deadline(limit);
  while (jobs_.at(job).output.find(text) == std::string::npos) {
    const Running& running = jobs_.at(job);
    if (running.exit_status || !pump(deadline)) {
      throw Failure("guest job did not print '" + text + "' but: " + running.output);
    }
  }
}

void Agent::kill(Job job, int signal) {
  socket_.send_line("KILL " + std::to_string(job) + " " + std::to_string(signal));
}

CommandResult Agent::run(const std::string& script, std::chrono::milliseconds limit) {
  return finish(start(script), limit);
}

std::string Agent::check(const std::string& script, std::chrono::milliseconds limit) {
  CommandResult result = run(script, limit);
  if (result.exit_status != 0) {
    throw Failure("in the guest, '" + script + "' ended with status " +
                  std::to_string(result.exit_status) + ": " + result.output);
  }
  return std::move(result.output);
}

std::string Agent::wait_for(const std::string& script, std::chrono::milliseconds limit) {
  const Deadline deadline(limit);
  for (;;) {
    CommandResult result = run(script, std::chrono::milliseconds(deadline.remaining_ms()));
    if (result.exit_status == 0) return std::move(result.output);
    if (deadline.expired()) {
      throw Failure("in the guest, '" + script + "' never became true; last: " + result.output);
    }
  }
}

}  // namespace gatehouse::lab
