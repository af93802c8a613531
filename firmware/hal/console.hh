// SPDX-License-Identifier: GPL-2.0-or-later
// The partition's console and its alerts. Whole lines stay whole, whichever core writes them.
#ifndef GATEHOUSE_FIRMWARE_HAL_CONSOLE_HH_
#define GATEHOUSE_FIRMWARE_HAL_CONSOLE_HH_

#include <optional>
#include <string_view>

#include "firmware/hal/text.hh"

namespace gatehouse::hal {

// `text` lies in private RAM, as everything of the firmware's does.
void write_console(std::string_view text);
// An octet of input. Nothing: there is none now.
std::optional<char> read_console();
// An event GATEHOUSE_PARTITION_ALERT for the manager; what is beyond 1024 octets is cut off.
void alert(std::string_view text);
// For a core that will not go on: all of it to the console, the first line as an alert. Does not
// wait long for another that holds the console.
void write_last_words(std::string_view text);

// A line of up to 256 octets, of Text's parts.
template <class... Parts>
void print(const Parts&... parts) {
  Text<256> line;
  line.add(parts...);
  write_console(line.view());
}

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_CONSOLE_HH_
