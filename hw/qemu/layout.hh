// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_HW_QEMU_LAYOUT_HH_
#define GATEHOUSE_HW_QEMU_LAYOUT_HH_

namespace gatehouse::qemu {

// Null, or the first row of layout.h that C and C++ measure differently: this build of QEMU can't work.
const char* layout_difference();

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_LAYOUT_HH_
