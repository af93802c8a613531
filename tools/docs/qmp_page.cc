// SPDX-License-Identifier: GPL-2.0-or-later
// From hw/qemu/gatehouse.json, which QEMU's own generator checks when QEMU is built: what is not
// documented there, or not as QAPI has it, does not build. So nothing is checked here.
#include "tools/docs/qmp_page.hh"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

namespace gatehouse::docs {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema =
#include "qmp_text.inc"
    ;

constexpr char kHead[] = R"(# QMP commands and events

Made by `gatehouse-tool docs qmp` from hw/qemu/gatehouse.json: do not edit.

A machine with Gatehouse's devices has these beside QEMU's own; `query-qmp-schema` tells them too. What stands in brackets may be
left out, or is not always there. Names of counters and drop reasons: [counters.md](counters.md).
)";

// A definition with its documentation.
struct Entry {
  std::string kind, name, text, returns, example;
  std::map<std::string, std::string> members;  // what is said of each
  Json body;
};

std::string_view next_line(std::string_view& left) {
  const size_t end = left.find('\n');
  const std::string_view line = left.substr(0, end);
  left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  return line;
}

void add_words(std::string& text, std::string_view words) {
  words.remove_prefix(std::min(words.find_first_not_of(' '), words.size()));
  if (words.empty()) return;
  if (!text.empty()) text += ' ';
  for (const char c : words)
    if (c != ' ' || !text.ends_with(' ')) text += c;  // QAPI wants two behind a sentence
}

// Lines between two `##`. False: a heading.
bool read_comment(std::string_view& left, Entry& entry) {
  std::string* to = &entry.text;
  bool example = false;
  while (!left.empty()) {
    std::string_view line = next_line(left);
    if (line == "##") break;
    line.remove_prefix(std::min<size_t>(line.starts_with("# ") ? 2 : 1, line.size()));
    if (line.starts_with(".. qmp-example::")) {
      example = true;
    } else if (example) {
      if (!line.empty()) line.remove_prefix(std::min<size_t>(4, line.size()));
      if (!line.empty() || !entry.example.empty()) entry.example += std::string(line) + "\n";
    } else if (line.starts_with("Since:")) {
      to = nullptr;
    } else if (line.starts_with("Returns:")) {
      to = &entry.returns;
      add_words(*to, line.substr(8));
    } else if (line.starts_with("@") && line.find(':') != std::string_view::npos) {
      const std::string name(line.substr(1, line.find(':') - 1));
      if (entry.name.empty()) {
        entry.name = name;
        continue;
      }
      to = &entry.members[name];
      add_words(*to, line.substr(name.size() + 2));
    } else if (to != nullptr) {
      add_words(*to, line);
    }
  }
  return !entry.name.empty();
}

// Python's quotes are JSON's but for their form.
Json read_definition(std::string_view& left) {
  std::string text;
  int depth = 0;
  do {
    const std::string_view line = next_line(left);
    depth += static_cast<int>(std::ranges::count(line, '{') - std::ranges::count(line, '}'));
    text += std::string(line) + "\n";
  } while (depth != 0 && !left.empty());
  std::ranges::replace(text, '\'', '"');
  return Json::parse(text);
}

std::vector<Entry> read_schema() {
  std::vector<Entry> entries;
  for (std::string_view left = kSchema; !left.empty();) {
    if (next_line(left) != "##") continue;
    Entry entry;
    if (!read_comment(left, entry)) continue;
    entry.body = read_definition(left);
    entry.kind = entry.body.begin().key();
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// One of ours is a link.
std::string type_of(const Json& type) {
  if (type.is_array()) return "list of " + type_of(type[0]);
  const std::string name = type;
  if (!name.starts_with("Gatehouse")) return "`" + name + "`";
  return "[" + name + "](#" + lower(name) + ")";
}

std::string table_of(const Entry& entry, const char* heading) {
  if (!entry.body.contains("data")) return {};
  const Json& data = entry.body["data"];
  const auto said = [&](const std::string& name) {
    const auto found = entry.members.find(name);
    return found == entry.members.end() ? std::string() : found->second;
  };
  if (data.is_array()) {
    std::string text = "\n| value | |\n|---|---|\n";
    for (const std::string name : data) text += "| `" + name + "` | " + said(name) + " |\n";
    return text;
  }
  std::string text = std::string("\n| ") + heading + " | type | |\n|---|---|---|\n";
  for (const auto& [key, type] : data.items()) {
    const bool optional = key.starts_with('*');
    const std::string name = key.substr(optional ? 1 : 0);
    text += "| " + (optional ? "[`" + name + "`]" : "`" + name + "`") + " | " + type_of(type) +
            " | " + said(name) + " |\n";
  }
  return text;
}

std::string section(const Entry& entry, const char* heading) {
  std::string text = "\n### " + entry.name + "\n\n" + entry.text + "\n" + table_of(entry, heading);
  if (entry.body.contains("returns"))
    text += "\nReturns " + entry.returns + ": " + type_of(entry.body["returns"]) + ".\n";
  if (!entry.example.empty()) text += "\n```\n" + entry.example + "```\n";
  return text;
}

std::string sections(const std::vector<Entry>& entries, const char* title,
                     std::initializer_list<std::string_view> kinds, const char* heading) {
  std::string text = std::string("\n## ") + title + "\n";
  for (const Entry& entry : entries)
    if (std::ranges::find(kinds, entry.kind) != kinds.end()) text += section(entry, heading);
  return text;
}

}  // namespace

std::string qmp_page() {
  const std::vector<Entry> entries = read_schema();
  return kHead + sections(entries, "Commands", {"command"}, "argument") +
         sections(entries, "Events", {"event"}, "member") +
         sections(entries, "Types", {"struct", "enum"}, "member");
}

}  // namespace gatehouse::docs
