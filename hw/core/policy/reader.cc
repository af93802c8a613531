// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/reader.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "hw/core/policy/references.hh"
#include "hw/core/policy/sax.hh"
#include "hw/core/policy/shipped_formats.hh"

namespace gatehouse::policy {
namespace {

Status error_at(std::string_view text, std::string_view file_name, size_t offset,
                const std::string& words) {
  const Place place = place_of(text, offset);
  return Status::error(std::string(file_name) + ":" + std::to_string(place.line) + ":" +
                       std::to_string(place.column) + ": " + words);
}

Status too_large(std::string_view file_name, size_t limit) {
  return Status::error(std::string(file_name) + ": larger than the " + std::to_string(limit >> 20) +
                       " MiB that a policy may have; join mappings into prefixes");
}

Status file_error(const std::string& path, const char* what, int error) {
  return Status::error(path + ": " + what + ": " + std::strerror(error));
}

template <class Part>
void take_over(Part& part, const Part& from) {
  if (part == Part{}) part = from;
}

// A format says nothing of what its kind says already.
void take_over(Format& format, const Format& kind) {
  take_over(format.protocol, kind.protocol);
  if (format.has_ports()) take_over(format.port, kind.port);
  take_over(format.header, kind.header);
  take_over(format.id, kind.id);
  take_over(format.tenant, kind.tenant);
  take_over(format.flow, kind.flow);
  take_over(format.inner, kind.inner);
  take_over(format.ether_type, kind.ether_type);
  take_over(format.checksum, kind.checksum);
  take_over(format.length, kind.length);
  take_over(format.total_length, kind.total_length);
  take_over(format.option_length, kind.option_length);
  take_over(format.option_kind, kind.option_kind);
  take_over(format.option_critical, kind.option_critical);
  take_over(format.any_critical, kind.any_critical);
  if (format.protocol != Format::kTcp) return;
  take_over(format.offload, kind.offload);
  take_over(format.segments, kind.segments);
}

bool is_there(std::string_view text, const Path& path) {
  Path parent = path;
  parent.pop_back();
  return offset_of_path(text, path) != offset_of_path(text, parent);
}

// Of a format's member that stands in no file.
std::string whose_words(std::string_view text, const Policy& policy, const Finding& finding) {
  const Path& path = finding.path;
  if (path.size() != 3 || path[0].member != "formats") return {};
  const std::string& kind = policy.formats[path[1].index].kind;
  if (kind.empty() || is_there(text, path)) return {};
  const bool remove = finding.problem.find("remove it") != std::string::npos;
  // These are for the file to say.
  if (!remove && (path[2].member == "port" || path[2].member == "header")) return {};
  return " (it comes with \"kind\": \"" + kind + "\"" +
         (remove ? ": describe the format without)" : ")");
}

// What absence means when it depends on other members.
void fill_in(Policy& policy) {
  for (Format& format : policy.formats) {
    if (const Format* kind = shipped_format(format.kind)) take_over(format, *kind);
    if (format.protocol == 0) format.protocol = Format::kUdp;
    if (format.inner == Inside::kEthernetSaid) format.inner = Inside::kEthernet;
  }
  for (Tenant& tenant : policy.tenants) {
    if (tenant.format.empty()) tenant.format = "geneve";
  }
}

// The shipped formats that are always there, and those that a tenant names and no declared one is
// called.
void add_shipped(Policy& policy) {
  std::vector<Format> formats;
  for (size_t i = 0; i < shipped_formats().size(); ++i) {
    const Format& format = shipped_formats()[i];
    if (i < kBuiltinFormats || uses_shipped(policy, format.name)) formats.push_back(format);
  }
  policy.formats.insert(policy.formats.begin(), formats.begin(), formats.end());
}

}  // namespace

Result<Policy> read_policy(std::string_view json_text, std::string_view file_name,
                           const ReadLimits& limits) {
  if (json_text.size() > limits.octets) return too_large(file_name, limits.octets);
  if (json_text.empty()) {
    return error_at(json_text, file_name, 0, "the file is empty; a policy is a JSON object");
  }
  // The library takes it for the end of the text.
  if (const size_t at = json_text.find('\0'); at != std::string_view::npos)
    return error_at(json_text, file_name, at, "not JSON: a NUL octet; remove it");
  Policy policy;
  SchemaReader reader(policy);
  const char* begin = json_text.data();
  const bool well_formed = nlohmann::json::sax_parse(begin, begin + json_text.size(), &reader);
  if (!well_formed) {
    const size_t offset =
        reader.is_syntax() ? reader.where() : offset_of_token(json_text, reader.where());
    const std::string place = reader.is_syntax() ? std::string() : to_string(reader.path()) + ": ";
    return error_at(json_text, file_name, offset, place + reader.problem());
  }
  fill_in(policy);
  if (const std::optional<Finding> finding = check_references(policy)) {
    return error_at(json_text, file_name, offset_of_path(json_text, finding->path),
                    to_string(finding->path) + ": " + finding->problem +
                        whose_words(json_text, policy, *finding));
  }
  add_shipped(policy);
  return Result<Policy>(std::move(policy));
}

Result<Policy> read_policy_file(const std::string& path, const ReadLimits& limits) {
  // O_NONBLOCK: a FIFO must not stop the caller before fstat tells what it is.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return file_error(path, "can't open the policy", errno);
  struct stat info;
  Status status;
  std::string text;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    status = Status::error(path + ": not a regular file; name a JSON file");
  } else if (static_cast<uint64_t>(info.st_size) > limits.octets) {
    status = too_large(path, limits.octets);
  } else {
    text.resize(static_cast<size_t>(info.st_size));
    size_t length = 0;
    while (length < text.size()) {
      const ssize_t octets = read(file, text.data() + length, text.size() - length);
      if (octets < 0 && errno == EINTR) continue;
      if (octets < 0) status = file_error(path, "can't read the policy", errno);
      if (octets <= 0) break;
      length += static_cast<size_t>(octets);
    }
    text.resize(length);
  }
  close(file);
  if (!status.ok()) return status;
  return read_policy(text, path, limits);
}

}  // namespace gatehouse::policy
