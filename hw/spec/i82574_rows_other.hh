// SPDX-License-Identifier: GPL-2.0-or-later
// Rows of hw/spec/i82574_registers.hh: wake-up, management, time synchronization, aliases, what a reset keeps.
#ifndef GATEHOUSE_HW_SPEC_I82574_ROWS_OTHER_HH_
#define GATEHOUSE_HW_SPEC_I82574_ROWS_OTHER_HH_

// clang-format off
#define GATEHOUSE_I82574_WAKE_REGISTERS(X)                                                                        \
  X(WUC,     0x5800, 1, 4, kRw,  0x0000001b, 0x00000000, "10.2.8", "wake-up control")                             \
  X(WUFC,    0x5808, 1, 4, kRw,  0x000f80ff, 0x00000000, "10.2.8", "wake-up filter control")                      \
  X(WUS,     0x5810, 1, 4, kW1c, 0x000f00ff, 0x00000000, "10.2.8", "wake-up status")                              \
  X(IPAV,    0x5838, 1, 4, kRw,  0x0001000f, 0x00000000, "10.2.8", "IP address valid")                            \
  X(IP4AT,   0x5840, 4, 8, kRw,  0xffffffff, 0x00000000, "10.2.8", "IPv4 address table")                          \
  X(IP6AT,   0x5880, 4, 4, kRw,  0xffffffff, 0x00000000, "10.2.8", "IPv6 address table")                          \
  X(WUPL,    0x5900, 1, 4, kRo,  0x00000000, 0x00000000, "10.2.8", "wake-up packet length")                       \
  X(WUPM,    0x5a00, 32, 4, kRo, 0x00000000, 0x00000000, "10.2.8", "wake-up packet memory")                       \
  X(FFLT,    0x5f00, 6, 8, kRw,  0x000007ff, 0x00000000, "10.2.8", "flexible filter lengths")                     \
  X(FFMT,    0x9000, 128, 8, kRw, 0x0000000f, 0x00000000, "10.2.8", "flexible filter masks")                      \
  X(FFVT,    0x9800, 128, 8, kRw, 0xffffffff, 0x00000000, "10.2.8", "flexible filter values")

#define GATEHOUSE_I82574_MANAGEMENT_REGISTERS(X)                                                                  \
  X(MANC,    0x5820, 1, 4, kRw,  0xffffffff, 0x10000000, "10.2.8", "management control; 28: ARP passes whatever its address")\
  X(MFVAL,   0x5824, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.8", "management filters valid")                    \
  X(MFUTP01, 0x5828, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.8", "management UDP/TCP ports 0 and 1")            \
  X(MFUTP23, 0x5830, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.8", "management UDP/TCP ports 2 and 3")            \
  X(MANC2H,  0x5860, 1, 4, kRw,  0x000000ff, 0x00000000, "10.2.8", "management frames that go to the host too")   \
  X(MDEF,    0x5890, 8, 4, kRw,  0xffffffff, 0x00000000, "10.2.8", "management decision filters")                 \
  X(FCRTV,   0x5f40, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.2.13", "flow control refresh time, units of 512 bit times") \
  X(CRC_OFFSET, 0x5f50, 1, 4, kRw, 0xffffffff, 0x00000000, "10.2.8", "CRC offset")                                \
  X(FTFT,    0x9400, 256, 4, kRw, 0xffffffff, 0x00000000, "10.2.8", "flexible TCO filter table")

#define GATEHOUSE_I82574_TIME_REGISTERS(X)                                                                        \
  X(SYSTIML,    0xb600, 1, 4, kRw, 0xffffffff, 0x00000000, "10.2.9", "system time, bits 31:0; a read latches SYSTIMH") \
  X(SYSTIMH,    0xb604, 1, 4, kRw, 0xffffffff, 0x00000000, "10.2.9", "system time, bits 63:32")                   \
  X(TIMINCA,    0xb608, 1, 4, kRw, 0xffffffff, 0x00000000, "10.2.9", "increment period and value")                \
  X(TIMADJL,    0xb60c, 1, 4, kRw, 0xffffffff, 0x00000000, "10.2.9", "time adjustment, bits 31:0")                \
  X(TIMADJH,    0xb610, 1, 4, kRw, 0xffffffff, 0x00000000, "10.2.9", "time adjustment, bits 62:32 and sign; a write applies it") \
  X(TSYNCTXCTL, 0xb614, 1, 4, kRw, 0x00000010, 0x00000000, "10.2.9", "transmit time stamp control")               \
  X(TXSTMPL,    0xb618, 1, 4, kRo, 0x00000000, 0x00000000, "10.2.9", "transmit time stamp, bits 31:0")            \
  X(TXSTMPH,    0xb61c, 1, 4, kRo, 0x00000000, 0x00000000, "10.2.9", "transmit time stamp, bits 63:32; a read unlocks") \
  X(TSYNCRXCTL, 0xb620, 1, 4, kRw, 0x0000003e, 0x00000000, "10.2.9", "receive time stamp control")                \
  X(RXSTMPL,    0xb624, 1, 4, kRo, 0x00000000, 0x00000000, "10.2.9", "receive time stamp, bits 31:0")             \
  X(RXSTMPH,    0xb628, 1, 4, kRo, 0x00000000, 0x00000000, "10.2.9", "receive time stamp, bits 63:32; a read unlocks") \
  X(RXSATRL,    0xb62c, 1, 4, kRo, 0x00000000, 0x00000000, "10.2.9", "time stamped frame's source identity, octets 0-3") \
  X(RXSATRH,    0xb630, 1, 4, kRo, 0x00000000, 0x00000000, "10.2.9", "source identity, octets 4-5, sequence number") \
  X(RXMTRL,     0xb634, 1, 4, kRw, 0xffffffff, 0x000088f7, "10.2.9", "PTP EtherType 15:0, message types")         \
  X(RXUDP,      0xb638, 1, 4, kRw, 0x0000ffff, 0x00000319, "10.2.9", "PTP UDP port")

// X(offset, count, step, target): accesses go to `target` and its followers. Old drivers' addresses (10.2.1).
#define GATEHOUSE_I82574_ALIASES(X)  \
  X(0x0004, 1, 4, CTRL)              \
  X(0x0040, 16, 8, RAL)              \
  X(0x0044, 16, 8, RAH)              \
  X(0x0108, 1, 4, RDTR)              \
  X(0x0110, 1, 4, RDBAL)             \
  X(0x0114, 1, 4, RDBAH)             \
  X(0x0118, 1, 4, RDLEN)             \
  X(0x0120, 1, 4, RDH)               \
  X(0x0128, 1, 4, RDT)               \
  X(0x0160, 1, 4, FCRTH)             \
  X(0x0168, 1, 4, FCRTL)             \
  X(0x0420, 1, 4, TDBAL)             \
  X(0x0424, 1, 4, TDBAH)             \
  X(0x0428, 1, 4, TDLEN)             \
  X(0x0430, 1, 4, TDH)               \
  X(0x0438, 1, 4, TDT)               \
  X(0x0440, 1, 4, TIDV)              \
  X(0x0600, 128, 4, VFTA)            \
  X(0x8000, 1, 4, RDFH)              \
  X(0x8008, 1, 4, RDFT)              \
  X(0x8010, 1, 4, TDFH)              \
  X(0x8018, 1, 4, TDFT)
// clang-format on

#endif  // GATEHOUSE_HW_SPEC_I82574_ROWS_OTHER_HH_
