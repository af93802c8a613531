// SPDX-License-Identifier: GPL-2.0-or-later
// Rows of hw/spec/i82574_registers.hh: receive, transmit, filters. The columns are explained there.
#ifndef GATEHOUSE_HW_SPEC_I82574_ROWS_TRAFFIC_HH_
#define GATEHOUSE_HW_SPEC_I82574_ROWS_TRAFFIC_HH_

// clang-format off
#define GATEHOUSE_I82574_RECEIVE_REGISTERS(X)                                                                              \
  X(RCTL,        0x0100, 1, 4, kRw,  0x7fffffff, 0x00000000, "10.2.5.1", "receive control")                                \
  X(ERT,         0x2008, 1, 4, kRw,  0x00003fff, 0x00000000, "10.2.5", "early receive threshold")                          \
  X(FCRTL,       0x2160, 1, 4, kRw,  0x8000fff8, 0x00000000, "10.2.5", "flow control: FIFO octets at which XON is sent")   \
  X(FCRTH,       0x2168, 1, 4, kRw,  0x0000fff8, 0x00000000, "10.2.5", "flow control: FIFO octets at which XOFF is sent")  \
  X(PSRCTL,      0x2170, 1, 4, kRw,  0x3f3f3f7f, 0x00040402, "10.2.5", "packet split buffer sizes")                        \
  X(RDBAL,       0x2800, 2, 0x100, kRw, 0xfffffff0, 0x00000000, "10.2.5.5", "receive ring base, bits 31:0")                \
  X(RDBAH,       0x2804, 2, 0x100, kRw, 0xffffffff, 0x00000000, "10.2.5.6", "receive ring base, bits 63:32")               \
  X(RDLEN,       0x2808, 2, 0x100, kRw, 0x000fff80, 0x00000000, "10.2.5.7", "receive ring length, octets")                 \
  X(RDH,         0x2810, 2, 0x100, kRw, 0x0000ffff, 0x00000000, "10.2.5.8", "receive ring head, descriptors")              \
  X(RDT,         0x2818, 2, 0x100, kRw, 0x0000ffff, 0x00000000, "10.2.5.9", "receive ring tail, descriptors")              \
  X(RDTR,        0x2820, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.5.10", "receive interrupt delay, units of 1.024 us; FPD") \
  X(RXDCTL,      0x2828, 2, 0x100, kRw, 0x013f3f3f, 0x00010000, "10.2.5.11", "receive ring thresholds; queue 0's writes both") \
  X(RADV,        0x282c, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.5", "receive interrupt absolute delay, units of 1.024 us") \
  X(RSRPD,       0x2c00, 1, 4, kRw,  0x00000fff, 0x00000000, "10.2.5", "small packet detection, octets")                   \
  X(RAID,        0x2c08, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.5", "ACK interrupt delay, units of 1.024 us")           \
  X(CPUVEC,      0x2c10, 1, 4, kRw,  0x0000001f, 0x00000000, "10.2.5", "RSS CPU vector")                                   \
  X(RXCSUM,      0x5000, 1, 4, kRw,  0x0000bfff, 0x00000300, "10.2.5", "receive checksum control")                         \
  X(RFCTL,       0x5008, 1, 4, kRw,  0x0003ffff, 0x00000000, "10.2.5", "receive filter control")                           \
  X(MAVTV,       0x5010, 4, 4, kRw,  0xffffffff, 0x00000000, "10.2.8", "management VLAN tag values")                       \
  X(MTA,         0x5200, 128, 4, kRw, 0xffffffff, 0x00000000, "10.2.5.21", "multicast hash table")                         \
  X(RAL,         0x5400, 16, 8, kRw, 0xffffffff, 0x00000000, "10.2.5.22", "receive address, octets 0-3; entry 0 is the NVM's") \
  X(RAH,         0x5404, 16, 8, kRw, 0x8003ffff, 0x00000000, "10.2.5.23", "receive address, octets 4-5, select, valid")    \
  X(VFTA,        0x5600, 128, 4, kRw, 0xffffffff, 0x00000000, "10.2.5", "VLAN filter table")                               \
  X(MRQC,        0x5818, 1, 4, kRw,  0x001f0003, 0x00000000, "10.2.5", "RSS: what is hashed")                              \
  X(RSSIM,       0x5864, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.5", "RSS interrupt mask")                               \
  X(RSSIR,       0x5868, 1, 4, kW1c, 0xffffffff, 0x00000000, "10.2.5", "RSS interrupt request")                            \
  X(RETA,        0x5c00, 32, 4, kRw, 0xffffffff, 0x00000000, "10.2.5", "RSS redirection table, 4 entries per register")    \
  X(RSSRK,       0x5c80, 10, 4, kRw, 0xffffffff, 0x00000000, "10.2.5", "RSS key")

#define GATEHOUSE_I82574_TRANSMIT_REGISTERS(X)                                                                             \
  X(TCTL,        0x0400, 1, 4, kRw,  0x7ffffffe, 0x00000000, "10.2.6.1", "transmit control")                               \
  X(TCTL_EXT,    0x0404, 1, 4, kRw,  0x000fffff, 0x00000000, "10.2.6", "extended transmit control")                        \
  X(TIPG,        0x0410, 1, 4, kRw,  0x3fffffff, 0x00602008, "10.2.6.2", "inter packet gap")                               \
  X(TBT,         0x0448, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.6", "burst timer")                                      \
  X(AIT,         0x0458, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.6", "adaptive inter frame spacing")                     \
  X(TXDMAC,      0x3000, 1, 4, kRw,  0x00000001, 0x00000000, "10.2.6", "transmit DMA control")                             \
  X(KABGTXD,     0x3004, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.6", "band gap reference")                               \
  X(TDBAL,       0x3800, 2, 0x100, kRw, 0xfffffff0, 0x00000000, "10.2.6.4", "transmit ring base, bits 31:0")               \
  X(TDBAH,       0x3804, 2, 0x100, kRw, 0xffffffff, 0x00000000, "10.2.6.5", "transmit ring base, bits 63:32")              \
  X(TDLEN,       0x3808, 2, 0x100, kRw, 0x000fff80, 0x00000000, "10.2.6.6", "transmit ring length, octets")                \
  X(TDH,         0x3810, 2, 0x100, kRw, 0x0000ffff, 0x00000000, "10.2.6.7", "transmit ring head, descriptors")             \
  X(TDT,         0x3818, 2, 0x100, kRw, 0x0000ffff, 0x00000000, "10.2.6.8", "transmit ring tail, descriptors")             \
  X(TIDV,        0x3820, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.6", "transmit interrupt delay, units of 1.024 us; FPD") \
  X(TXDCTL,      0x3828, 2, 0x100, kRw, 0xff7f3f3f, 0x00000000, "10.2.6.11", "transmit ring thresholds")                   \
  X(TADV,        0x382c, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.6", "transmit interrupt absolute delay, units of 1.024 us") \
  X(TSPMT,       0x3830, 1, 4, kRw,  0xffffffff, 0x01000400, "10.2.6", "segmentation pad and minimum threshold")           \
  X(TARC,        0x3840, 2, 0x100, kRw, 0x7fe007ff, 0x00000403, "10.2.6", "transmit arbitration: count, enable")

// Head, tail, saved head and tail, packet count of the data FIFOs, in the packet buffer: diagnostic, storage only.
#define GATEHOUSE_I82574_FIFO_REGISTERS(X)                                                                                 \
  X(RDFH,        0x2410, 1, 4, kRw,  0x00001fff, 0x00000000, "10.2.11", "receive FIFO head")                               \
  X(RDFT,        0x2418, 1, 4, kRw,  0x00001fff, 0x00000000, "10.2.11", "receive FIFO tail")                               \
  X(RDFHS,       0x2420, 1, 4, kRw,  0x00001fff, 0x00000000, "10.2.11", "receive FIFO head, saved")                        \
  X(RDFTS,       0x2428, 1, 4, kRw,  0x00001fff, 0x00000000, "10.2.11", "receive FIFO tail, saved")                        \
  X(RDFPC,       0x2430, 1, 4, kRw,  0x00001fff, 0x00000000, "10.2.11", "receive FIFO packet count")                       \
  X(TDFH,        0x3410, 1, 4, kRw,  0x00001fff, 0x00000600, "10.2.11", "transmit FIFO head")                              \
  X(TDFT,        0x3418, 1, 4, kRw,  0x00001fff, 0x00000600, "10.2.11", "transmit FIFO tail")                              \
  X(TDFHS,       0x3420, 1, 4, kRw,  0x00001fff, 0x00000600, "10.2.11", "transmit FIFO head, saved")                       \
  X(TDFTS,       0x3428, 1, 4, kRw,  0x00001fff, 0x00000600, "10.2.11", "transmit FIFO tail, saved")                       \
  X(TDFPC,       0x3430, 1, 4, kRw,  0x00001fff, 0x00000000, "10.2.11", "transmit FIFO packet count")                      \
  X(PBM,         0x10000, 10240, 4, kRw, 0xffffffff, 0x00000000, "10.2.11", "packet buffer memory; storage only")
// clang-format on

#endif  // GATEHOUSE_HW_SPEC_I82574_ROWS_TRAFFIC_HH_
