# SPDX-License-Identifier: GPL-2.0-or-later
# A newc archive (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst) in plain bash: everything is
# owned by root and dated 0, so the archive depends on the folder's contents only and nobody needs to be root.

# cpio_pad LENGTH ALIGNMENT: the zero bytes that align.
cpio_pad() {
  local count=$(((-$1) & ($2 - 1)))
  ((count == 0)) || head -c "$count" /dev/zero
}

# cpio_entry INODE MODE(octal) SIZE NAME: header and name. Links: a folder's count is not checked by the kernel.
cpio_entry() {
  local name=$4
  local zeros='\0\0\0\0' length=$((${#name} + 1))
  local pad=$(((-(110 + length)) & 3))
  printf "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0${zeros:0:$((2 * pad))}" \
    "$1" "0$2" 0 0 1 0 "$3" 0 0 0 0 "$length" 0 "$name"
}

# cpio_write FOLDER: the archive on standard output. A folder comes before what is in it (\1 sorts before any letter).
cpio_write() (
  cd "$1" || exit 1
  # Lengths are bytes, not characters.
  LC_ALL=C
  inode=1
  find . -mindepth 1 -printf '%P\1%y\1%m\1%s\1%l\0' | LC_ALL=C sort -z |
    while IFS=$'\1' read -r -d '' name kind mode size target; do
      inode=$((inode + 1))
      printf -v mode '%04o' "0$mode"
      case $kind in
        d) cpio_entry "$inode" "4$mode" 0 "$name" ;;
        l)
          cpio_entry "$inode" 120777 "${#target}" "$name"
          printf '%s' "$target"
          cpio_pad "${#target}" 4
          ;;
        f)
          cpio_entry "$inode" "10$mode" "$size" "$name"
          cat "./$name"
          cpio_pad "$size" 4
          ;;
        *) echo "cpio: $name: only files, folders and symbolic links" >&2 && exit 1 ;;
      esac
    done
  cpio_entry 0 0 0 'TRAILER!!!'
)
