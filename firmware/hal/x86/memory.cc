// SPDX-License-Identifier: GPL-2.0-or-later
// The C names of firmware/hal/memory.hh. This file is compiled so that the compiler does not
// recognize the loops as what they are, which would be calls of themselves.
#include "firmware/hal/memory.hh"

using namespace gatehouse;  // NOLINT: its functions

extern "C" {

void* memcpy(void* to, const void* from, size_t octets) {
  hal::move(to, from, octets);
  return to;
}
void* memmove(void* to, const void* from, size_t octets) {
  hal::move(to, from, octets);
  return to;
}
void* memset(void* to, int value, size_t octets) {
  hal::fill(to, static_cast<uint8_t>(value), octets);
  return to;
}
int memcmp(const void* a, const void* b, size_t octets) { return hal::compare(a, b, octets); }
// string_view's find() and length are made of these.
void* memchr(const void* from, int value, size_t octets) {
  const uint8_t* at = static_cast<const uint8_t*>(from);
  for (const uint8_t* const end = at + octets; at != end; ++at) {
    if (*at == static_cast<uint8_t>(value)) return const_cast<uint8_t*>(at);
  }
  return nullptr;
}
size_t strlen(const char* text) {
  size_t octets = 0;
  while (text[octets] != 0) ++octets;
  return octets;
}

}  // extern "C"
