// SPDX-License-Identifier: GPL-2.0-or-later
// An Archive (hw/core/base/archive.hh) as a field of a VMStateDescription: a length and the
// archive's octets. What is loaded comes from a file or a socket and is hostile.
#ifndef GATEHOUSE_HW_QEMU_SAVED_STATE_HH_
#define GATEHOUSE_HW_QEMU_SAVED_STATE_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "migration/vmstate.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/core/base/archive.hh"

namespace gatehouse::qemu {

// Larger than any state of ours: two uplinks' queues of full frames are about 8 MB, the firewalls'
// connections at most 430 MB (Guard::kMostSaved).
inline constexpr uint32_t kMaxSavedState = 512u << 20;

void put_archive(QEMUFile* file, const Archive& archive);
// Fills `octets`; false, and the error reported, when the length is impossible or the stream ends.
bool get_archive(QEMUFile* file, const char* what, std::vector<uint8_t>& octets);
// Reports what the archive found wrong. 0, or a negative errno for the migration code.
int finish_load(const Archive& archive, const char* what);

// kArchive(state, archive) saves or loads the device at `state`.
template <class State, void (*kArchive)(State*, Archive&)>
inline const VMStateInfo kArchiveInfo = {
    .name = "gatehouse-archive",
    .get =
        [](QEMUFile* file, void* state, size_t, const VMStateField* field) {
          std::vector<uint8_t> octets;
          if (!get_archive(file, field->name, octets)) return -EINVAL;
          Archive archive{std::span<const uint8_t>(octets)};
          kArchive(static_cast<State*>(state), archive);
          return finish_load(archive, field->name);
        },
    .put =
        [](QEMUFile* file, void* state, size_t, const VMStateField*, JSONWriter*) {
          Archive archive;
          kArchive(static_cast<State*>(state), archive);
          put_archive(file, archive);
          return 0;
        },
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_SAVED_STATE_HH_
