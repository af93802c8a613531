// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/docs/docs.hh"

#include <cstdio>
#include <fstream>
#include <sstream>

#include "tools/docs/counters_page.hh"
#include "tools/docs/formats_page.hh"
#include "tools/docs/fuzz_page.hh"
#include "tools/docs/isolation_page.hh"
#include "tools/docs/policy_page.hh"
#include "tools/docs/qmp_page.hh"
#include "tools/docs/register_reference.hh"

namespace gatehouse::docs {
namespace {

struct Page {
  const char* name;
  std::string (*text)();
  const char* path;  // from the root of the tree
};

constexpr Page kPages[] = {
#include "tools/docs/pages.inc"
};

int usage() {
  std::fputs("usage: gatehouse-tool docs [--check | PAGE [FILE]]\npages:", stderr);
  for (const Page& page : kPages) std::fprintf(stderr, " %s", page.name);
  std::fputs("\n", stderr);
  return 2;
}

bool current(const std::string& path, const std::string& wanted) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream found;
  found << file.rdbuf();
  return file && found.str() == wanted;
}

int check() {
  int status = 0;
  for (const Page& page : kPages) {
    if (current(page.path, page.text())) continue;
    std::fprintf(stderr, "%s is not what the tables say: write it anew with ./gatehouse docs\n",
                 page.path);
    status = 1;
  }
  return status;
}

int write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) {
    std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
    return 1;
  }
  std::printf("%s\n", path.c_str());
  return 0;
}

int write_all() {
  for (const Page& page : kPages) {
    if (const int status = write(page.path, page.text()); status != 0) return status;
  }
  return 0;
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return write_all();
  if (arguments[0] == "--check") return arguments.size() == 1 ? check() : usage();
  for (const Page& page : kPages) {
    if (arguments[0] != page.name || arguments.size() > 2) continue;
    const std::string text = page.text();
    if (arguments.size() == 2) return write(arguments[1], text);
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
  }
  return usage();
}

}  // namespace gatehouse::docs
