// SPDX-License-Identifier: GPL-2.0-or-later
// Saved state: one function `archive(Archive&)` per class describes what is saved and loads it
// again, so that save and load cannot drift. Integers are little-endian. Loading treats the bytes
// as hostile: past the end, or a section with another name or version, makes the archive bad and
// every later read yields zero; the caller checks ok() once at the end.
#ifndef GATEHOUSE_HW_CORE_BASE_ARCHIVE_HH_
#define GATEHOUSE_HW_CORE_BASE_ARCHIVE_HH_

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "hw/core/base/bytes.hh"

namespace gatehouse {

// A time on the virtual clock, in ns, to which a time to wait can be added: what a saved state may
// say.
constexpr bool is_time(int64_t ns) { return ns >= 0 && ns <= INT64_MAX / 4; }

class Archive {
 public:
  Archive() = default;  // saves
  explicit Archive(std::span<const uint8_t> from) : from_(from), loading_(true) {}

  bool loading() const { return loading_; }
  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  bool at_end() const { return position_ == from_.size(); }
  // What loading finds wrong itself, in words for people; the first one stays.
  void fail(std::string error) {
    if (error_.empty()) error_ = std::move(error);
  }

  // A named part with a version. Returns the version that is stored (loading) or given (saving).
  uint32_t section(const char* name, uint32_t version) {
    uint32_t tag = 2166136261u;  // FNV-1a of the name
    for (const char* c = name; *c; ++c) tag = (tag ^ static_cast<uint8_t>(*c)) * 16777619u;
    uint32_t stored = tag;
    (*this)(stored);
    if (stored != tag) fail(std::string("saved state: section '") + name + "' expected");
    uint32_t stored_version = version;
    (*this)(stored_version);
    if (stored_version == 0 || stored_version > version) {
      fail(std::string("saved state: section '") + name + "' has an unknown version");
    }
    return stored_version;
  }

  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void operator()(T& value) {
    using Unsigned = typename UnsignedOf<sizeof(T)>::Type;
    uint8_t raw[sizeof(T)];
    if (!loading_) store_le<Unsigned>(raw, static_cast<Unsigned>(value));
    octets(raw, sizeof raw);
    if (loading_) {
      if constexpr (std::is_same_v<T, bool>) {
        value = raw[0] != 0;
      } else {
        value = static_cast<T>(load_le<Unsigned>(raw));
      }
    }
  }
  template <class T, size_t N>
  void operator()(std::array<T, N>& values) {
    for (T& value : values) (*this)(value);
  }
  template <class T, size_t N>
  void operator()(T (&values)[N]) {
    for (T& value : values) (*this)(value);
  }
  // A byte string of variable length; refuses more than `limit` when loading.
  void operator()(std::vector<uint8_t>& value, uint32_t limit) {
    uint32_t length = static_cast<uint32_t>(value.size());
    (*this)(length);
    if (loading_) {
      if (length > limit || length > from_.size() - position_) {
        fail("saved state: byte string too long");
        length = 0;
      }
      value.resize(length);
    }
    octets(value.data(), length);
  }
  void octets(uint8_t* data, size_t length) {
    if (length == 0) return;
    if (!loading_) {
      bytes_.insert(bytes_.end(), data, data + length);
      return;
    }
    if (!ok() || length > from_.size() - position_) {
      fail("saved state: cut off");
      std::memset(data, 0, length);
      return;
    }
    std::memcpy(data, from_.data() + position_, length);
    position_ += length;
  }

 private:
  template <size_t N>
  struct UnsignedOf;

  std::span<const uint8_t> from_;
  size_t position_ = 0;
  std::vector<uint8_t> bytes_;
  std::string error_;
  bool loading_ = false;
};

template <>
struct Archive::UnsignedOf<1> {
  using Type = uint8_t;
};
template <>
struct Archive::UnsignedOf<2> {
  using Type = uint16_t;
};
template <>
struct Archive::UnsignedOf<4> {
  using Type = uint32_t;
};
template <>
struct Archive::UnsignedOf<8> {
  using Type = uint64_t;
};

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_ARCHIVE_HH_
