// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/shipped_formats.hh"

#include <algorithm>
#include <cassert>

#include "hw/core/policy/sax.hh"

namespace gatehouse::policy {
namespace {

// RFC 7348; RFC 8926; RFC 2784 and RFC 2890, as gretap sends it with a key, without and with a
// checksum; RFC 7637; after US 9,385,912's UDP example, 20 octets with the UDP header: an
// identifier, source slot, target slot; draft-davie-stt-08, and the same header on a port of our
// own in front of frames of one segment, larger ones after US 9,602,636; RFC 8086, which is what
// Linux' fou sends; GRE behind draft-ietf-intarea-gue without extensions; GRE as tunnels of IP have
// it, with a key; RFC 2003.
constexpr std::string_view kText = R"({"formats": [
  {"name": "vxlan", "protocol": 17, "port": 4789, "header": "08000000 00000000", "id": ["0:08/08"], "tenant": "4:24"},
  {"name": "geneve", "protocol": 17, "port": 6081, "header": "00006558 00000000", "id": ["0:00006558/c080ffff"],
   "tenant": "4:24", "length": "0.2:6*4+8",
   "option_length": "3.3:5*4+4", "option_kind": "0:24", "option_critical": "2:1", "any_critical": "1.1:1"},
  {"name": "gre", "protocol": 47, "header": "20006558 00000000", "id": ["0:20006558/fc07ffff"], "tenant": "4:32"},
  {"name": "gre-checksum", "protocol": 47, "header": "a0006558 00000000 00000000", "id": ["0:a0006558/fc07ffff"],
   "checksum": "4:16", "tenant": "8:32"},
  {"name": "nvgre", "protocol": 47, "header": "20006558 00000000", "id": ["0:20006558/fc07ffff"],
   "tenant": "4:24", "flow": "7:8"},
  {"name": "slot", "protocol": 17, "port": 9385, "header": "534c4f54 00000000 00000000", "id": ["0:534c4f54"],
   "tenant": "8:32"},
  {"name": "stt", "protocol": 6, "port": 7471, "header": "00000000 00000000 00000000 00000000 0000",
   "id": ["0:0000000000000000/ff00000000001000"], "tenant": "8:64", "offload": "1:40"},
  {"name": "stt-redundant", "protocol": 6, "port": 7472, "header": "00000000 00000000 00000000 00000000 0000",
   "id": ["0:0000000000000000/ff00000000001000"], "tenant": "8:64", "offload": "1:40", "segments": "redundant"},
  {"name": "gre-udp", "protocol": 17, "port": 4754, "header": "20006558 00000000", "id": ["0:20006558/fc07ffff"],
   "tenant": "4:32"},
  {"name": "gue", "protocol": 17, "port": 6080, "header": "002f0000 20006558 00000000",
   "id": ["0:002f000020006558/fffffffffc07ffff"], "tenant": "8:32"},
  {"name": "gre-ip", "protocol": 47, "header": "20000000 00000000", "id": ["0:2000/fc07"],
   "inner": "ip", "ether_type": "2:16", "tenant": "4:32"},
  {"name": "ipip", "protocol": 4, "header": "", "inner": "ipv4"}
]})";

}  // namespace

std::string_view shipped_formats_text() { return kText; }

const std::vector<Format>& shipped_formats() {
  static const std::vector<Format> kFormats = [] {
    Policy policy;
    SchemaReader reader(policy);
    const bool read = nlohmann::json::sax_parse(kText.data(), kText.data() + kText.size(), &reader);
    assert(read);
    static_cast<void>(read);
    return policy.formats;
  }();
  return kFormats;
}

const Format* shipped_format(std::string_view name) {
  const std::vector<Format>& all = shipped_formats();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Format& format) { return format.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace gatehouse::policy
