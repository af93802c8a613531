// SPDX-License-Identifier: GPL-2.0-or-later
// Rows of hw/spec/i82574_fields.hh: general, NVM, PCIe, semaphores, interrupts, wake-up, time.
#ifndef GATEHOUSE_HW_SPEC_I82574_FIELD_ROWS_GENERAL_HH_
#define GATEHOUSE_HW_SPEC_I82574_FIELD_ROWS_GENERAL_HH_

// clang-format off
#define GATEHOUSE_I82574_GENERAL_FIELDS(X)                                                               \
  X(CTRL, FD,              0x00000001, "full duplex, when forced")                                       \
  X(CTRL, GIO_MASTER_DISABLE, 0x00000004, "no new DMA; STATUS.GIO_MASTER_ENABLE tells when it stopped")  \
  X(CTRL, ASDE,            0x00000020, "automatic speed detection")                                      \
  X(CTRL, SLU,             0x00000040, "set link up: the MAC follows the PHY's link")                    \
  X(CTRL, SPEED,           0x00000300, "speed, when forced: 0 = 10, 1 = 100, 2 = 1000 Mb/s")             \
  X(CTRL, FRCSPD,          0x00000800, "force speed")                                                    \
  X(CTRL, FRCDPLX,         0x00001000, "force duplex")                                                   \
  X(CTRL, ADVD3WUC,        0x00100000, "D3cold wake-up advertised")                                      \
  X(CTRL, RST,             0x04000000, "reset of the MAC; reads as zero")                                \
  X(CTRL, RFCE,            0x08000000, "obey received PAUSE frames")                                     \
  X(CTRL, TFCE,            0x10000000, "send PAUSE frames")                                              \
  X(CTRL, VME,             0x40000000, "VLAN mode: strip and insert tags")                               \
  X(CTRL, PHY_RST,         0x80000000, "PHY held in reset while set")                                    \
  X(STATUS, FD,            0x00000001, "full duplex")                                                    \
  X(STATUS, LU,            0x00000002, "link up")                                                        \
  X(STATUS, LAN_ID,        0x0000000c, "LAN function; 0")                                                \
  X(STATUS, TXOFF,         0x00000010, "transmission paused by a received PAUSE frame")                  \
  X(STATUS, SPEED,         0x000000c0, "speed: 0 = 10, 1 = 100, 2 = 1000 Mb/s")                          \
  X(STATUS, ASDV,          0x00000300, "automatically detected speed, same coding")                      \
  X(STATUS, PHYRA,         0x00000400, "the PHY was reset; cleared by writing zero")                     \
  X(STATUS, GIO_MASTER_ENABLE, 0x00080000, "DMA may still be under way")                                 \
  X(EEC, SK,               0x00000001, "serial clock pin")                                               \
  X(EEC, CS,               0x00000002, "chip select pin, low = selected")                                \
  X(EEC, DI,               0x00000004, "data to the NVM")                                                \
  X(EEC, DO,               0x00000008, "data from the NVM")                                              \
  X(EEC, FWE,              0x00000030, "flash writes: 1 = disabled, 2 = enabled")                        \
  X(EEC, REQ,              0x00000040, "software wants the pins")                                        \
  X(EEC, GNT,              0x00000080, "software has the pins")                                          \
  X(EEC, PRES,             0x00000100, "an NVM is there")                                                \
  X(EEC, AUTO_RD,          0x00000200, "the automatic read is done")                                     \
  X(EEC, NVSIZE,           0x00007800, "NVM size: 128 << n octets; 0 = 128")                             \
  X(EEC, NVADDS,           0x00018000, "NVM address width: 2 = 16 bits")                                 \
  X(EEC, FLUPD,            0x00080000, "update the flash from the shadow; reads as zero when done")      \
  X(EEC, AUPDEN,           0x00100000, "autonomous flash update")                                        \
  X(EEC, SEC1VAL,          0x00400000, "sector 1 is the valid one")                                      \
  X(EEC, NVMTYPE,          0x00800000, "0 = EEPROM, 1 = flash")                                          \
  X(EERD, START,           0x00000001, "start")                                                          \
  X(EERD, DONE,            0x00000002, "done")                                                           \
  X(EERD, ADDR,            0x0000fffc, "word address")                                                   \
  X(EERD, DATA,            0xffff0000, "data")                                                           \
  X(EEWR, START,           0x00000001, "start")                                                          \
  X(EEWR, DONE,            0x00000002, "done")                                                           \
  X(EEWR, ADDR,            0x0000fffc, "word address")                                                   \
  X(EEWR, DATA,            0xffff0000, "data")                                                           \
  X(CTRL_EXT, ASDCHK,      0x00001000, "start a speed detection; reads as zero")                         \
  X(CTRL_EXT, EE_RST,      0x00002000, "load the NVM again; reads as zero")                              \
  X(CTRL_EXT, SPD_BYPS,    0x00008000, "speed from CTRL.SPEED")                                          \
  X(CTRL_EXT, RO_DIS,      0x00020000, "no relaxed ordering")                                            \
  X(CTRL_EXT, DMA_DYN_CLK, 0x00080000, "DMA clock gating")                                               \
  X(CTRL_EXT, PHY_PD_EN,   0x00100000, "PHY power-down allowed")                                         \
  X(CTRL_EXT, TX_LS_FLOW,  0x00200000, "transmit large send flow")                                       \
  X(CTRL_EXT, TX_LS,       0x00400000, "transmit large send")                                            \
  X(CTRL_EXT, EIAME,       0x01000000, "auto-mask when an MSI-X is sent")                                \
  X(CTRL_EXT, IAME,        0x08000000, "auto-mask when ICR is read or written")                          \
  X(CTRL_EXT, DRV_LOAD,    0x10000000, "a driver is loaded")                                             \
  X(CTRL_EXT, INT_TIMERS_CLEAR_ENA, 0x20000000, "masking all causes starts the throttling timers anew")   \
  X(CTRL_EXT, PBA_CLR,     0x80000000, "setting a mask bit clears the vector's pending bit")             \
  X(FLA, FL_SK,            0x00000001, "flash clock pin")                                                \
  X(FLA, FL_CE,            0x00000002, "flash chip select pin")                                          \
  X(FLA, FL_SI,            0x00000004, "data to the flash")                                              \
  X(FLA, FL_SO,            0x00000008, "data from the flash")                                            \
  X(FLA, FL_REQ,           0x00000010, "software wants the flash pins")                                  \
  X(FLA, FL_GNT,           0x00000020, "software has the flash pins")                                    \
  X(FLA, FL_BUSY,          0x40000000, "flash busy")                                                     \
  X(FLA, FL_ER,            0x80000000, "erase the flash")                                                \
  X(MDIC, DATA,            0x0000ffff, "data")                                                           \
  X(MDIC, REGADD,          0x001f0000, "PHY register")                                                   \
  X(MDIC, PHYADD,          0x03e00000, "PHY address; 1")                                                 \
  X(MDIC, OP,              0x0c000000, "1 = write, 2 = read")                                            \
  X(MDIC, READY,           0x10000000, "done")                                                           \
  X(MDIC, I,               0x20000000, "interrupt (MDAC) when done")                                     \
  X(MDIC, E,               0x40000000, "error")                                                          \
  X(EXTCNF_CTRL, MDIO_SW,  0x00000020, "software owns the MDIO pins")                                    \
  X(EXTCNF_CTRL, MDIO_HW,  0x00000040, "hardware owns the MDIO pins")                                    \
  X(EEMNGCTL, CFG_DONE0,   0x00040000, "configuration of port 0 is done")                                \
  X(FLSWCTL, ADDR,         0x00ffffff, "flash address, octets")                                          \
  X(FLSWCTL, CMD,          0x0f000000, "0 = read, 1 = write, 2 = erase sector, 3 = erase all, 4 = read status, 8 = read id") \
  X(FLSWCTL, CMDV,         0x10000000, "the command is valid (not used by software here)")               \
  X(FLSWCTL, FLBUSY,       0x20000000, "the flash is busy")                                              \
  X(FLSWCTL, DONE,         0x40000000, "the cycle is done")                                              \
  X(FLSWCTL, GLDONE,       0x80000000, "the whole command is done")                                      \
  X(PBA, RXA,              0x0000ffff, "receive FIFO, KiB")                                              \
  X(PBA, TXA,              0xffff0000, "transmit FIFO, KiB")                                             \
  X(SWSM, SMBI,            0x00000001, "software semaphore; set by a read")                              \
  X(SWSM, SWESMBI,         0x00000002, "software/firmware semaphore; sticks when no one else has it")    \
  X(SWSM, DRV_LOAD,        0x00000008, "a driver is loaded")                                             \
  X(SWSM2, LOCK,           0x00000002, "second software semaphore")                                      \
  X(FWSM, MODE,            0x0000000e, "firmware mode; 0 = none")                                        \
  X(FWSM, FW_VAL_BIT,      0x00008000, "firmware is there")                                              \
  X(FACTPS, FUNC0_POWER,   0x00000003, "power state of the function: 0 = DR, 1 = D0u, 2 = D0a, 3 = D3")  \
  X(FACTPS, LAN0_VALID,    0x00000004, "the function is enabled")                                        \
  X(FACTPS, MNGCG,         0x20000000, "manageability clock gated")                                      \
  X(FACTPS, PM_STATE_CHANGED, 0x80000000, "the power state changed; cleared by a read")                  \
  X(PBACLR, PENBIT,        0x0000001f, "pending bits to clear, one per vector")

#define GATEHOUSE_I82574_INTERRUPT_FIELDS(X)                                                             \
  X(ICR, TXDW,             0x00000001, "transmit descriptor written back")                               \
  X(ICR, TXQE,             0x00000002, "transmit queue empty")                                           \
  X(ICR, LSC,              0x00000004, "link status changed")                                            \
  X(ICR, RXDMT0,           0x00000010, "few receive descriptors left")                                   \
  X(ICR, RXO,              0x00000040, "receiver overrun")                                               \
  X(ICR, RXT0,             0x00000080, "receive timer; a frame was received")                            \
  X(ICR, MDAC,             0x00000200, "MDIO access complete")                                           \
  X(ICR, TXD_LOW,          0x00008000, "few transmit descriptors left")                                  \
  X(ICR, SRPD,             0x00010000, "small packet received")                                          \
  X(ICR, ACK,              0x00020000, "TCP ACK received")                                               \
  X(ICR, MNG,              0x00040000, "manageability event")                                            \
  X(ICR, EPRST,            0x00080000, "management engine was reset")                                    \
  X(ICR, RXQ0,             0x00100000, "receive queue 0 (MSI-X)")                                        \
  X(ICR, RXQ1,             0x00200000, "receive queue 1 (MSI-X)")                                        \
  X(ICR, TXQ0,             0x00400000, "transmit queue 0 (MSI-X)")                                       \
  X(ICR, TXQ1,             0x00800000, "transmit queue 1 (MSI-X)")                                       \
  X(ICR, OTHER,            0x01000000, "another cause (MSI-X)")                                          \
  X(ICR, INT_ASSERTED,     0x80000000, "an enabled cause is pending")                                    \
  X(ITR, INTERVAL,         0x0000ffff, "least time between interrupts, units of 256 ns")                 \
  X(EITR, INTERVAL,        0x0000ffff, "least time between interrupts, units of 256 ns")                 \
  X(EIAC, CAUSES,          0x01f00000, "causes of MSI-X vectors")                                        \
  X(IVAR, RXQ0,            0x0000000f, "vector of RXQ0; bit 3 of each entry: valid")                     \
  X(IVAR, RXQ1,            0x000000f0, "vector of RXQ1")                                                 \
  X(IVAR, TXQ0,            0x00000f00, "vector of TXQ0")                                                 \
  X(IVAR, TXQ1,            0x0000f000, "vector of TXQ1")                                                 \
  X(IVAR, OTHER,           0x000f0000, "vector of OTHER")                                                \
  X(IVAR, EVERY_WRITE_BACK, 0x80000000, "transmit interrupts on every write-back, not only with RS")

#define GATEHOUSE_I82574_OTHER_FIELDS(X)                                                                 \
  X(WUC, APME,             0x00000001, "advance power management wake-up")                               \
  X(WUC, PME_EN,           0x00000002, "PME enable")                                                     \
  X(WUC, PME_STATUS,       0x00000004, "PME status")                                                     \
  X(WUC, APMPME,           0x00000008, "assert PME on APM wake-up")                                      \
  X(WUFC, LNKC,            0x00000001, "wake on link change")                                            \
  X(WUFC, MAG,             0x00000002, "wake on magic packet")                                           \
  X(WUFC, EX,              0x00000004, "wake on directed exact frame")                                   \
  X(WUFC, MC,              0x00000008, "wake on directed multicast frame")                               \
  X(WUFC, BC,              0x00000010, "wake on broadcast frame")                                        \
  X(TSYNCTXCTL, VALID,     0x00000001, "TXSTMP holds a time stamp")                                      \
  X(TSYNCTXCTL, EN,        0x00000010, "take time stamps")                                               \
  X(TSYNCRXCTL, VALID,     0x00000001, "RXSTMP holds a time stamp")                                      \
  X(TSYNCRXCTL, TYPE,      0x0000000e, "0 = L2 v2, 1 = L4 v1, 2 = L2 and L4 v2, 4 = all, 5 = v2 events") \
  X(TSYNCRXCTL, EN,        0x00000010, "take time stamps")                                               \
  X(TSYNCRXCTL, SYSCFI,    0x00000020, "system clock frequency input")                                   \
  X(TIMINCA, IV,           0x00ffffff, "increment value")                                                \
  X(TIMINCA, IP,           0xff000000, "increment period, units of 40 ns")                               \
  X(TIMADJH, SIGN,         0x80000000, "1 = subtract")                                                   \
  X(RXMTRL, ETYPE,         0x0000ffff, "PTP EtherType")                                                  \
  X(RXMTRL, CTRLT,         0x00ff0000, "v1 control field that is stamped")                               \
  X(RXMTRL, MSGT,          0xff000000, "v2 message type that is stamped")                                \
  X(RXUDP, UPORT,          0x0000ffff, "PTP UDP port")
// clang-format on

#endif  // GATEHOUSE_HW_SPEC_I82574_FIELD_ROWS_GENERAL_HH_
