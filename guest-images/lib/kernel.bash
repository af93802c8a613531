# SPDX-License-Identifier: GPL-2.0-or-later
# A Debian kernel package as QEMU wants it: the compressed image, the ELF image for direct boot, the modules.

# number FILE OFFSET SIZE: a little-endian number.
number() { od -An -j "$2" -N "$3" -t "u$3" "$1" | tr -d ' '; }

# extract_vmlinux BZIMAGE OUT: the ELF image out of the compressed one (Documentation/arch/x86/boot.rst: setup_sects,
# payload_offset and payload_length of the real-mode header; the payload ends with its size, 4 bytes).
extract_vmlinux() {
  local image=$1 out=$2 start length magic unpack
  start=$((($(number "$image" $((0x1f1)) 1) + 1) * 512 + $(number "$image" $((0x248)) 4)))
  length=$(number "$image" $((0x24c)) 4)
  magic=$(od -An -j "$start" -N 4 -t x1 "$image" | tr -d ' ')
  case $magic in
    1f8b*) unpack=(gzip -dc) ;;
    fd377a58) unpack=(xz -dc) ;;
    5d0000*) unpack=(xz --format=lzma -dc) ;;
    28b52ffd) unpack=(zstd -dc) ;;
    02214c18) need lz4 lz4 && unpack=(lz4 -dc) ;;
    *) die "the kernel $image is packed in a way this script does not know (it starts with $magic)" ;;
  esac
  # The size that follows the payload is no part of the archive: the unpackers may complain about it.
  tail -c +$((start + 1)) "$image" | head -c "$length" | "${unpack[@]}" >"$out" 2>/dev/null || true
  [[ $(head -c 4 "$out" | od -An -t x1 | tr -d ' ') == 7f454c46 ]] || die "no ELF kernel came out of $image"
}

# guest_kmod NAME ARGUMENT...: modprobe or depmod of the guest's own kmod, by its own loader, so that the host needs none.
guest_kmod() {
  local name=$1
  shift
  "$parts/tools/usr/lib64/ld-linux-x86-64.so.2" --library-path "$parts/tools/usr/lib/x86_64-linux-gnu" \
    "$parts/tools/usr/bin/$name" "$@"
}

# select_modules TREE RELEASE TARGET: copies what modules.txt names, with its dependencies, decompressed.
select_modules() {
  local tree=$1 release=$2 target=$3 name optional path wanted
  guest_kmod depmod -b "$tree" "$release"
  wanted=$(mktemp)
  while read -r optional name; do
    if [[ -z $name ]]; then name=$optional optional=; fi
    guest_kmod modprobe -d "$tree" -S "$release" --show-depends "$name" 2>/dev/null >>"$wanted" ||
      [[ -n $optional ]] || die "kernel $release has no module $name (modules.txt)"
  done < <(grep -vE '^(#|$)' "$here/modules.txt")
  awk '$1 == "insmod" { print $2 }' "$wanted" | sort -u | while IFS= read -r path; do
    name=${path#"$tree"}
    mkdir -p "$target${name%/*}"
    case $path in
      *.xz) xz -dc "$path" >"$target${name%.xz}" ;;
      *.zst) zstd -qdc "$path" >"$target${name%.zst}" ;;
      *) cp "$path" "$target$name" ;;
    esac
  done
  rm -f "$wanted"
  cp "$tree/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} "$target/lib/modules/$release/"
  guest_kmod depmod -b "$target" "$release"
}

# make_kernel SET OUTPUT...: <out>/linux-<version>/{vmlinux,bzImage} and parts/<set>.cpio with the modules.
make_kernel() {
  local set=$1 folder="$out/linux-${1#kernel-}" suite package image release tree="$parts/$1.tree"
  read -r _ suite package < <(grep "^$set " "$here/packages.txt")
  apt_open "$suite"
  image=$(apt_in "$suite" apt-cache depends --important "$package" |
    awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
  [[ -n $image ]] || die "the suite $suite has no kernel ($package)"
  [[ $image == linux-image-"${set#kernel-}".* ]] ||
    die "$suite's newest kernel is $image, no longer ${set#kernel-}. Fix: change packages.txt"
  fetch "$suite" "$image"
  note "unpacking $image"
  rm -rf "$tree"
  mkdir -p "$tree/all" "$tree/chosen/usr" "$folder"
  unpack "${fetched[0]}" "$tree/all" --wildcards './boot/vmlinuz-*' '*lib/modules/*'
  if [[ -d $tree/all/usr/lib/modules ]]; then ln -sfn usr/lib "$tree/all/lib"; fi
  release=$(basename "$tree"/all/lib/modules/*)
  cp "$tree/all/boot/vmlinuz-$release" "$folder/bzImage"
  extract_vmlinux "$folder/bzImage" "$folder/vmlinux"
  note "choosing modules of $release"
  mkdir -p "$tree/chosen/usr/lib"
  ln -s usr/lib "$tree/chosen/lib"
  select_modules "$tree/all" "$release" "$tree/chosen"
  rm "$tree/chosen/lib"
  cpio_write "$tree/chosen" >"$parts/$set.cpio"
  record "$set" "${fetched[0]}"
  rm -rf "$tree"
}
