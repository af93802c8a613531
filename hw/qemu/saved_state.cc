// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/saved_state.hh"

#include "hw/qemu/qemu-begin.hh"
#include "migration/qemu-file-types.h"
#include "qemu/error-report.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {

void put_archive(QEMUFile* file, const Archive& archive) {
  qemu_put_be32(file, static_cast<unsigned>(archive.bytes().size()));
  qemu_put_buffer(file, archive.bytes().data(), archive.bytes().size());
}

bool get_archive(QEMUFile* file, const char* what, std::vector<uint8_t>& octets) {
  const uint32_t length = qemu_get_be32(file);
  if (length > kMaxSavedState) {
    error_report("%s: saved state of %u octets: more than there can be", what, length);
    return false;
  }
  octets.resize(length);
  if (qemu_get_buffer(file, octets.data(), length) != length) {
    error_report("%s: saved state is cut off", what);
    return false;
  }
  return true;
}

int finish_load(const Archive& archive, const char* what) {
  if (archive.ok() && archive.at_end()) return 0;
  error_report("%s: %s", what,
               archive.ok() ? "saved state has octets left over" : archive.error().c_str());
  return -EINVAL;
}

}  // namespace gatehouse::qemu
