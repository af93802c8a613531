// SPDX-License-Identifier: GPL-2.0-or-later
// Rows of hw/spec/i82574_fields.hh: receive, transmit, filters.
#ifndef GATEHOUSE_HW_SPEC_I82574_FIELD_ROWS_TRAFFIC_HH_
#define GATEHOUSE_HW_SPEC_I82574_FIELD_ROWS_TRAFFIC_HH_

// clang-format off
#define GATEHOUSE_I82574_RECEIVE_FIELDS(X)                                                               \
  X(RCTL, EN,              0x00000002, "receiver on")                                                    \
  X(RCTL, SBP,             0x00000004, "store bad frames")                                               \
  X(RCTL, UPE,             0x00000008, "unicast promiscuous")                                            \
  X(RCTL, MPE,             0x00000010, "multicast promiscuous")                                          \
  X(RCTL, LPE,             0x00000020, "long frames")                                                    \
  X(RCTL, LBM,             0x000000c0, "loopback: 0 = none, 1 = MAC")                                    \
  X(RCTL, RDMTS,           0x00000300, "minimum threshold: 0 = 1/2, 1 = 1/4, 2 = 1/8 of the ring")       \
  X(RCTL, DTYP,            0x00000c00, "descriptors: 0 = legacy or extended, 1 = packet split")          \
  X(RCTL, MO,              0x00003000, "multicast offset: bits 47:36, 46:35, 45:34, 43:32 of the address") \
  X(RCTL, BAM,             0x00008000, "accept broadcast")                                               \
  X(RCTL, BSIZE,           0x00030000, "buffer: 2048, 1024, 512, 256 octets; with BSEX -, 16384, 8192, 4096") \
  X(RCTL, VFE,             0x00040000, "VLAN filter")                                                    \
  X(RCTL, CFIEN,           0x00080000, "CFI filter")                                                     \
  X(RCTL, CFI,             0x00100000, "CFI that is accepted")                                           \
  X(RCTL, DPF,             0x00400000, "discard PAUSE frames")                                           \
  X(RCTL, PMCF,            0x00800000, "pass MAC control frames")                                        \
  X(RCTL, BSEX,            0x02000000, "buffer size extension")                                          \
  X(RCTL, SECRC,           0x04000000, "strip the CRC")                                                  \
  X(RCTL, FLXBUF,          0x78000000, "flexible buffer size, KiB; 0 = BSIZE")                           \
  X(FCRTL, RTL,            0x0000fff8, "octets")                                                         \
  X(FCRTL, XONE,           0x80000000, "send XON")                                                       \
  X(FCRTH, RTH,            0x0000fff8, "octets")                                                         \
  X(PSRCTL, BSIZE0,        0x0000007f, "buffer 0 (headers), units of 128 octets")                        \
  X(PSRCTL, BSIZE1,        0x00003f00, "buffer 1, KiB")                                                  \
  X(PSRCTL, BSIZE2,        0x003f0000, "buffer 2, KiB")                                                  \
  X(PSRCTL, BSIZE3,        0x3f000000, "buffer 3, KiB")                                                  \
  X(RDTR, DELAY,           0x0000ffff, "units of 1.024 us")                                              \
  X(RDTR, FPD,             0x80000000, "flush: write back and interrupt now; reads as zero")             \
  X(RADV, DELAY,           0x0000ffff, "units of 1.024 us")                                              \
  X(RXDCTL, PTHRESH,       0x0000003f, "prefetch threshold")                                             \
  X(RXDCTL, HTHRESH,       0x00003f00, "host threshold")                                                 \
  X(RXDCTL, WTHRESH,       0x003f0000, "write-back threshold")                                           \
  X(RXDCTL, GRAN,          0x01000000, "thresholds: 0 = cache lines, 1 = descriptors")                   \
  X(RXCSUM, PCSS,          0x000000ff, "packet checksum start")                                          \
  X(RXCSUM, IPOFLD,        0x00000100, "IP checksum offload")                                            \
  X(RXCSUM, TUOFLD,        0x00000200, "TCP/UDP checksum offload")                                       \
  X(RXCSUM, CRCOFL,        0x00000800, "CRC offload")                                                    \
  X(RXCSUM, IPPCSE,        0x00001000, "IP payload checksum of fragments")                               \
  X(RXCSUM, PCSD,          0x00002000, "RSS hash instead of packet checksum")                            \
  X(RFCTL, ISCSI_DIS,      0x00000001, "no iSCSI header split")                                          \
  X(RFCTL, ISCSI_DWC,      0x0000003e, "iSCSI dword count")                                              \
  X(RFCTL, NFSW_DIS,       0x00000040, "no NFS write header split")                                      \
  X(RFCTL, NFSR_DIS,       0x00000080, "no NFS read header split")                                       \
  X(RFCTL, NFS_VER,        0x00000300, "NFS version")                                                    \
  X(RFCTL, IPV6_DIS,       0x00000400, "no IPv6 filtering")                                              \
  X(RFCTL, IPV6XSUM_DIS,   0x00000800, "no IPv6 checksum")                                               \
  X(RFCTL, ACKDIS,         0x00001000, "no ACK acceleration")                                            \
  X(RFCTL, ACKD_DIS,       0x00002000, "no ACK data detection")                                          \
  X(RFCTL, IPFRSP_DIS,     0x00004000, "no split of fragments")                                          \
  X(RFCTL, EXSTEN,         0x00008000, "extended descriptors")                                           \
  X(RFCTL, IPV6_EX_DIS,    0x00010000, "no IPv6 extension header parsing")                               \
  X(RFCTL, NEW_IPV6_EXT_DIS, 0x00020000, "no RSS over IPv6 home address and routing header")             \
  X(RAH, RAH,              0x0000ffff, "octets 4-5 of the address")                                      \
  X(RAH, ASEL,             0x00030000, "0 = destination address")                                        \
  X(RAH, AV,               0x80000000, "valid")                                                          \
  X(MRQC, MRXQUEUE,        0x00000003, "1 = RSS")                                                        \
  X(MRQC, TCP_IPV4,        0x00010000, "hash TCP over IPv4")                                             \
  X(MRQC, IPV4,            0x00020000, "hash IPv4")                                                      \
  X(MRQC, TCP_IPV6_EX,     0x00040000, "hash TCP over IPv6 with extension headers")                      \
  X(MRQC, IPV6_EX,         0x00080000, "hash IPv6 with extension headers")                               \
  X(MRQC, IPV6,            0x00100000, "hash IPv6")

#define GATEHOUSE_I82574_TRANSMIT_FIELDS(X)                                                              \
  X(TCTL, EN,              0x00000002, "transmitter on")                                                 \
  X(TCTL, PSP,             0x00000008, "pad short frames to 64 octets")                                  \
  X(TCTL, CT,              0x00000ff0, "collision threshold")                                            \
  X(TCTL, COLD,            0x003ff000, "collision distance")                                             \
  X(TCTL, SWXOFF,          0x00400000, "send an XOFF frame; reads as zero")                              \
  X(TCTL, PBE,             0x00800000, "packet burst")                                                   \
  X(TCTL, RTLC,            0x01000000, "retransmit on late collision")                                   \
  X(TCTL, UNORTX,          0x02000000, "underrun: no retransmit")                                        \
  X(TCTL, TXDSCMT,         0x0c000000, "descriptor minimum threshold")                                   \
  X(TCTL, MULR,            0x10000000, "several read requests at once")                                  \
  X(TCTL, RRTHRESH,        0x60000000, "read request threshold")                                         \
  X(TIPG, IPGT,            0x000003ff, "gap, 8 ns units and more")                                       \
  X(TIPG, IPGR1,           0x000ffc00, "gap, part 1")                                                    \
  X(TIPG, IPGR,            0x3ff00000, "gap")                                                            \
  X(TIDV, IDV,             0x0000ffff, "units of 1.024 us")                                              \
  X(TIDV, FPD,             0x80000000, "flush: interrupt now; reads as zero")                            \
  X(TADV, IDV,             0x0000ffff, "units of 1.024 us")                                              \
  X(TXDCTL, PTHRESH,       0x0000003f, "prefetch threshold")                                             \
  X(TXDCTL, HTHRESH,       0x00003f00, "host threshold")                                                 \
  X(TXDCTL, WTHRESH,       0x003f0000, "write-back threshold")                                           \
  X(TXDCTL, COUNT_DESC,    0x00400000, "count descriptors")                                              \
  X(TXDCTL, GRAN,          0x01000000, "thresholds: 0 = cache lines, 1 = descriptors")                   \
  X(TXDCTL, LWTHRESH,      0xfe000000, "low threshold, units of 8 descriptors; raises TXD_LOW")          \
  X(TARC, COUNT,           0x0000007f, "transactions before the other queue's turn")                     \
  X(TARC, COMP,            0x00000080, "compensation mode")                                              \
  X(TARC, RATIO,           0x00000300, "compensation ratio")                                             \
  X(TARC, ENABLE,          0x00000400, "queue on")
// clang-format on

#endif  // GATEHOUSE_HW_SPEC_I82574_FIELD_ROWS_TRAFFIC_HH_
