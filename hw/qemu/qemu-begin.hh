// SPDX-License-Identifier: GPL-2.0-or-later
// Opens a block of QEMU headers; see hw/qemu/qemu-cxx.hh. Included many times on purpose: no
// include guard.
#ifdef GATEHOUSE_IN_QEMU_HEADERS
#error "hw/qemu/qemu-end.hh is missing behind the block of QEMU headers before"
#endif
#define GATEHOUSE_IN_QEMU_HEADERS

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wregister"
#pragma GCC diagnostic ignored "-Wnarrowing"
#pragma GCC diagnostic ignored "-Wsign-compare"

// Words that QEMU uses as names.
#define class qemu_class
#define delete qemu_delete
#define export qemu_export
#define namespace qemu_namespace
#define new qemu_new
#define operator qemu_operator
#define private qemu_private
#define register
#define restrict __restrict__  // C's keyword, which C++ lacks
#define template qemu_template
#define this qemu_this
#define typename qemu_typename

extern "C" {
