// SPDX-License-Identifier: GPL-2.0-or-later
// The 82574's PHY: registers in pages (data sheet 10.3; IEEE 802.3 clauses 22, 28, 40). X(name, page, address, mode,
// mask, reset, text) page kAny: registers that every page shows. mask: bits that a write changes.
#ifndef GATEHOUSE_HW_SPEC_I82574_PHY_HH_
#define GATEHOUSE_HW_SPEC_I82574_PHY_HH_

#include <cstddef>
#include <cstdint>

namespace gatehouse::i82574::phy {

inline constexpr unsigned kAddress = 1;  // on the MDIO bus
inline constexpr uint16_t kAny = 0xffff;
inline constexpr unsigned kPageShift = 5;        // of the page number in PAGE_31
inline constexpr unsigned kWakeRegisters = 128;  // behind WAKE_ADDRESS and WAKE_DATA of page 800

enum class Mode : uint8_t { kRw, kRo, kRc };

// clang-format off
#define GATEHOUSE_I82574_PHY_REGISTERS(X)                                                                        \
  X(CONTROL,        kAny, 0,  kRw, 0xfdc0, 0x1140, "control")                                                    \
  X(STATUS,         kAny, 1,  kRo, 0x0000, 0x7949, "status; link is latched low")                                \
  X(ID1,            kAny, 2,  kRo, 0x0000, 0x0141, "identifier, upper half")                                     \
  X(ID2,            kAny, 3,  kRo, 0x0000, 0x0cb1, "identifier, lower half")                                     \
  X(ADVERTISE,      kAny, 4,  kRw, 0xbfff, 0x0de1, "what we offer")                                              \
  X(PARTNER,        kAny, 5,  kRo, 0x0000, 0x0000, "what the link partner offers")                               \
  X(EXPANSION,      kAny, 6,  kRo, 0x0000, 0x0004, "negotiation expansion")                                      \
  X(NEXT_PAGE,      kAny, 7,  kRw, 0xb7ff, 0x2001, "next page to send")                                          \
  X(PARTNER_NEXT,   kAny, 8,  kRo, 0x0000, 0x0000, "partner's next page")                                        \
  X(CONTROL_1000,   kAny, 9,  kRw, 0xff00, 0x0f00, "1000BASE-T control")                                         \
  X(STATUS_1000,    kAny, 10, kRo, 0x0000, 0x0000, "1000BASE-T status")                                          \
  X(EXTENDED,       kAny, 15, kRo, 0x0000, 0x3000, "extended status")                                            \
  X(PAGE,           kAny, 22, kRw, 0xffff, 0x0000, "page of registers 16-21, 23-30")                             \
  X(PAGE_31,        kAny, 31, kRw, 0xffff, 0x0000, "the same, page number in bits 15:5")                         \
  X(COPPER_CONTROL, 0,    16, kRw, 0xffff, 0x3360, "copper specific control")                                    \
  X(COPPER_STATUS,  0,    17, kRo, 0x0000, 0x0000, "copper specific status: speed, duplex, link")                \
  X(INTERRUPT_ENABLE, 0,  18, kRw, 0xffff, 0x0000, "interrupt enable")                                           \
  X(INTERRUPT_STATUS, 0,  19, kRc, 0x0000, 0x0000, "interrupt status")                                           \
  X(COPPER_CONTROL3, 0,   20, kRw, 0xffff, 0x0000, "copper specific control 3")                                  \
  X(RECEIVE_ERRORS, 0,    21, kRc, 0x0000, 0x0000, "receive error counter")                                      \
  X(OEM_BITS,       0,    25, kRw, 0xfbff, 0x0000, "OEM bits; bit 10 restarts negotiation")                      \
  X(COPPER_CONTROL2, 0,   26, kRw, 0xffff, 0x0000, "copper specific control 2")                                  \
  X(BIAS_ADDRESS,   0,    29, kRw, 0xffff, 0x0000, "bias setting address")                                       \
  X(BIAS_DATA,      0,    30, kRw, 0xffff, 0x0000, "bias setting data")                                          \
  X(MAC_CONTROL1,   2,    16, kRw, 0xffff, 0x0088, "MAC interface control 1")                                    \
  X(MAC_INTERRUPT_ENABLE, 2, 18, kRw, 0xffff, 0x0000, "MAC interface interrupt enable")                          \
  X(MAC_STATUS,     2,    19, kRo, 0x0000, 0x0000, "MAC interface status")                                       \
  X(MAC_CONTROL2,   2,    21, kRw, 0xffff, 0x1046, "MAC interface control 2; bits 2:0 speed of the MAC side")    \
  X(LED_FUNCTION,   3,    16, kRw, 0xffff, 0x0000, "LED function")                                               \
  X(LED_POLARITY,   3,    17, kRw, 0xffff, 0x0000, "LED polarity")                                               \
  X(LED_TIMER,      3,    18, kRw, 0xffff, 0x4005, "LED timer")                                                  \
  X(LED_FUNCTION45, 3,    19, kRw, 0xffff, 0x0000, "LED 4 and 5")                                                \
  X(PAIR_SKEW,      5,    20, kRo, 0x0000, 0x0000, "1000BASE-T pair skew")                                       \
  X(PAIR_SWAP,      5,    21, kRo, 0x0000, 0x0000, "1000BASE-T pair swap and polarity")                          \
  X(CRC_COUNTERS,   6,    17, kRc, 0x0000, 0x0000, "CRC error and frame counters")                               \
  X(PORT_CONTROL,   769,  16, kRw, 0xffff, 0x0000, "port general configuration")                                 \
  X(WAKE_ENABLE,    769,  17, kRw, 0xffff, 0x0000, "access to the wake-up registers")                            \
  X(PORT_CONTROL4,  769,  20, kRw, 0xffff, 0x0000, "port control, link power")                                   \
  X(FORCE_LINK,     776,  16, kRw, 0xffff, 0x0000, "force link")                                                 \
  X(WAKE_ADDRESS,   800,  17, kRw, 0xffff, 0x0000, "wake-up register that WAKE_DATA shows")                      \
  X(WAKE_DATA,      800,  18, kRw, 0xffff, 0x0000, "wake-up register's value")
// clang-format on

enum Index : unsigned {
#define GATEHOUSE_I82574_PHY_INDEX(name, page, address, mode, mask, reset, text) name,
  GATEHOUSE_I82574_PHY_REGISTERS(GATEHOUSE_I82574_PHY_INDEX)
#undef GATEHOUSE_I82574_PHY_INDEX
      kRegisterCount
};

struct RegisterRow {
  const char* name;
  uint16_t page;
  uint8_t address;
  Mode mode;
  uint16_t mask;
  uint16_t reset;
  const char* text;
};

// Row i belongs to Index i.
inline constexpr RegisterRow kRegisters[] = {
#define GATEHOUSE_I82574_PHY_ROW(name, page, address, mode, mask, reset, text) \
  {#name, page, address, Mode::mode, mask, reset, text},
    GATEHOUSE_I82574_PHY_REGISTERS(GATEHOUSE_I82574_PHY_ROW)
#undef GATEHOUSE_I82574_PHY_ROW
};

// X(register, field, mask, text)
// clang-format off
#define GATEHOUSE_I82574_PHY_FIELDS(X)                                             \
  X(CONTROL, RESET,            0x8000, "soft reset: settings stay, the link restarts; reads as zero") \
  X(CONTROL, LOOPBACK,         0x4000, "loopback")                                 \
  X(CONTROL, SPEED_LSB,        0x2000, "forced speed, with SPEED_MSB: 0 = 10, 1 = 100, 2 = 1000 Mb/s") \
  X(CONTROL, NEGOTIATE,        0x1000, "autonegotiation")                          \
  X(CONTROL, POWER_DOWN,       0x0800, "power down")                               \
  X(CONTROL, ISOLATE,          0x0400, "isolate")                                  \
  X(CONTROL, RESTART,          0x0200, "restart autonegotiation; reads as zero")   \
  X(CONTROL, FULL_DUPLEX,      0x0100, "forced duplex")                            \
  X(CONTROL, SPEED_MSB,        0x0040, "forced speed")                             \
  X(STATUS, NEGOTIATED,        0x0020, "autonegotiation complete")                 \
  X(STATUS, LINK,              0x0004, "link has been up since the last read")     \
  X(ADVERTISE, HALF_10,        0x0020, "10BASE-T")                                 \
  X(ADVERTISE, FULL_10,        0x0040, "10BASE-T full duplex")                     \
  X(ADVERTISE, HALF_100,       0x0080, "100BASE-TX")                               \
  X(ADVERTISE, FULL_100,       0x0100, "100BASE-TX full duplex")                   \
  X(ADVERTISE, PAUSE,          0x0400, "symmetric PAUSE")                          \
  X(ADVERTISE, ASYMMETRIC,     0x0800, "asymmetric PAUSE")                         \
  X(EXPANSION, PARTNER_ABLE,   0x0001, "the partner negotiates")                   \
  X(EXPANSION, PAGE_RECEIVED,  0x0002, "a page came; cleared by a read")           \
  X(CONTROL_1000, HALF,        0x0100, "1000BASE-T half duplex")                   \
  X(CONTROL_1000, FULL,        0x0200, "1000BASE-T full duplex")                   \
  X(COPPER_STATUS, SPEED,      0xc000, "0 = 10, 1 = 100, 2 = 1000 Mb/s")           \
  X(COPPER_STATUS, DUPLEX,     0x2000, "full duplex")                              \
  X(COPPER_STATUS, RESOLVED,   0x0800, "speed and duplex are known")               \
  X(COPPER_STATUS, LINK,       0x0400, "link")                                     \
  X(COPPER_STATUS, CABLE,      0x0380, "cable length class; 1 = 50 to 80 m")       \
  X(COPPER_STATUS, TX_PAUSE,   0x0008, "transmit PAUSE was negotiated")            \
  X(COPPER_STATUS, RX_PAUSE,   0x0004, "receive PAUSE was negotiated")             \
  X(INTERRUPT_STATUS, LINK_CHANGED, 0x0400, "link changed")                        \
  X(INTERRUPT_STATUS, NEGOTIATED, 0x0800, "autonegotiation completed")             \
  X(OEM_BITS, RESTART,         0x0400, "restart autonegotiation; reads as zero")
// clang-format on

#define GATEHOUSE_I82574_PHY_FIELD(register_name, field, mask, text) \
  inline constexpr uint16_t register_name##_##field = mask;
GATEHOUSE_I82574_PHY_FIELDS(GATEHOUSE_I82574_PHY_FIELD)
#undef GATEHOUSE_I82574_PHY_FIELD

// A link partner that offers everything, with symmetric PAUSE: PARTNER and STATUS_1000 once negotiation is complete.
inline constexpr uint16_t kPartner = 0x45e1;
inline constexpr uint16_t kPartner1000 = 0x3c00;

}  // namespace gatehouse::i82574::phy

#endif  // GATEHOUSE_HW_SPEC_I82574_PHY_HH_
