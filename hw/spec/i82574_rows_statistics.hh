// SPDX-License-Identifier: GPL-2.0-or-later
// Rows of hw/spec/i82574_registers.hh: statistics. All count up, stick at their maximum and are cleared by reading; a
// 64-bit pair is cleared by reading its upper half.
#ifndef GATEHOUSE_HW_SPEC_I82574_ROWS_STATISTICS_HH_
#define GATEHOUSE_HW_SPEC_I82574_ROWS_STATISTICS_HH_

// clang-format off
#define GATEHOUSE_I82574_STATISTICS_REGISTERS(X)                                                                 \
  X(CRCERRS,  0x4000, 1, 4, kRc, 0, 0, "10.2.7", "received with a wrong CRC")                                    \
  X(ALGNERRC, 0x4004, 1, 4, kRc, 0, 0, "10.2.7", "received with an alignment error")                             \
  X(SYMERRS,  0x4008, 1, 4, kRc, 0, 0, "10.2.7", "symbol errors")                                                \
  X(RXERRC,   0x400c, 1, 4, kRc, 0, 0, "10.2.7", "received with an error on the line")                           \
  X(MPC,      0x4010, 1, 4, kRc, 0, 0, "10.2.7", "missed: the receive FIFO had no room")                         \
  X(SCC,      0x4014, 1, 4, kRc, 0, 0, "10.2.7", "single collisions")                                            \
  X(ECOL,     0x4018, 1, 4, kRc, 0, 0, "10.2.7", "excessive collisions")                                         \
  X(MCC,      0x401c, 1, 4, kRc, 0, 0, "10.2.7", "multiple collisions")                                          \
  X(LATECOL,  0x4020, 1, 4, kRc, 0, 0, "10.2.7", "late collisions")                                              \
  X(COLC,     0x4028, 1, 4, kRc, 0, 0, "10.2.7", "collisions")                                                   \
  X(DC,       0x4030, 1, 4, kRc, 0, 0, "10.2.7", "deferred transmissions")                                       \
  X(TNCRS,    0x4034, 1, 4, kRc, 0, 0, "10.2.7", "transmissions without carrier sense")                          \
  X(SEC,      0x4038, 1, 4, kRc, 0, 0, "10.2.7", "sequence errors")                                              \
  X(CEXTERR,  0x403c, 1, 4, kRc, 0, 0, "10.2.7", "carrier extension errors")                                     \
  X(RLEC,     0x4040, 1, 4, kRc, 0, 0, "10.2.7", "received with an impossible length")                           \
  X(XONRXC,   0x4048, 1, 4, kRc, 0, 0, "10.2.7", "XON frames received")                                          \
  X(XONTXC,   0x404c, 1, 4, kRc, 0, 0, "10.2.7", "XON frames sent")                                              \
  X(XOFFRXC,  0x4050, 1, 4, kRc, 0, 0, "10.2.7", "XOFF frames received")                                         \
  X(XOFFTXC,  0x4054, 1, 4, kRc, 0, 0, "10.2.7", "XOFF frames sent")                                             \
  X(FCRUC,    0x4058, 1, 4, kRc, 0, 0, "10.2.7", "flow control frames of an unknown kind received")              \
  X(PRC64,    0x405c, 1, 4, kRc, 0, 0, "10.2.7", "good frames received, 64 octets (with CRC)")                   \
  X(PRC127,   0x4060, 1, 4, kRc, 0, 0, "10.2.7", "good frames received, 65-127 octets")                          \
  X(PRC255,   0x4064, 1, 4, kRc, 0, 0, "10.2.7", "good frames received, 128-255 octets")                         \
  X(PRC511,   0x4068, 1, 4, kRc, 0, 0, "10.2.7", "good frames received, 256-511 octets")                         \
  X(PRC1023,  0x406c, 1, 4, kRc, 0, 0, "10.2.7", "good frames received, 512-1023 octets")                        \
  X(PRC1522,  0x4070, 1, 4, kRc, 0, 0, "10.2.7", "good frames received, 1024 octets and more")                   \
  X(GPRC,     0x4074, 1, 4, kRc, 0, 0, "10.2.7", "good frames received")                                         \
  X(BPRC,     0x4078, 1, 4, kRc, 0, 0, "10.2.7", "good broadcast frames received")                               \
  X(MPRC,     0x407c, 1, 4, kRc, 0, 0, "10.2.7", "good multicast frames received")                               \
  X(GPTC,     0x4080, 1, 4, kRc, 0, 0, "10.2.7", "good frames sent")                                             \
  X(GORCL,    0x4088, 1, 4, kRcLow, 0, 0, "10.2.7", "octets of good frames received, bits 31:0")                 \
  X(GORCH,    0x408c, 1, 4, kRcHigh, 0, 0, "10.2.7", "octets of good frames received, bits 63:32")               \
  X(GOTCL,    0x4090, 1, 4, kRcLow, 0, 0, "10.2.7", "octets of good frames sent, bits 31:0")                     \
  X(GOTCH,    0x4094, 1, 4, kRcHigh, 0, 0, "10.2.7", "octets of good frames sent, bits 63:32")                   \
  X(RNBC,     0x40a0, 1, 4, kRc, 0, 0, "10.2.7", "received while no descriptor was free")                        \
  X(RUC,      0x40a4, 1, 4, kRc, 0, 0, "10.2.7", "received undersize, good CRC")                                 \
  X(RFC,      0x40a8, 1, 4, kRc, 0, 0, "10.2.7", "received undersize, wrong CRC")                                \
  X(ROC,      0x40ac, 1, 4, kRc, 0, 0, "10.2.7", "received oversize, good CRC")                                  \
  X(RJC,      0x40b0, 1, 4, kRc, 0, 0, "10.2.7", "received oversize, wrong CRC")                                 \
  X(MGTPRC,   0x40b4, 1, 4, kRc, 0, 0, "10.2.7", "management frames received")                                   \
  X(MGTPDC,   0x40b8, 1, 4, kRc, 0, 0, "10.2.7", "management frames dropped")                                    \
  X(MGTPTC,   0x40bc, 1, 4, kRc, 0, 0, "10.2.7", "management frames sent")                                       \
  X(TORL,     0x40c0, 1, 4, kRcLow, 0, 0, "10.2.7", "octets of all frames received, bits 31:0")                  \
  X(TORH,     0x40c4, 1, 4, kRcHigh, 0, 0, "10.2.7", "octets of all frames received, bits 63:32")                \
  X(TOTL,     0x40c8, 1, 4, kRcLow, 0, 0, "10.2.7", "octets of all frames sent, bits 31:0")                      \
  X(TOTH,     0x40cc, 1, 4, kRcHigh, 0, 0, "10.2.7", "octets of all frames sent, bits 63:32")                    \
  X(TPR,      0x40d0, 1, 4, kRc, 0, 0, "10.2.7", "all frames received")                                          \
  X(TPT,      0x40d4, 1, 4, kRc, 0, 0, "10.2.7", "all frames sent")                                              \
  X(PTC64,    0x40d8, 1, 4, kRc, 0, 0, "10.2.7", "frames sent, 64 octets (with CRC)")                            \
  X(PTC127,   0x40dc, 1, 4, kRc, 0, 0, "10.2.7", "frames sent, 65-127 octets")                                   \
  X(PTC255,   0x40e0, 1, 4, kRc, 0, 0, "10.2.7", "frames sent, 128-255 octets")                                  \
  X(PTC511,   0x40e4, 1, 4, kRc, 0, 0, "10.2.7", "frames sent, 256-511 octets")                                  \
  X(PTC1023,  0x40e8, 1, 4, kRc, 0, 0, "10.2.7", "frames sent, 512-1023 octets")                                 \
  X(PTC1522,  0x40ec, 1, 4, kRc, 0, 0, "10.2.7", "frames sent, 1024 octets and more")                            \
  X(MPTC,     0x40f0, 1, 4, kRc, 0, 0, "10.2.7", "multicast frames sent")                                        \
  X(BPTC,     0x40f4, 1, 4, kRc, 0, 0, "10.2.7", "broadcast frames sent")                                        \
  X(TSCTC,    0x40f8, 1, 4, kRc, 0, 0, "10.2.7", "segmentation contexts sent")                                   \
  X(TSCTFC,   0x40fc, 1, 4, kRc, 0, 0, "10.2.7", "segmentation contexts that failed")                            \
  X(IAC,      0x4100, 1, 4, kRc, 0, 0, "10.2.7", "interrupts asserted")                                          \
  X(ICRXPTC,  0x4104, 1, 4, kRc, 0, 0, "10.2.7", "receive delay timer (RDTR) expired")                           \
  X(ICRXATC,  0x4108, 1, 4, kRc, 0, 0, "10.2.7", "receive absolute timer (RADV) expired")                        \
  X(ICTXPTC,  0x410c, 1, 4, kRc, 0, 0, "10.2.7", "transmit delay timer (TIDV) expired")                          \
  X(ICTXATC,  0x4110, 1, 4, kRc, 0, 0, "10.2.7", "transmit absolute timer (TADV) expired")                       \
  X(ICTXQEC,  0x4118, 1, 4, kRc, 0, 0, "10.2.7", "transmit queue empty causes")                                  \
  X(ICTXQMTC, 0x411c, 1, 4, kRc, 0, 0, "10.2.7", "transmit queue low threshold causes")                          \
  X(ICRXDMTC, 0x4120, 1, 4, kRc, 0, 0, "10.2.7", "receive descriptor minimum threshold causes")                  \
  X(ICRXOC,   0x4124, 1, 4, kRc, 0, 0, "10.2.7", "receiver overrun causes")
// clang-format on

#endif  // GATEHOUSE_HW_SPEC_I82574_ROWS_STATISTICS_HH_
