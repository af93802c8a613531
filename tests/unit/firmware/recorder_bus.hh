// SPDX-License-Identifier: GPL-2.0-or-later
// A bus of registers that writes down what is done to it. All copies are the same bus.
#ifndef GATEHOUSE_TESTS_UNIT_FIRMWARE_RECORDER_BUS_HH_
#define GATEHOUSE_TESTS_UNIT_FIRMWARE_RECORDER_BUS_HH_

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

namespace gatehouse::hal {

class RecorderBus {
 public:
  using Write = std::tuple<uint64_t, unsigned, uint64_t>;  // offset, octets, value

  template <class T>
  T read(uint64_t offset) const {
    T value{};
    for (size_t i = 0; i < sizeof(T); ++i) {
      const auto at = state_->octets.find(offset + i);
      if (at != state_->octets.end()) value |= static_cast<T>(T{at->second} << (8 * i));
    }
    return value;
  }
  template <class T>
  void write(uint64_t offset, T value) const {
    state_->writes.emplace_back(offset, sizeof(T), value);
    put(offset, &value, sizeof value);
  }

  // The hardware's side.
  void put(uint64_t offset, const void* from, size_t octets) const {
    for (size_t i = 0; i < octets; ++i)
      state_->octets[offset + i] = static_cast<const uint8_t*>(from)[i];
  }
  template <class T>
  void set(uint64_t offset, T value) const {
    put(offset, &value, sizeof value);
  }
  const std::vector<Write>& writes() const { return state_->writes; }

 private:
  struct State {
    std::map<uint64_t, uint8_t> octets;
    std::vector<Write> writes;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_TESTS_UNIT_FIRMWARE_RECORDER_BUS_HH_
