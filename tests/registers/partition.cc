// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/registers/partition.hh"

#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::registers {
namespace {

constexpr std::chrono::seconds kLimit(20);

}  // namespace

Partition::Partition(const std::string& id, const std::string& firmware, const std::string& more,
                     const std::string& chardev)
    : id_(id),
      files_(id),
      words_{
          "-chardev",
          (chardev.empty() ? "file,path=" + files_.path("console") : chardev) + ",id=" + id + "c",
          "-device",
          "gatehouse-partition,id=" + id + ",chardev=" + id +
              "c,memory=4M,firmware=" + lab::Build::firmware(firmware) + more} {}

Partition& Partition::unit(const std::string& kind, const std::string& device) {
  const std::string id = id_ + kind + std::to_string(words_.size());
  words_.insert(words_.end(), {"-device", "gatehouse-" + kind + ",id=" + id + ",partition=" + id_ +
                                              ",device=" + device});
  return *this;
}

MachineOptions Partition::options(const std::vector<std::string>& more) const {
  MachineOptions options{.more = words_, .partition = true};
  options.more.insert(options.more.end(), more.begin(), more.end());
  return options;
}

bool Partition::prints(Machine& machine, const std::string& text) const {
  return machine.wait([&] { return console().find(text) != std::string::npos; });
}

nlohmann::json Partition::state(Machine& machine) const {
  for (const nlohmann::json& row : machine.qmp().execute("query-gatehouse-partitions")) {
    if (row.at("id") == id_) return row;
  }
  throw lab::Failure("there is no partition " + id_);
}

partition::Answer Partition::request(Machine& machine, partition::Request what) const {
  machine.qmp().execute("gatehouse-partition-request",
                        {{"partition", id_}, {"request", static_cast<uint32_t>(what)}});
  const auto event = machine.qmp().wait_event("GATEHOUSE_PARTITION_ANSWER", kLimit);
  if (!event || event->at("data").at("partition") != id_)
    throw lab::Failure(id_ + " does not answer: " + (event ? event->dump() : console()));
  return static_cast<partition::Answer>(event->at("data").at("answer").get<uint32_t>());
}

std::string Partition::alert(Machine& machine) const {
  const auto event = machine.qmp().wait_event("GATEHOUSE_PARTITION_ALERT", kLimit);
  if (!event) return "";
  if (event->at("data").at("partition") != id_)
    throw lab::Failure("not an alert of " + id_ + ": " + event->dump());
  return event->at("data").at("text");
}

}  // namespace gatehouse::registers
