// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/capture/file_sink.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace gatehouse::capture {
namespace {

Status failed(const std::string& path, const char* what, int error) {
  return Status::error(path + ": " + what + ": " + std::strerror(error));
}

}  // namespace

Result<std::unique_ptr<FileSink>> FileSink::create(const std::string& path) {
  // Guests' traffic is nobody else's business: 0600. O_NONBLOCK: a FIFO without a reader must not
  // stop the card.
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  if (file < 0) return failed(path, "can't write the capture", errno);
  std::unique_ptr<FileSink> sink(new FileSink(path, file));
  struct stat info;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    return Status::error(path + ": not a regular file; name a file that may be overwritten");
  }
  if (ftruncate(file, 0) != 0) return failed(path, "can't empty the file", errno);
  return Result<std::unique_ptr<FileSink>>(std::move(sink));
}

FileSink::~FileSink() { close(file_); }

Status FileSink::append(std::span<const uint8_t> octets) {
  size_t written = 0;
  while (written < octets.size()) {
    const ssize_t count = pwrite(file_, octets.data() + written, octets.size() - written,
                                 end_ + static_cast<off_t>(written));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const Status status = failed(path_, "can't write the capture", count < 0 ? errno : ENOSPC);
      // Readers stumble over half a block; when even this fails they still read all blocks before
      // it.
      if (ftruncate(file_, end_) != 0) return status;
      return status;
    }
    written += static_cast<size_t>(count);
  }
  end_ += static_cast<off_t>(octets.size());
  return {};
}

}  // namespace gatehouse::capture
