// SPDX-License-Identifier: GPL-2.0-or-later
// RFC 4648 base64 (standard alphabet, padding required): the agent's protocol carries arbitrary
// bytes in it.
#ifndef GUEST_IMAGES_AGENT_BASE64_HH_
#define GUEST_IMAGES_AGENT_BASE64_HH_

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::agent {

std::string base64_encode(std::string_view bytes);

// Nothing if the text holds a foreign character, its length is no multiple of four or its padding
// is wrong.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace gatehouse::agent

#endif  // GUEST_IMAGES_AGENT_BASE64_HH_
