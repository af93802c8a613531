// SPDX-License-Identifier: GPL-2.0-or-later
// Closes the block that hw/qemu/qemu-begin.hh opened. No include guard on purpose.
#ifndef GATEHOUSE_IN_QEMU_HEADERS
#error "hw/qemu/qemu-end.hh without hw/qemu/qemu-begin.hh"
#endif
#undef GATEHOUSE_IN_QEMU_HEADERS
}

#undef class
#undef delete
#undef export
#undef namespace
#undef new
#undef operator
#undef private
#undef register
#undef restrict
#undef template
#undef this
#undef typename

#pragma GCC diagnostic pop
