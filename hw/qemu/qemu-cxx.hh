// SPDX-License-Identifier: GPL-2.0-or-later
// QEMU's C headers for C++. The first include of every .cc in hw/qemu; it takes the place of
// "qemu/osdep.h". Then
//
//   #include "hw/qemu/qemu-begin.hh"
//   #include "hw/pci/pci_device.h"   // ... QEMU's headers, and no others
//   #include "hw/qemu/qemu-end.hh"
//
// The pair gives the headers C linkage and takes C++'s keywords out of their way. Never include
// target/i386/cpu.h (or another target's cpu.h) from C++: it has empty structs, which are 0 bytes
// in GNU C and 1 byte in C++, so that members behind them move and both sides disagree silently.
// qemu/cutils.h does not compile as C++ (an implicit conversion from void *); nothing in it is
// missed here.
//
// QEMU's objects are zeroed memory without constructors: what needs a constructor lives behind a
// pointer that realize makes and unrealize deletes. No C++ exception may leave a function that QEMU
// calls.
#ifndef GATEHOUSE_HW_QEMU_QEMU_CXX_HH_
#define GATEHOUSE_HW_QEMU_QEMU_CXX_HH_

// Standard headers that QEMU's pull in must have been seen before extern "C" begins: they hold
// templates.
#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// C's spelling of what QEMU's headers say; each is needed by a header, not by us.
#define _Static_assert static_assert  // qemu/compiler.h, QEMU_BUILD_BUG_MSG
#define typeof_strip_qual(expression) \
  std::remove_cv_t<std::remove_reference_t<decltype(expression)>>  // compiler.h has it for C only;
                                                                   // qatomic needs it

#include "qemu/osdep.h"

#include <glib-object.h>
#include <glib.h>
#include <sys/uio.h>

// A struct inside sizeof and __builtin_types_compatible_p are C only. Both only check, they compute
// nothing.
#undef QEMU_BUILD_BUG_ON_ZERO
#define QEMU_BUILD_BUG_ON_ZERO(x) 0
#undef QEMU_IS_ARRAY
#define QEMU_IS_ARRAY(x) true

// qemu/lockable.h is built on _Generic, so it is taken as seen: coroutine.h wants the type's name,
// ratelimit.h the two macros, in inline functions that C++ must not call (they would not lock).
// BQL_LOCK_GUARD works.
#define QEMU_LOCKABLE_H
typedef struct QemuLockable QemuLockable;
#define QEMU_LOCK_GUARD(x) static_cast<void>(x)
#define WITH_QEMU_LOCK_GUARD(x) if (static_cast<void>(x); true)

#pragma GCC diagnostic ignored \
    "-Wpointer-arith"  // GNU C's arithmetic on void *, in inline functions and macros

// exec/breakpoint.h names a member like its type ("vaddr vaddr"), which C++ refuses. Same layout,
// other name.
#define EXEC_BREAKPOINT_H
#include "hw/qemu/qemu-begin.hh"
#include "exec/memattrs.h"
#include "exec/vaddr.h"
#include "qemu/queue.h"

typedef struct CPUBreakpoint {
  vaddr pc;
  int flags;
  QTAILQ_ENTRY(CPUBreakpoint) entry;
} CPUBreakpoint;

typedef struct CPUWatchpoint {
  vaddr address;
  vaddr len;
  vaddr hitaddr;
  MemTxAttrs hitattrs;
  int flags;
  QTAILQ_ENTRY(CPUWatchpoint) entry;
} CPUWatchpoint;
#include "hw/qemu/qemu-end.hh"

#endif  // GATEHOUSE_HW_QEMU_QEMU_CXX_HH_
