// SPDX-License-Identifier: GPL-2.0-or-later
// Descriptors of the 82574L (data sheet sections 7.1.3 - 7.1.5 receive; 7.2.10, 7.2.11 transmit): one row for each
// field. All are little-endian in guest memory, at any alignment. A field is reached by get<>/put<> below, nowhere by
// number.
#ifndef GATEHOUSE_HW_SPEC_I82574_DESCRIPTORS_HH_
#define GATEHOUSE_HW_SPEC_I82574_DESCRIPTORS_HH_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gatehouse::i82574 {

// A field lies inside one aligned 64-bit word of its descriptor.
struct DescriptorField {
  uint16_t word;  // octet offset of the 64-bit word
  uint8_t low;    // lowest bit in the word
  uint8_t bits;
  constexpr uint64_t mask() const { return (bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1) << low; }
};

struct DescriptorFieldRow {
  const char* name;
  DescriptorField field;
  const char* text;
};

// X(name, word, low bit, bits, "words"). Rows of one table do not overlap; where the silicon gives one place two
// meanings (RSS hash or IP identification + checksum) the second meaning has a table of its own.

// clang-format off
// 7.1.3, 7.1.4: what software writes, legacy and extended format.
#define GATEHOUSE_RX_READ_FIELDS(X)                                        \
  X(ADDRESS, 0, 0, 64, "bus address of the buffer; 0 = null descriptor")   \
  X(READ_RESERVED, 8, 0, 64, "extended: 0, so that DD reads 0")

// 7.1.3: legacy write-back.
#define GATEHOUSE_RX_LEGACY_FIELDS(X)                                          \
  X(LEGACY_ADDRESS, 0, 0, 64, "unchanged")                                     \
  X(LEGACY_LENGTH, 8, 0, 16, "octets written to this buffer, FCS included when it is not stripped") \
  X(LEGACY_CHECKSUM, 8, 16, 16, "packet checksum from RXCSUM.PCSS on")         \
  X(LEGACY_STATUS, 8, 32, 8, "RX_STATUS_* bits 7:0")                           \
  X(LEGACY_ERRORS, 8, 40, 8, "RX_ERROR_* bits, shifted down by 24")            \
  X(LEGACY_VLAN, 8, 48, 16, "TCI of a stripped tag")

// 7.1.4: extended write-back.
#define GATEHOUSE_RX_EXTENDED_FIELDS(X)                              \
  X(RSS_TYPE, 0, 0, 4, "what was hashed, RssType")                   \
  X(MRQ_RESERVED0, 0, 4, 4, "0")                                     \
  X(RSS_QUEUE, 0, 8, 5, "receive queue that RETA chose")             \
  X(MRQ_RESERVED1, 0, 13, 19, "0")                                   \
  X(RSS_HASH, 0, 32, 32, "Toeplitz hash; RXCSUM.PCSD = 1")           \
  X(STATUS_ERROR, 8, 0, 32, "RX_STATUS_*, packet type, RX_ERROR_*")  \
  X(LENGTH, 8, 32, 16, "octets in the buffer (packet split: in buffer 0)") \
  X(VLAN, 8, 48, 16, "TCI of a stripped tag")

// The same place as RSS_HASH when RXCSUM.PCSD = 0.
#define GATEHOUSE_RX_EXTENDED_CHECKSUM_FIELDS(X)                       \
  X(IP_ID, 0, 32, 16, "IPv4 identification, numeric; RX_STATUS_IPIDV") \
  X(CHECKSUM, 0, 48, 16, "packet checksum, or that of the IP payload (RXCSUM.IPPCSE)")

// 7.1.5: packet split, what software writes. All ones in buffers 1-3: no buffer.
#define GATEHOUSE_RX_SPLIT_READ_FIELDS(X)        \
  X(SPLIT_ADDRESS0, 0, 0, 64, "header buffer")   \
  X(SPLIT_ADDRESS1, 8, 0, 64, "payload buffer")  \
  X(SPLIT_ADDRESS2, 16, 0, 64, "payload buffer") \
  X(SPLIT_ADDRESS3, 24, 0, 64, "payload buffer")

// 7.1.5: packet split write-back; its first 16 octets are the extended write-back.
#define GATEHOUSE_RX_SPLIT_FIELDS(X)                                         \
  X(HEADER_LENGTH, 16, 0, 10, "octets of header found, RX_SPLIT only")       \
  X(HEADER_RESERVED, 16, 10, 5, "0")                                         \
  X(HEADER_SPLIT, 16, 15, 1, "HDRSP: buffer 0 holds the header and no more") \
  X(LENGTH1, 16, 16, 16, "octets in buffer 1")                               \
  X(LENGTH2, 16, 32, 16, "octets in buffer 2")                               \
  X(LENGTH3, 16, 48, 16, "octets in buffer 3")                               \
  X(SPLIT_RESERVED, 24, 0, 64, "0")

// 7.2.10.1: legacy transmit descriptor.
#define GATEHOUSE_TX_LEGACY_FIELDS(X)                                            \
  X(TX_ADDRESS, 0, 0, 64, "bus address of the buffer")                           \
  X(TX_LENGTH, 8, 0, 16, "octets of the buffer")                                 \
  X(TX_CSO, 8, 16, 8, "offset of the checksum field; last descriptor, with IC")  \
  X(TX_COMMAND, 8, 24, 8, "TX_CMD_* bits; the same place in all formats")        \
  X(TX_STATUS, 8, 32, 4, "TX_STATUS_DD")                                         \
  X(TX_EXTENDED_COMMAND, 8, 36, 4, "TX_EXTCMD_TSTAMP")                           \
  X(TX_CSS, 8, 40, 8, "first octet that is summed; first descriptor")            \
  X(TX_VLAN, 8, 48, 16, "TCI of the tag to insert, with VLE")

// 7.2.10: TCP/IP context descriptor (DEXT = 1, DTYP = 0).
#define GATEHOUSE_TX_CONTEXT_FIELDS(X)                                            \
  X(CONTEXT_IPCSS, 0, 0, 8, "first octet of the IP header checksum")              \
  X(CONTEXT_IPCSO, 0, 8, 8, "offset of the IP checksum field")                    \
  X(CONTEXT_IPCSE, 0, 16, 16, "last octet summed; 0 = end of frame")              \
  X(CONTEXT_TUCSS, 0, 32, 8, "first octet of the TCP/UDP checksum")               \
  X(CONTEXT_TUCSO, 0, 40, 8, "offset of the TCP/UDP checksum field")              \
  X(CONTEXT_TUCSE, 0, 48, 16, "last octet summed; 0 = end of frame")              \
  X(CONTEXT_PAYLEN, 8, 0, 20, "octets behind the headers, TSO")                   \
  X(CONTEXT_DTYP, 8, 20, 4, "0")                                                  \
  X(CONTEXT_TUCMD, 8, 24, 8, "TX_TUCMD_* bits")                                   \
  X(CONTEXT_STATUS, 8, 32, 4, "TX_STATUS_DD")                                     \
  X(CONTEXT_RESERVED, 8, 36, 4, "0")                                              \
  X(CONTEXT_HDRLEN, 8, 40, 8, "octets of L2 + L3 + L4 header, TSO")               \
  X(CONTEXT_MSS, 8, 48, 16, "octets of payload for each segment, TSO")

// 7.2.11: TCP/IP data descriptor (DEXT = 1, DTYP = 1).
#define GATEHOUSE_TX_DATA_FIELDS(X)                                      \
  X(DATA_ADDRESS, 0, 0, 64, "bus address of the buffer")                 \
  X(DATA_DTALEN, 8, 0, 20, "octets of the buffer")                       \
  X(DATA_DTYP, 8, 20, 4, "1")                                            \
  X(DATA_DCMD, 8, 24, 8, "TX_CMD_* bits")                                \
  X(DATA_STATUS, 8, 32, 4, "TX_STATUS_DD")                               \
  X(DATA_EXTENDED_COMMAND, 8, 36, 4, "TX_EXTCMD_TSTAMP")                 \
  X(DATA_POPTS, 8, 40, 8, "TX_POPTS_* bits; first data descriptor")      \
  X(DATA_VLAN, 8, 48, 16, "TCI of the tag to insert, with VLE")

#define GATEHOUSE_DESCRIPTOR_TABLES(T)                                            \
  T(kRxReadFields, GATEHOUSE_RX_READ_FIELDS, kRxDescriptorSize)                   \
  T(kRxLegacyFields, GATEHOUSE_RX_LEGACY_FIELDS, kRxDescriptorSize)               \
  T(kRxExtendedFields, GATEHOUSE_RX_EXTENDED_FIELDS, kRxDescriptorSize)           \
  T(kRxExtendedChecksumFields, GATEHOUSE_RX_EXTENDED_CHECKSUM_FIELDS, 0)          \
  T(kRxSplitReadFields, GATEHOUSE_RX_SPLIT_READ_FIELDS, kRxSplitDescriptorSize)   \
  T(kRxSplitFields, GATEHOUSE_RX_SPLIT_FIELDS, 0)                                 \
  T(kTxLegacyFields, GATEHOUSE_TX_LEGACY_FIELDS, kTxDescriptorSize)               \
  T(kTxContextFields, GATEHOUSE_TX_CONTEXT_FIELDS, kTxDescriptorSize)             \
  T(kTxDataFields, GATEHOUSE_TX_DATA_FIELDS, kTxDescriptorSize)

// clang-format on

// RDH, RDT, TDH, TDT and the LEN registers count in units of 16 octets, also with 32-octet descriptors (7.1.8).
inline constexpr uint32_t kRingUnit = 16;
inline constexpr uint32_t kRxDescriptorSize = 16;
inline constexpr uint32_t kRxSplitDescriptorSize = 32;
inline constexpr uint32_t kTxDescriptorSize = 16;
inline constexpr uint64_t kSplitNoBuffer = ~uint64_t{0};

namespace desc {
#define GATEHOUSE_DESCRIPTOR_FIELD(name, word, low, bits, text) inline constexpr DescriptorField name{word, low, bits};
GATEHOUSE_RX_READ_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
GATEHOUSE_RX_LEGACY_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
GATEHOUSE_RX_EXTENDED_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
GATEHOUSE_RX_EXTENDED_CHECKSUM_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
GATEHOUSE_RX_SPLIT_READ_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
GATEHOUSE_RX_SPLIT_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
GATEHOUSE_TX_LEGACY_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
GATEHOUSE_TX_CONTEXT_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
GATEHOUSE_TX_DATA_FIELDS(GATEHOUSE_DESCRIPTOR_FIELD)
#undef GATEHOUSE_DESCRIPTOR_FIELD
}  // namespace desc

#define GATEHOUSE_DESCRIPTOR_ROW(name, word, low, bits, text) {#name, {word, low, bits}, text},
#define GATEHOUSE_DESCRIPTOR_TABLE(table, rows, size) \
  inline constexpr DescriptorFieldRow table[] = {rows(GATEHOUSE_DESCRIPTOR_ROW)};
GATEHOUSE_DESCRIPTOR_TABLES(GATEHOUSE_DESCRIPTOR_TABLE)
#undef GATEHOUSE_DESCRIPTOR_TABLE
#undef GATEHOUSE_DESCRIPTOR_ROW

// True when no two rows overlap and, with size > 0, when they fill the descriptor without a gap.
template <size_t N>
constexpr bool fields_tile(const DescriptorFieldRow (&rows)[N], uint32_t size) {
  uint64_t used[4] = {};
  for (const DescriptorFieldRow& row : rows) {
    if (row.field.word % 8 != 0 || row.field.word / 8 >= 4) return false;
    if (row.field.low + row.field.bits > 64) return false;
    uint64_t& word = used[row.field.word / 8];
    if ((word & row.field.mask()) != 0) return false;
    word |= row.field.mask();
  }
  for (uint32_t i = 0; i < size / 8; ++i) {
    if (used[i] != ~uint64_t{0}) return false;
  }
  return true;
}
#define GATEHOUSE_DESCRIPTOR_TILES(table, rows, size) \
  static_assert(fields_tile(table, size), #table ": fields overlap or leave a gap");
GATEHOUSE_DESCRIPTOR_TABLES(GATEHOUSE_DESCRIPTOR_TILES)
#undef GATEHOUSE_DESCRIPTOR_TILES

constexpr bool same_place(DescriptorField a, DescriptorField b) {
  return a.word == b.word && a.low == b.low && a.bits == b.bits;
}
// What all transmit formats share, and what the receive formats share with each other.
static_assert(same_place(desc::TX_COMMAND, desc::DATA_DCMD));
static_assert(same_place(desc::TX_COMMAND, desc::CONTEXT_TUCMD));
static_assert(same_place(desc::TX_STATUS, desc::DATA_STATUS));
static_assert(same_place(desc::TX_STATUS, desc::CONTEXT_STATUS));
static_assert(same_place(desc::CONTEXT_DTYP, desc::DATA_DTYP));
static_assert(same_place(desc::TX_VLAN, desc::DATA_VLAN));
static_assert(same_place(desc::TX_ADDRESS, desc::DATA_ADDRESS));
static_assert(same_place(desc::TX_EXTENDED_COMMAND, desc::DATA_EXTENDED_COMMAND));
static_assert(kRxSplitDescriptorSize == 2 * kRingUnit && kRxDescriptorSize == kRingUnit);

// Receive status, bits 19:0 of STATUS_ERROR; bits 7:0 are the legacy status octet.
inline constexpr uint32_t RX_STATUS_DD = 1u << 0;   // descriptor done
inline constexpr uint32_t RX_STATUS_EOP = 1u << 1;  // last descriptor of the frame; the bits below are valid only there
inline constexpr uint32_t RX_STATUS_IXSM = 1u << 2;  // ignore checksum indications
inline constexpr uint32_t RX_STATUS_VP = 1u << 3;    // 802.1Q tag, stripped
inline constexpr uint32_t RX_STATUS_UDPCS =
    1u << 4;  // UDP checksum calculated (with TCPCS: of a whole datagram; alone: of a fragment)
inline constexpr uint32_t RX_STATUS_TCPCS = 1u << 5;     // TCP or UDP checksum calculated
inline constexpr uint32_t RX_STATUS_IPCS = 1u << 6;      // IPv4 header checksum calculated
inline constexpr uint32_t RX_STATUS_PIF = 1u << 7;       // passed an inexact filter only
inline constexpr uint32_t RX_STATUS_TST = 1u << 8;       // time stamp taken, in RXSTMPL/H
inline constexpr uint32_t RX_STATUS_IPIDV = 1u << 9;     // IP_ID is valid
inline constexpr uint32_t RX_STATUS_UDPV = 1u << 10;     // CHECKSUM is that of a UDP fragment's IP payload
inline constexpr uint32_t RX_STATUS_ACK = 1u << 15;      // TCP ACK
inline constexpr unsigned RX_STATUS_PKTTYPE_SHIFT = 16;  // bits 19:16, PacketType
// Receive errors, bits 31:20 of STATUS_ERROR.
inline constexpr uint32_t RX_ERROR_CE = 1u << 24;    // CRC
inline constexpr uint32_t RX_ERROR_SE = 1u << 25;    // symbol
inline constexpr uint32_t RX_ERROR_SEQ = 1u << 26;   // sequence
inline constexpr uint32_t RX_ERROR_CXE = 1u << 28;   // carrier extension
inline constexpr uint32_t RX_ERROR_TCPE = 1u << 29;  // TCP/UDP checksum wrong
inline constexpr uint32_t RX_ERROR_IPE = 1u << 30;   // IPv4 header checksum wrong
inline constexpr uint32_t RX_ERROR_RXE = 1u << 31;   // data error: the frame in memory is not what came
inline constexpr unsigned kRxLegacyErrorShift = 24;

// 7.1.4, packet type.
enum class PacketType : uint8_t {
  kMac = 0,
  kIpv4 = 1,
  kIpv4TcpUdp = 2,
  kIpv6 = 5,
  kIpv6TcpUdp = 6,
  kTimeSyncEthernet = 14,  // IEEE 1588 message in an Ethernet frame
  kTimeSyncUdp = 15,       // IEEE 1588 message over UDP
};

// 7.1.11.1, MRQ field.
enum class RssType : uint8_t { kNone = 0, kTcpIpv4 = 1, kIpv4 = 2, kTcpIpv6 = 3, kIpv6Ex = 4, kIpv6 = 5 };

inline constexpr uint8_t TX_CMD_EOP = 1u << 0;    // end of packet
inline constexpr uint8_t TX_CMD_IFCS = 1u << 1;   // append the FCS
inline constexpr uint8_t TX_CMD_IC = 1u << 2;     // legacy: insert checksum
inline constexpr uint8_t TX_CMD_TSE = 1u << 2;    // data: part of a segmentation
inline constexpr uint8_t TX_CMD_RS = 1u << 3;     // report status: write DD back
inline constexpr uint8_t TX_CMD_RPS = 1u << 4;    // report packet sent; the 82574 treats it as reserved, we as RS
inline constexpr uint8_t TX_CMD_DEXT = 1u << 5;   // context or data descriptor
inline constexpr uint8_t TX_CMD_VLE = 1u << 6;    // insert the VLAN tag
inline constexpr uint8_t TX_CMD_IDE = 1u << 7;    // delay the interrupt (TIDV, TADV)
inline constexpr uint8_t TX_TUCMD_TCP = 1u << 0;  // TCP, else UDP
inline constexpr uint8_t TX_TUCMD_IP = 1u << 1;   // IPv4, else IPv6
inline constexpr uint8_t TX_TUCMD_TSE = 1u << 2;  // this is the segmentation context
inline constexpr uint8_t TX_TUCMD_RS = 1u << 3;
inline constexpr uint8_t TX_TUCMD_DEXT = 1u << 5;
inline constexpr uint8_t TX_TUCMD_SNAP = 1u << 6;  // the MAC header's length field follows the segment
inline constexpr uint8_t TX_TUCMD_IDE = 1u << 7;
inline constexpr uint8_t TX_STATUS_DD = 1u << 0;
inline constexpr uint8_t TX_EXTCMD_TSTAMP = 1u << 0;  // take a transmit time stamp
inline constexpr uint8_t TX_POPTS_IXSM = 1u << 0, TX_POPTS_TXSM = 1u << 1;
enum class TxType : uint8_t { kContext = 0, kData = 1 };

inline uint64_t load_word(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
}
inline void store_word(uint8_t* to, uint64_t word) {
  if constexpr (std::endian::native != std::endian::little) word = __builtin_bswap64(word);
  std::memcpy(to, &word, sizeof word);
}

template <DescriptorField F>
inline uint64_t get(const uint8_t* descriptor) {
  return (load_word(descriptor + F.word) & F.mask()) >> F.low;
}

// Bits of `value` beyond the field are cut off.
template <DescriptorField F>
inline void put(uint8_t* descriptor, uint64_t value) {
  const uint64_t word = load_word(descriptor + F.word);
  store_word(descriptor + F.word, (word & ~F.mask()) | ((value << F.low) & F.mask()));
}

// Octet of a descriptor that holds the DD bit: the last thing the guest may see of a write-back.
inline constexpr uint32_t kRxLegacyStatusOctet = desc::LEGACY_STATUS.word + desc::LEGACY_STATUS.low / 8;
inline constexpr uint32_t kRxStatusOctet = desc::STATUS_ERROR.word + desc::STATUS_ERROR.low / 8;
inline constexpr uint32_t kTxStatusOctet = desc::TX_STATUS.word + desc::TX_STATUS.low / 8;
static_assert(kRxLegacyStatusOctet == 12 && kRxStatusOctet == 8 && kTxStatusOctet == 12);

}  // namespace gatehouse::i82574

#endif  // GATEHOUSE_HW_SPEC_I82574_DESCRIPTORS_HH_
