// SPDX-License-Identifier: GPL-2.0-or-later
// How configuration code reports failure. The packet path does not use this: a frame ends with a
// spec::DropReason.
#ifndef GATEHOUSE_HW_CORE_BASE_STATUS_HH_
#define GATEHOUSE_HW_CORE_BASE_STATUS_HH_

#include <optional>
#include <string>
#include <utility>

namespace gatehouse {

// Empty message = success. The message names what is wrong and how to mend it, in one line.
class [[nodiscard]] Status {
 public:
  Status() = default;
  static Status error(std::string message) { return Status(std::move(message)); }
  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }

 private:
  explicit Status(std::string message) : message_(std::move(message)) {}
  std::string message_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) {}  // NOLINT: implicit on purpose
  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() { return *value_; }
  const T& value() const { return *value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_STATUS_HH_
