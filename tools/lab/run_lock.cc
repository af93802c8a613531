// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/run_lock.hh"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::lab {

RunLock::RunLock(const std::string& name) {
  const std::string folder = Build::directory() + "/logs", path = folder + "/" + name + ".lock";
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  file_ = common::Descriptor(open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file_) throw Failure("cannot write " + path + ": " + strerror(errno));
  if (flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return;
  std::fprintf(stderr, "gatehouse %s: another one runs in this checkout; waiting for it\n",
               name.c_str());
  while (flock(file_.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw Failure("cannot lock " + path + ": " + strerror(errno));
  }
}

}  // namespace gatehouse::lab
