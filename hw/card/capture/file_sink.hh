// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_HW_CARD_CAPTURE_FILE_SINK_HH_
#define GATEHOUSE_HW_CARD_CAPTURE_FILE_SINK_HH_

#include <sys/types.h>

#include <memory>
#include <string>

#include "hw/card/capture/byte_sink.hh"

namespace gatehouse::capture {

// A regular file, made anew. Owns the descriptor; without buffer (the caller has one).
class FileSink final : public ByteSink {
 public:
  static Result<std::unique_ptr<FileSink>> create(const std::string& path);
  ~FileSink() override;
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  Status append(std::span<const uint8_t> octets) override;

 private:
  FileSink(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_;
  off_t end_ = 0;
};

}  // namespace gatehouse::capture

#endif  // GATEHOUSE_HW_CARD_CAPTURE_FILE_SINK_HH_
