# SPDX-License-Identifier: GPL-2.0-or-later
# What QEMU needs beside itself (BIOS, option ROMs), and the folder a boot server hands out to the card's iPXE.

roms=(bios-256k.bin vgabios-stdvga.bin pvh.bin linuxboot_dma.bin kvmvapic.bin
  pxe-e1000e.rom efi-e1000e.rom efi-e1000.rom efi-virtio.rom)

make_firmware() {
  local names suite file rom tree="$parts/firmware.tree" found
  mapfile -t names < <(awk '$1 == "firmware" { print $3 }' "$here/packages.txt")
  suite=$(awk '$1 == "firmware" { print $2; exit }' "$here/packages.txt")
  fetch "$suite" "${names[@]}"
  rm -rf "$tree"
  mkdir -p "$tree" "$out/roms"
  for file in "${fetched[@]}"; do unpack "$file" "$tree"; done
  for rom in "${roms[@]}"; do
    found=$(find "$tree" -name "$rom" -type f | head -1)
    [[ -n $found ]] || die "no firmware package has $rom"
    cp "$found" "$out/roms/"
  done
  record firmware "${fetched[@]}"
  rm -rf "$tree"
}

make_ipxe() {
  local root=$parts/marker
  rm -rf "$root"
  mkdir -p "$root" "$out/ipxe"
  g++ "${compile_flags[@]}" "$here/ipxe/marker.cc" -o "$root/init"
  cpio_write "$root" | gzip -9n >"$out/ipxe/marker.cpio.gz"
  cp "$here/ipxe/boot.ipxe" "$out/ipxe/"
  cp "$out/linux-6.1/bzImage" "$out/ipxe/"
  rm -rf "$root"
}
