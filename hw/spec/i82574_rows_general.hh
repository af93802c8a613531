// SPDX-License-Identifier: GPL-2.0-or-later
// Rows of hw/spec/i82574_registers.hh: general, NVM and flash, PCIe, semaphores, interrupts. The columns are explained
// there.
#ifndef GATEHOUSE_HW_SPEC_I82574_ROWS_GENERAL_HH_
#define GATEHOUSE_HW_SPEC_I82574_ROWS_GENERAL_HH_

// clang-format off
#define GATEHOUSE_I82574_GENERAL_REGISTERS(X)                                                                              \
  X(CTRL,        0x0000, 1, 4, kRw,  0xfbfffbed, 0x00100241, "10.2.2.1", "device control")                                 \
  X(STATUS,      0x0008, 1, 4, kW0c, 0x00000400, 0x00080480, "10.2.2.2", "device status")                                  \
  X(EEC,         0x0010, 1, 4, kRw,  0x00180077, 0x00012b00, "10.2.2.3", "NVM control, and its pins for bit-banging")      \
  X(EERD,        0x0014, 1, 4, kRw,  0xffffffff, 0x00000002, "10.2.2.4", "NVM word read")                                  \
  X(CTRL_EXT,    0x0018, 1, 4, kRw,  0xffffcfff, 0x00000000, "10.2.2.5", "extended device control")                        \
  X(FLA,         0x001c, 1, 4, kRw,  0x0000007f, 0x00000000, "10.2.2.6", "flash access pins")                              \
  X(MDIC,        0x0020, 1, 4, kRw,  0x6fffffff, 0x10000000, "10.2.2.7", "MDI (PHY register) access")                      \
  X(FCAL,        0x0028, 1, 4, kRw,  0xffffffff, 0x00c28001, "10.2.2.8", "flow control address, octets 0-3")               \
  X(FCAH,        0x002c, 1, 4, kRw,  0x0000ffff, 0x00000100, "10.2.2.9", "flow control address, octets 4-5")               \
  X(FCT,         0x0030, 1, 4, kRw,  0x0000ffff, 0x00008808, "10.2.2.10", "flow control EtherType")                        \
  X(KUMCTRLSTA,  0x0034, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.2", "MAC to PHY interface; storage only")               \
  X(VET,         0x0038, 1, 4, kRw,  0x0000ffff, 0x00008100, "10.2.2.11", "VLAN EtherType")                                \
  X(FCTTV,       0x0170, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.2.12", "PAUSE time sent, units of 512 bit times")       \
  X(TXCW,        0x0178, 1, 4, kRw,  0xc000ffff, 0x00000000, "10.2.2", "transmit configuration word of serial links; storage only") \
  X(RXCW,        0x0180, 1, 4, kRo,  0x00000000, 0x00000000, "10.2.2", "receive configuration word of serial links")       \
  X(LEDCTL,      0x0e00, 1, 4, kRw,  0xffffffff, 0x00068302, "10.2.2.14", "LED control")                                   \
  X(EXTCNF_CTRL, 0x0f00, 1, 4, kRw,  0x0fff002f, 0x00000008, "10.2.2.15", "extended configuration, MDIO ownership")        \
  X(EXTCNF_SIZE, 0x0f08, 1, 4, kRw,  0x00ffffff, 0x00000000, "10.2.2.16", "extended configuration size")                   \
  X(POEMB,       0x0f10, 1, 4, kRw,  0x0000ffff, 0x0000030d, "10.2.2", "PHY OEM bits")                                     \
  X(PBA,         0x1000, 1, 4, kRw,  0x0000003f, 0x00140014, "10.2.2.17", "packet buffer allocation, KiB: receive 15:0, transmit 31:16") \
  X(PBS,         0x1008, 1, 4, kRw,  0x0000003f, 0x00000028, "10.2.2", "packet buffer size, KiB")                          \
  X(PBECCSTS,    0x100c, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.2", "packet buffer ECC status")                         \
  X(EEMNGCTL,    0x1010, 1, 4, kRw,  0x0000ffff, 0x80040000, "10.2.2.18", "management's NVM control; configuration done")  \
  X(EEMNGDATA,   0x1014, 1, 4, kRo,  0x00000000, 0x00000000, "10.2.2.19", "management's NVM data")                         \
  X(FLMNGCTL,    0x1018, 1, 4, kRo,  0x00000000, 0x00000000, "10.2.2.20", "management's flash control")                    \
  X(FLMNGDATA,   0x101c, 1, 4, kRo,  0x00000000, 0x00000000, "10.2.2.21", "management's flash data")                       \
  X(FLMNGCNT,    0x1020, 1, 4, kRo,  0x00000000, 0x00000000, "10.2.2.22", "management's flash counter")                    \
  X(EEARBC,      0x1024, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.2", "NVM auto read bus control")                        \
  X(FLASHT,      0x1028, 1, 4, kRw,  0x0000ffff, 0x00000002, "10.2.2.23", "flash timer")                                   \
  X(EEWR,        0x102c, 1, 4, kRw,  0xffffffff, 0x00000002, "10.2.2.24", "NVM word write")                                \
  X(FLSWCTL,     0x1030, 1, 4, kRw,  0x3fffffff, 0xc0000000, "10.2.2.25", "software's flash control")                      \
  X(FLSWDATA,    0x1034, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.2.26", "software's flash data")                         \
  X(FLSWCNT,     0x1038, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.2.27", "software's flash octet counter")                \
  X(FLOP,        0x103c, 1, 4, kRw,  0xffffffff, 0x00020b06, "10.2.2.28", "flash opcodes")                                 \
  X(FLOL,        0x1050, 1, 4, kRw,  0x000000ff, 0x00000001, "10.2.2.29", "flash open lock")                               \
  X(PBA_ECC,     0x1100, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.2", "packet buffer ECC control")

#define GATEHOUSE_I82574_PCIE_REGISTERS(X)                                                                                 \
  X(GCR,         0x5b00, 1, 4, kRw,  0xf17fffff, 0x06800200, "10.2.3", "PCIe control")                                     \
  X(FUNCTAG,     0x5b08, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.3", "function tag")                                     \
  X(GSCL_1,      0x5b10, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.3", "PCIe statistics control 1")                        \
  X(GSCL_2,      0x5b14, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.3", "PCIe statistics control 2")                        \
  X(GSCL_3,      0x5b18, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.3", "PCIe statistics control 3")                        \
  X(GSCL_4,      0x5b1c, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.3", "PCIe statistics control 4")                        \
  X(GSCN,        0x5b20, 4, 4, kRw,  0xffffffff, 0x00000000, "10.2.3", "PCIe statistics counters")                         \
  X(FACTPS,      0x5b30, 1, 4, kRo,  0x00000000, 0x20000004, "10.2.3", "function active and power state")                  \
  X(GIOANACTL,   0x5b34, 4, 4, kRw,  0x0000ffff, 0x80000000, "10.2.3", "PCIe analogue control per lane; bit 31 done")      \
  X(GIOANACTLALL, 0x5b44, 1, 4, kRw, 0x0000ffff, 0x80000000, "10.2.3", "PCIe analogue control of all lanes; bit 31 done")  \
  X(CCMCTL,      0x5b48, 1, 4, kRw,  0x0000ffff, 0x80000000, "10.2.3", "CCM control; bit 31 done")                         \
  X(SCCTL,       0x5b4c, 1, 4, kRw,  0x0000ffff, 0x80000000, "10.2.3", "SerDes calibration control; bit 31 done")          \
  X(SWSM,        0x5b50, 1, 4, kRw,  0x0000000b, 0x00000000, "10.2.3", "software semaphore; a read sets SMBI")             \
  X(FWSM,        0x5b54, 1, 4, kRo,  0x00000000, 0x00000000, "10.2.3", "firmware semaphore; no firmware here")             \
  X(SWSM2,       0x5b58, 1, 4, kRw,  0x00000002, 0x00000000, "10.2.3", "second software semaphore")      \
  X(SW_FW_SYNC,  0x5b5c, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.3", "software and firmware synchronization")            \
  X(GCR2,        0x5b64, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.3", "PCIe control 2")                                   \
  X(PBACLR,      0x5b68, 1, 4, kWo,  0x0000001f, 0x00000000, "10.2.10", "MSI-X pending bits clear")

#define GATEHOUSE_I82574_INTERRUPT_REGISTERS(X)                                                                            \
  X(ICR,         0x00c0, 1, 4, kW1c, 0x01ffffff, 0x00000000, "10.2.4.1", "interrupt causes; what a read clears: 7.4")      \
  X(ITR,         0x00c4, 1, 4, kRw,  0x0000ffff, 0x00000000, "10.2.4.2", "throttling of INTx and MSI, units of 256 ns")    \
  X(ICS,         0x00c8, 1, 4, kWo,  0x01ffffff, 0x00000000, "10.2.4.4", "interrupt cause set; reads as ICR without clearing") \
  X(IMS,         0x00d0, 1, 4, kRw,  0x01ffffff, 0x00000000, "10.2.4.5", "interrupt mask: written ones are set")           \
  X(IMC,         0x00d8, 1, 4, kWo,  0x01ffffff, 0x00000000, "10.2.4.6", "interrupt mask: written ones are cleared")       \
  X(EIAC,        0x00dc, 1, 4, kRw,  0x01f00000, 0x00000000, "10.2.4.7", "causes cleared when their MSI-X is sent")        \
  X(IAM,         0x00e0, 1, 4, kRw,  0xffffffff, 0x00000000, "10.2.4.8", "mask bits cleared with an acknowledge (IAME)")   \
  X(IVAR,        0x00e4, 1, 4, kRw,  0x800fffff, 0x00000000, "10.2.4.9", "MSI-X vector of each cause")                     \
  X(EITR,        0x00e8, 5, 4, kRw,  0x0000ffff, 0x00000000, "10.2.4.3", "throttling of each MSI-X vector, units of 256 ns")
// clang-format on

#endif  // GATEHOUSE_HW_SPEC_I82574_ROWS_GENERAL_HH_
