# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's user space: programs of Debian packages with the libraries they need, and busybox for the rest.

# copy_program TREE ROOT NAME
copy_program() {
  local folder
  for folder in usr/bin usr/sbin bin sbin; do
    if [[ -e $1/$folder/$3 || -L $1/$folder/$3 ]]; then
      cp -P "$1/$folder/$3" "$2/usr/bin/"
      return
    fi
  done
  die "no package in packages.txt has the program $3 (programs.txt)"
}

# copy_libraries TREE ROOT: what the programs' and libraries' NEEDED entries name, until nothing new is named.
copy_libraries() {
  local tree=$1 root=$2 wanted library found libraries=$2/usr/lib/x86_64-linux-gnu grown=yes
  mkdir -p "$libraries" "$root/usr/lib64"
  cp -L "$(find "$tree" -name 'ld-linux-x86-64.so.2' | head -1)" "$root/usr/lib64/"
  # Loaded by name at run time: host names and addresses (libnss_dns is part of libc since 2.34).
  cp -L "$(find "$tree" -name 'libnss_files.so.2' | head -1)" "$libraries/"
  while [[ $grown == yes ]]; do
    grown=no
    wanted=$(find "$root/usr/bin" "$libraries" -type f -exec readelf -d {} + 2>/dev/null |
      sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u)
    for library in $wanted; do
      [[ ! -e $libraries/$library && $library != ld-linux* ]] || continue
      found=$(find "$tree" -name "$library" -path '*lib*' | head -1)
      [[ -n $found ]] || die "the library $library is in none of the packages"
      cp -L "$found" "$libraries/"
      grown=yes
    done
  done
}

# trim_pci_ids FILE: the makers of what a virtual machine has (Intel, Red Hat, QEMU), and the classes: lspci reads it all.
trim_pci_ids() {
  awk '/^[0-9a-f]/ { keep = /^(8086|1af4|1b36|1234) / } /^C / { keep = 1 } keep || /^#/' "$1" >"$1.new"
  mv "$1.new" "$1"
}

# make_tools SET OUTPUT...: parts/tools, the tree, and parts/tools.cpio.
make_tools() {
  local names packages file item tree="$parts/tools.tree" root="$parts/tools" name
  mapfile -t names < <(awk '$1 == "tools" { print $3 }' "$here/packages.txt")
  apt_open bookworm
  packages=$(with_libraries bookworm "${names[@]}")
  fetch bookworm $packages
  note "unpacking ${#fetched[@]} packages"
  rm -rf "$tree" "$root"
  mkdir -p "$tree" "$root"/usr/bin "$root"/{dev,proc,sys,tmp,run,root,mnt,etc,var}
  for file in "${fetched[@]}"; do
    unpack "$file" "$tree" --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='*/gconv/*'
  done
  for item in bin sbin; do ln -s usr/bin "$root/$item"; done
  ln -s bin "$root/usr/sbin"
  ln -s usr/lib "$root/lib"
  ln -s usr/lib64 "$root/lib64"
  while IFS= read -r item; do
    case $item in
      /*) mkdir -p "$root${item%/*}" && cp -rP "$tree$item" "$root${item%/*}/" ;;
      *) copy_program "$tree" "$root" "$item" ;;
    esac
  done < <(grep -vE '^(#|$)' "$here/programs.txt")
  ln -sfn kmod "$root/usr/bin/modprobe"
  ln -sfn kmod "$root/usr/bin/depmod"
  ln -sfn kmod "$root/usr/bin/modinfo"
  copy_libraries "$tree" "$root"
  ln -sfn dash "$root/usr/bin/sh"
  for name in $("$root/usr/bin/busybox" --list); do
    [[ -e $root/usr/bin/$name || -L $root/usr/bin/$name ]] || ln -s busybox "$root/usr/bin/$name"
  done
  ln -s ../proc/mounts "$root/etc/mtab"
  ln -s ../run "$root/var/run"
  trim_pci_ids "$root/usr/share/misc/pci.ids"
  cpio_write "$root" >"$parts/tools.cpio"
  record tools "${fetched[@]}"
  rm -rf "$tree"
}
