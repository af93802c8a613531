// SPDX-License-Identifier: GPL-2.0-or-later
// Wrong descriptions of formats, and what is said about each.
#include "hw/core/policy/format_rules.hh"

#include <gtest/gtest.h>

#include <string>

#include "hw/core/policy/places.hh"
#include "hw/core/policy/reader.hh"
#include "hw/core/policy/schema.hh"
#include "hw/core/policy/shipped_formats.hh"

namespace gatehouse::policy {
namespace {

TEST(ShippedFormats, AreAllRightAndAllKnownWords) {
  std::string names;
  for (const Format& format : shipped_formats()) {
    const auto found = check_format(format);
    EXPECT_FALSE(found) << format.name << ": " << found->member << ": " << found->problem;
    names += (names.empty() ? "" : "|") + format.name;
  }
  for (const Member& member : members(Object::kFormat)) {
    if (std::string(member.name) == "kind") {
      EXPECT_EQ(member.keywords, names);
    }
  }
  ASSERT_GE(shipped_formats().size(), kBuiltinFormats);
  EXPECT_EQ(shipped_formats()[0].name, "vxlan");
  EXPECT_EQ(shipped_formats()[1].name, "geneve");
}

struct Row {
  const char* description;
  const char* format;  // members behind the name
  const char* error;   // behind "formats[0]"
};

const Row kRows[] = {
    {"nothing at all", "\"ttl\": 9",
     ": \"kind\" is missing; add one like \"kind\": \"geneve\", or describe the format"},
    {"protocol of IP itself", R"("protocol": 43, "header": "00")",
     ".protocol: protocol 43 is not for tunnels; write 17 for UDP, 6 for a TCP-shaped header, or a "
     "tunnel's own like 47"},
    {"UDP without a port", R"("header": "00")",
     ".port: the UDP port is missing or 0; write one from 1 to 65535"},
    {"a port without ports", R"("protocol": 47, "port": 5, "header": "00")",
     ".port: protocol 47 has no ports; remove it, or write \"protocol\": 17"},
    {"a UDP checksum without UDP", R"("kind": "gre", "udp_checksum": true)",
     ".udp_checksum: only UDP has this checksum; remove it, or write \"protocol\": 17"},
    {"empty header", R"("protocol": 97, "header": "", "tenant": "0:8")",
     ".header: 0 octets are no tunnel header; write 1 to 48"},
    {"no header", R"("protocol": 97, "length": "0:8")",
     ".header: 0 octets are no tunnel header; write 1 to 48"},
    {"an id that tells nothing", R"("protocol": 97, "header": "0000", "id": ["0:0000/0000"])",
     ".id: the mask leaves nothing to be told by; set some of its bits"},
    {"another header for the kind's id",
     R"("kind": "vxlan", "port": 9, "header": "0000000000000000")",
     ".id: \"header\" has other bits at octet 0, so that the card would not know its own frames; "
     "make the two agree (it comes with \"kind\": \"vxlan\")"},
    {"an option that can't tell its length",
     R"("protocol": 97, "header": "00000000", "length": "0:8", "option_length": "3:1")",
     ".option_length: it can't tell the 4 octets of an option's header; correct bits, unit or "
     "addend"},
    {"an option's length in its kind",
     R"("protocol": 97, "header": "00000000", "length": "0:8", "option_length": "0:8", "option_kind": "0:32")",
     ".option_length: 0:8 has bits that tell what the option is; move one"},
    {"an option's header without end",
     R"("protocol": 97, "header": "00000000", "length": "0:8", "option_length": "8:8")",
     ".option_length: 8:8 ends behind the 8 octets of an option's header at most; correct "
     "it"},
    {"long header",
     R"("protocol": 97, "header": "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000")",
     ".header: 49 octets are no tunnel header; write 1 to 48"},
    {"field behind the header", R"("protocol": 97, "header": "00000000", "tenant": "2:24")",
     ".tenant: 2:24 ends behind the 4 octets of \"header\"; correct it, or lengthen those"},
    {"field with too many bits", R"("protocol": 97, "header": "0000000000000000", "flow": "0:33")",
     ".flow: 33 bits are too many; write at most 32"},
    {"field over nine octets",
     R"("protocol": 97, "header": "000000000000000000", "tenant": "0.4:64")",
     ".tenant: 0.4:64 touches more than 8 octets; begin at a whole octet"},
    {"fields that overlap",
     R"("protocol": 97, "header": "0000000000000000", "tenant": "0:24", "flow": "2:8")",
     ".flow: 2:8 has bits at octet 2 that another field or \"id\" has too; move one"},
    {"a field in the id",
     R"("protocol": 97, "header": "0000000000000000", "id": ["0:00/01"], "tenant": "0:24")",
     ".tenant: 0:24 has bits at octet 0 that another field or \"id\" has too; move one"},
    {"id behind the header", R"("protocol": 97, "header": "0000", "id": ["1:0000"])",
     ".id: octets 1 to 2 are not all in the 2 octets of \"header\"; correct it, or lengthen those"},
    {"id that is not sent", R"("protocol": 97, "header": "0000", "id": ["1:08/08"])",
     ".id: \"header\" has other bits at octet 1, so that the card would not know its own frames; "
     "make the two agree"},
    {"id outside its mask", R"("protocol": 97, "header": "00ff", "id": ["1:0f/08"])",
     ".id: the value has bits at octet 1 that the mask leaves out; clear them or set the mask's"},
    {"a tenant in the header", R"("kind": "vxlan", "port": 9, "header": "08000000 00000100")",
     ".header: it has bits at octet 6, where \"tenant\" stands, which the card fills in; write "
     "zeros for 4:24"},
    {"a flow in the header", R"("protocol": 97, "header": "00000001", "flow": "2:16")",
     ".header: it has bits at octet 3, where \"flow\" stands, which the card fills in; write "
     "zeros for 2:16"},
    {"a checksum in the header", R"("protocol": 97, "header": "00008000", "checksum": "2:16")",
     ".header: it has bits at octet 2, where \"checksum\" stands, which the card fills in; write "
     "zeros for 2:16"},
    {"a length in the header, be it right",
     R"("protocol": 97, "header": "04000000", "length": "0:8")",
     ".header: it has bits at octet 0, where \"length\" stands, which the card fills in; write "
     "zeros for 0:8"},
    {"a total length in the header",
     R"("protocol": 97, "header": "00000040", "total_length": "2:16")",
     ".header: it has bits at octet 3, where \"total_length\" stands, which the card fills in; "
     "write zeros for 2:16"},
    {"every frame's is TCP, with an MSS of 16",
     R"("kind": "stt", "port": 9000, "header": "000c2200 00100000 00000000 00000000 0000")",
     ".header: it has bits at octet 1, where \"offload\" stands, which the card fills in; write "
     "zeros for 1:40"},
    {"an EtherType in the header", R"("kind": "gre-ip", "header": "20000800 00000000")",
     ".header: it has bits at octet 2, where \"ether_type\" stands, which the card fills in; "
     "write zeros for 2:16"},
    {"critical options in the header",
     R"("kind": "geneve", "port": 9, "header": "00406558 00000000")",
     ".header: it has bits at octet 1, where \"any_critical\" stands, which the card fills in; "
     "write zeros for 1.1:1"},
    {"checksum at an odd octet", R"("protocol": 97, "header": "00000000", "checksum": "1:16")",
     ".checksum: 1:16 is no checksum; write 16 bits at an even octet"},
    {"checksum of 8 bits", R"("protocol": 97, "header": "00000000", "checksum": "2:8")",
     ".checksum: 2:8 is no checksum; write 16 bits at an even octet"},
    {"length that can't tell the header",
     R"("protocol": 97, "header": "00000000", "length": "0:1")",
     ".length: it can't tell the 4 octets of \"header\"; correct bits, unit or addend"},
    {"length in units that do not fit",
     R"("protocol": 97, "header": "000000000000", "length": "0:8*4")",
     ".length: it can't tell the 6 octets of \"header\"; correct bits, unit or addend"},
    {"length that is always more", R"("protocol": 97, "header": "00000000", "length": "0:8+5")",
     ".length: it can't tell the 4 octets of \"header\"; correct bits, unit or addend"},
    {"total length of 8 bits", R"("protocol": 97, "header": "00000000", "total_length": "0:8")",
     ".total_length: it can't tell every length of a frame; write at least 16 bits, no unit, and "
     "no addend above the header's octets"},
    {"options that do not fit the length",
     R"("protocol": 97, "header": "00000000", "length": "0:3", "options": "0000000000")",
     ".options: 5 octets of options do not fit; write at most 3"},
    {"options between the units",
     R"("protocol": 97, "header": "00000000", "length": "0:8*4", "options": "0000")",
     ".options: 2 octets can't be told in units of 4; fill them up"},
    {"rules of options without room for any",
     R"("protocol": 97, "header": "00000000", "option_length": "0:8")",
     ".option_length: the header has one length, and no room for options; write where its "
     "\"length\" stands"},
    {"options without length",
     R"("protocol": 97, "header": "00000000", "length": "0:8", "option_kind": "0:8")",
     ".option_kind: options have no length; write \"option_length\""},
    {"critical, but what?",
     R"("protocol": 97, "header": "00000000", "length": "0:8", "option_length": "0:8", "option_critical": "1:1")",
     ".option_critical: nothing tells which options are known; write \"option_kind\""},
    {"an option that runs out",
     R"("protocol": 97, "header": "00000000", "length": "0:8", "option_length": "1:8", "options": "000300 0004 00")",
     ".options: the option at octet 3 is cut off, or tells less than its header; write whole "
     "options"},
    {"an option of no length",
     R"("protocol": 97, "header": "00000000", "length": "0:8", "option_length": "1:8", "options": "0000")",
     ".options: the option at octet 0 is cut off, or tells less than its header; write whole "
     "options"},
    {"flow without a field", R"("protocol": 97, "header": "0000", "entropy": "flow")",
     ".entropy: there is no flow field; write \"flow\", or another source"},
    {"source port without ports", R"("protocol": 97, "header": "0000", "entropy": "source_port")",
     ".entropy: protocol 97 has no ports; write \"flow\" or \"none\""},
    {"segments without a TCP shape", R"("kind": "gre", "segments": "redundant")",
     ".segments: only a TCP-shaped header has this; remove it, or write \"protocol\": 6"},
    {"offload without a TCP shape", R"("protocol": 97, "header": "0000000000", "offload": "0:40")",
     ".offload: only a TCP-shaped header has this; remove it, or write \"protocol\": 6"},
    {"offload where a kind has something else", R"("kind": "geneve", "port": 9, "offload": "1:40")",
     ".offload: only a TCP-shaped header has this; remove it, or write \"protocol\": 6"},
    {"too few bits of offload",
     R"("protocol": 6, "port": 9, "header": "0000000000", "offload": "0:16")",
     ".offload: 0:16 is not flags, L4 offset and MSS; write 40 bits at a whole octet"},
    {"redundant datagrams",
     R"("protocol": 6, "port": 9, "header": "00", "inner": "ip", "segments": "redundant")",
     ".segments: a redundant segment is of an Ethernet frame; remove \"inner\", or write "
     "\"stream\""},
    {"a stream with a checksum", R"("kind": "stt", "port": 9000, "checksum": "16:16")",
     ".checksum: a stream's segments have no tunnel header of their own to be summed with; remove "
     "it"},
    {"critical, but which",
     R"("protocol": 97, "header": "00000000", "length": "0:8", "option_length": "0:8", "any_critical": "3.7:1")",
     ".any_critical: nothing tells which options are critical; write \"option_critical\""},
    {"an unknown form", R"("kind": "stt", "segments": "three")",
     ".segments: \"three\" is not a known word; write \"stream\" or \"redundant\""},
    {"not a place", R"("tenant": "4")",
     ".tenant: \"4\" is not a place in a tunnel header; write octet:bits or octet.bit:bits like "
     "\"4:24\""},
    {"bit 8", R"("tenant": "4.8:2")",
     ".tenant: \"4.8:2\" is not a place in a tunnel header; write octet:bits or octet.bit:bits "
     "like \"4:24\""},
    {"not a length", R"("length": "0:8*0")",
     ".length: \"0:8*0\" is not a length in a tunnel header; write octet.bit:bits*unit+addend like "
     "\"0.2:6*4+8\""},
    {"mask of another length", R"("id": ["0:6558/ff"])",
     ".id[0]: \"0:6558/ff\" is not octets to be told by; write octet:value or, both of one length, "
     "octet:value/mask "
     "like \"0:00006558/c080ffff\""},
};

TEST(FormatRules, SayWhatIsWrongAndWhatToWrite) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.description);
    const std::string text = std::string("{\"formats\": [{\"name\": \"f\", ") + row.format + "}]}";
    const Result<Policy> result = read_policy(text, "p");
    ASSERT_FALSE(result.ok());
    const std::string message = result.status().message();
    const size_t at = message.find("formats[0]");
    ASSERT_NE(at, std::string::npos) << message;
    EXPECT_EQ(message.substr(at + 10), row.error);
  }
}

std::string read_tenants(const std::string& formats, const std::string& tenants) {
  return read_policy("{\"formats\": [" + formats + "], \"tenants\": [" + tenants + "]}", "p")
      .status()
      .message();
}

TEST(FormatRules, FormatsThatShareAnEndNeedAnIdThatTellsThemApart) {
  const std::string red = R"({"name": "red", "vni": 1, "format": "gre"})";
  EXPECT_EQ(read_tenants("", red + R"(, {"name": "b", "vni": 2, "format": "gre-checksum"})"), "");
  EXPECT_EQ(read_tenants("", red + R"(, {"name": "b", "vni": 2, "format": "nvgre"})"),
            "p:1:107: tenants[1].format: frames of \"nvgre\" can't be told from those of \"gre\", "
            "which tenants[0] has; take one for both");
  EXPECT_EQ(read_tenants(R"({"name": "x", "protocol": 47, "header": "0000"})", red),
            "p:1:40: formats[0].protocol: protocol 47 belongs to \"gre\" too, and no \"id\" tells "
            "the two apart; choose another protocol, or add one");
  EXPECT_EQ(
      read_tenants(R"({"name": "x", "protocol": 47, "header": "00004242", "id": ["2:4242"]})", red),
      "");
}

TEST(FormatRules, AFormatWithoutATenantHasOneNetworkEach) {
  const std::string formats = R"({"name": "one", "port": 7001, "header": "aa000000"}, )"
                              R"({"name": "same", "port": 7001, "header": "aa000000"}, )"
                              R"({"name": "two", "port": 7002, "header": "bb000000"})";
  const std::string red = R"({"name": "red", "vni": 0, "format": "one"}, )";
  EXPECT_EQ(read_tenants(formats, red + R"({"name": "b", "vni": 0, "format": "two"}, )"
                                        R"({"name": "c", "vni": 0, "format": "vxlan"})"),
            "");
  for (const char* format : {"one", "same"}) {
    EXPECT_EQ(
        read_tenants(formats, red + R"({"name": "b", "vni": 0, "format": ")" + format + "\"}"),
        "p:1:265: tenants[1].format: format \"" + std::string(format) +
            "\" has one network, which is tenants[0]'s; take another format, or one with "
            "\"tenant\"");
  }
}

TEST(FormatRules, AnIdWrittenInTwoPartsIsTheSame) {
  const std::string one =
      R"({"name": "a", "port": 7001, "header": "01c0de00", "id": ["0:01c0de"]})";
  const std::string two =
      R"({"name": "b", "port": 7001, "header": "01c0de00", "id": ["1:c0de", "0:01"]})";
  EXPECT_EQ(read_tenants(one + ", " + two, ""), "");
}

// No id is in a segment that is not the first.
TEST(FormatRules, RedundantSegmentsHaveAPortOfTheirOwn) {
  const auto format = [](const char* name, const char* id, const char* rest) {
    return std::string(R"({"name": ")") + name + R"(", "protocol": 6, "port": 9, "header": ")" +
           id + R"(", "id": ["0:)" + id + "\"]" + rest + "}";
  };
  const std::string one = format("a", "01", ""), other = format("b", "02", "");
  EXPECT_EQ(read_tenants(one + "," + other, ""), "");
  const std::string redundant = format("b", "02", R"(, "segments": "redundant")");
  EXPECT_NE(read_tenants(one + "," + redundant, "")
                .find("formats[1].port: port 9 belongs to \"a\" too, and no \"id\" is in redundant "
                      "segments; choose another port"),
            std::string::npos);
  EXPECT_EQ(read_tenants(
                format("a", "02", R"(, "ttl": 9, "segments": "redundant")") + "," + redundant, ""),
            "")
      << "read alike";
  EXPECT_EQ(read_tenants("", R"({"name": "r", "vni": 1, "format": "stt"},
                                {"name": "b", "vni": 2, "format": "stt-redundant"})"),
            "");
}

TEST(FormatRules, AVniFitsItsField) {
  const std::string format = R"({"name": "x", "protocol": 97, "header": "0000", "tenant": "1:8"})";
  EXPECT_EQ(read_tenants(format, R"({"name": "a", "vni": 255, "format": "x"})"), "");
  EXPECT_EQ(read_tenants(format, R"({"name": "a", "vni": 256, "format": "x"})"),
            "p:1:114: tenants[0].vni: VNI 256 does not fit the 8 bits that format \"x\" has for "
            "it; write at most 255");
}

TEST(FormatRules, AFormatWithoutAPlaceForVnisHasOneNetwork) {
  const std::string format = R"({"name": "x", "protocol": 97, "header": "0000"})";
  EXPECT_EQ(read_tenants(format, R"({"name": "a", "vni": 0, "format": "x"})"), "");
  for (const std::string name : {"x", "ipip"}) {
    const std::string error =
        read_tenants(format, R"({"name": "a", "vni": 100, "format": ")" + name + "\"}");
    EXPECT_NE(error.find("tenants[0].vni: format \"" + name +
                         "\" has no place for VNI 100; write 0, or take a format with \"tenant\""),
              std::string::npos)
        << error;
  }
}

// What is wrong may stand in no file.
TEST(FormatRules, WhatComesWithAKindIsSaidToDoSo) {
  EXPECT_EQ(
      read_tenants(R"({"name": "x", "kind": "gre-ip", "inner": "ethernet"})", ""),
      "p:1:14: formats[0].ether_type: an Ethernet frame has its own; write \"inner\": \"ip\", "
      "or remove it (it comes with \"kind\": \"gre-ip\": describe the format without)");
  // Not where it stands in the file, or is to be added.
  for (const char* format : {R"({"name": "x", "kind": "gre", "ether_type": "2:16"})",
                             R"({"name": "x", "kind": "gre", "protocol": 17})",
                             R"({"name": "x", "kind": "vxlan", "tenant": "4:16"})",
                             R"({"name": "x", "kind": "ipip", "inner": "ethernet"})"}) {
    const std::string error = read_tenants(format, "");
    EXPECT_NE(error, "") << format;
    EXPECT_EQ(error.find("(it"), std::string::npos) << error;
  }
}

// Formats are compared with each other, each with all of its ids.
TEST(FormatRules, AFormatIsToldByAFewIds) {
  const auto ids = [](size_t count) {
    std::string text = R"({"name": "x", "protocol": 97, "header": "08", "id": [)";
    for (size_t i = 0; i < count; ++i) text += i ? R"(, "0:08/08")" : R"("0:08/08")";
    return text + "]}";
  };
  EXPECT_EQ(read_tenants(ids(48), ""), "");
  EXPECT_EQ(read_tenants(ids(49), ""),
            "p:1:66: formats[0].id: 49 are too many; write at most 48, several octets in one");
}

std::string read_guests(const std::string& format, const std::string& rest) {
  return read_policy(
             R"({"formats": [{"name": "x", "protocol": 97, "header": "0000", "tenant": "1:8"}],
"uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.1.0.1/24"]}],
"tenants": [{"name": "a", "vni": 1, "format": ")" +
                 format + "\"}],\n" + rest + "}",
             "p")
      .status()
      .message();
}

TEST(FormatRules, TheVniOfAMappingOrAMirrorFitsToo) {
  const auto mapping = [](const std::string& vni) {
    return R"("mappings": [{"tenant": "a", "destination": "10.0.0.2", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2", "vni": )" +
           vni + "}]";
  };
  const auto mirror = [](const std::string& vni) {
    return R"("mirrors": [{"name": "m", "tenant": "a", "peer": "10.1.0.9", "vni": )" + vni + "}]";
  };
  EXPECT_EQ(read_guests("x", mapping("255")), "");
  EXPECT_EQ(read_guests("x", mapping("256")),
            "p:4:112: mappings[0].vni: VNI 256 does not fit the 8 bits that format \"x\" has for "
            "it; write at most 255");
  EXPECT_EQ(read_guests("x", mirror("255")), "");
  EXPECT_EQ(read_guests("x", mirror("256")),
            "p:4:69: mirrors[0].vni: VNI 256 does not fit the 8 bits that format \"x\" has for it; "
            "write at most 255");
  // GRE has room for more than a VNI's 24 bits.
  for (const auto& text : {mapping("16777216"), mirror("16777216")}) {
    const std::string error = read_guests("gre", text);
    EXPECT_NE(error.find("16777216 is out of range; write a whole number from 0 to 16777215"),
              std::string::npos)
        << error;
  }
}

TEST(FormatRules, ADeclaredFormatMayBeCalledLikeAShippedOne) {
  const Result<Policy> result = read_policy(
      R"({"formats": [{"name": "gre", "kind": "geneve", "port": 7}],
          "tenants": [{"name": "a", "vni": 1, "format": "gre"}]})",
      "p");
  ASSERT_TRUE(result.ok()) << result.status().message();
  ASSERT_EQ(result.value().formats.size(), kBuiltinFormats + 1);
  EXPECT_EQ(result.value().formats.back().protocol, 17);
  EXPECT_EQ(result.value().formats.back().port, 7);
}

TEST(FormatRules, AKindsDescriptionHoldsWhereAFormatSaysNothing) {
  const Result<Policy> result = read_policy(
      R"({"formats": [{"name": "mine", "kind": "nvgre", "protocol": 17, "port": 99, "tenant": "4:16"}]})",
      "p");
  ASSERT_TRUE(result.ok()) << result.status().message();
  const Format& mine = result.value().formats.back();
  EXPECT_EQ(mine.header, shipped_format("nvgre")->header);
  EXPECT_EQ(mine.id, shipped_format("nvgre")->id);
  EXPECT_EQ(mine.flow, shipped_format("nvgre")->flow);
  EXPECT_EQ(mine.protocol, 17);
  EXPECT_EQ(mine.tenant, (Field{4, 0, 16}));
}

TEST(FormatRules, WhatIsOfTheTcpShapeIsTakenOverWithIt) {
  const auto read = [](const std::string& rest) {
    const Result<Policy> result =
        read_policy("{\"formats\": [{\"name\": \"mine\", " + rest + "}]}", "p");
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? result.value().formats.back() : Format();
  };
  const Format mine = read(R"("kind": "stt-redundant", "port": 9)");
  EXPECT_EQ(mine.segments, Segments::kRedundant);
  EXPECT_EQ(mine.offload, (Field{1, 0, 40}));
  EXPECT_EQ(read(R"("kind": "stt-redundant", "segments": "stream")").segments, Segments::kStream);
  EXPECT_EQ(read(R"("kind": "stt")").segments, Segments::kUsual);
  const Format udp = read(R"("kind": "stt-redundant", "protocol": 17, "port": 9)");
  EXPECT_FALSE(udp.is_redundant() || udp.offload);
}

TEST(Places, AreReadInTheirShortForms) {
  EXPECT_EQ(parse_field("4:24"), (Field{4, 0, 24}));
  EXPECT_EQ(parse_field("0.2:6"), (Field{0, 2, 6}));
  EXPECT_EQ(parse_length_rule("0:8"), (LengthRule{{0, 0, 8}, 1, 0}));
  EXPECT_EQ(parse_length_rule("0.2:6*4+8"), (LengthRule{{0, 2, 6}, 4, 8}));
  EXPECT_EQ(parse_match("2:65 58"), (Match{2, {0x65, 0x58}, {0xff, 0xff}}));
  EXPECT_EQ(parse_match("0:08/08"), (Match{0, {8}, {8}}));
  for (const char* wrong : {"", ":", "4", "4:", ":24", "4:0", "4:256", "65536:1", "-1:4", " 4:24",
                            "4:24 ", "4.:1", "4.8:1", "4:8*2", "4:99999999999"}) {
    EXPECT_FALSE(parse_field(wrong)) << wrong;
  }
  for (const char* wrong : {"0:8*", "0:8+", "0:8*0", "0:8+1*2", "0:8*65536"}) {
    EXPECT_FALSE(parse_length_rule(wrong)) << wrong;
  }
  for (const char* wrong : {"0:", "0:1", "0:zz", "0:01/", "0:01/0102", "0:01/01/01"}) {
    EXPECT_FALSE(parse_match(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace gatehouse::policy
