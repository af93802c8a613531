# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU: Debian's source package of trixie plus hw/qemu/patches, built with the devices of this checkout.
# Sourced by `gatehouse`.

readonly kQemuVersions='1:10.0.'  # point releases move on; the one that was used stands in build/qemu-source.txt
readonly kQemuTargets=(qemu-system-x86_64 qemu-img gatehouse/hw/qemu/libgatehouse-count.so)
qemu_source=$build/src/qemu
qemu_build=$build/qemu
patches=$root/hw/qemu/patches

qemu_fetch_key() { hash_of "$kQemuVersions"; }

# The source package is in the cache folder, whole, and recorded in build/qemu-source.txt.
qemu_fetch_step() {
  local version folder
  lock_cache "$GATEHOUSE_CACHE"
  version=$(cached_qemu)
  if [[ -z $version ]]; then
    private_index
    version=$(private_apt apt-cache showsrc --only-source qemu 2>/dev/null |
      awk -v want="$kQemuVersions" '$1 == "Version:" && index($2, want) == 1 { print $2 }' | sort -V | tail -n 1)
    [[ -n $version ]] || die "the archive has no source of qemu ${kQemuVersions}* in trixie" \
      "use a checkout of Gatehouse that knows the archive's version"
    note "downloading qemu $version (40 MB)"
    folder=$GATEHOUSE_CACHE/qemu/$version
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && logged private_apt apt-get source --download-only --only-source "qemu=$version") ||
      failed "QEMU's source could not be fetched: $(apt_complaint)" "check the network, then repeat"
    # Apt has checked every file against the signed index; the list lets a later checkout do so without a network.
    (cd "$folder" && sha256sum -- *.dsc *.tar.* >verified.new && mv verified.new verified)
  fi
  unlock_cache
  folder=$GATEHOUSE_CACHE/qemu/$version
  {
    echo "version: $version"
    sed -E 's/^([0-9a-f]+)  /sha256: \1  /' "$folder/verified"
  } >"$build/qemu-source.txt"
}

# is_verified FOLDER: the files are what apt had verified.
is_verified() { [[ -f $1/verified ]] && (cd "$1" && sha256sum --check --status verified 2>/dev/null); }

# The newest version whose files in the cache are what apt had verified.
cached_qemu() {
  local folder
  while IFS= read -r folder; do
    if is_verified "$folder"; then
      basename "$folder"
      return
    fi
  done < <(printf '%s\n' "$GATEHOUSE_CACHE/qemu/$kQemuVersions"* | sort -rV)
}

recorded_qemu() { sed -n 's/^version: //p' "$build/qemu-source.txt"; }

qemu_patch_key() { hash_of "$patches" "$(cat "$build/qemu-source.txt" 2>/dev/null)"; }

qemu_patch_step() {
  local version cached fresh=$qemu_source.new patch
  # The cache may have been emptied, or damaged, since it was filled.
  if ! is_verified "$GATEHOUSE_CACHE/qemu/$(recorded_qemu)"; then
    qemu_fetch_step
    key_after=$(qemu_patch_key)
  fi
  version=$(recorded_qemu)
  cached=$GATEHOUSE_CACHE/qemu/$version
  rm -rf "$fresh"
  mkdir -p "${fresh%/*}"
  note "unpacking qemu $version"
  logged dpkg-source --no-copy -x "$cached"/*.dsc "$fresh" ||
    failed "QEMU's source does not unpack: $(tail -n 1 "$log")" \
      "see ${log#"$root"/}, or remove $cached and repeat: it is downloaded again"
  for patch in "$patches"/*.patch; do
    logged patch --directory="$fresh" --strip=1 --forward --fuzz=0 --no-backup-if-mismatch --input="$patch" ||
      failed "hw/qemu/patches/$(basename "$patch") does not apply to qemu $version: QEMU's source has moved" \
        "update the patch (${log#"$root"/} says which hunk), or put an older version's folder in the place of $cached"
  done
  ln -s ../../.. "$fresh/gatehouse"
  ln -s ../gatehouse/hw/qemu/gatehouse.json "$fresh/qapi/gatehouse.json"
  if [[ -d $qemu_source ]]; then
    # Only what differs gets a new time stamp, so that a changed patch rebuilds little.
    logged rsync --recursive --links --perms --checksum --delete "$fresh/" "$qemu_source/" ||
      failed "QEMU's source could not be updated: $(tail -n 1 "$log")"
    rm -rf "$fresh"
  else
    mv "$fresh" "$qemu_source"
  fi
}

# No default features: what the guests and the tests use is named, and the rest does not have to be compiled.
qemu_options=(
  --target-list=x86_64-softmmu
  --without-default-features
  --enable-tcg
  --enable-kvm
  --enable-slirp
  --enable-plugins
  --enable-pixman
  --enable-fdt=system
  --enable-tools
  --enable-trace-backends=log
  --disable-install-blobs
  --disable-docs
  # Function names and lines for backtraces and profiles; an eighth less to compile than with variables.
  --extra-cflags=-g1
  --extra-cxxflags=-g1
  --firmwarepath=/usr/share/qemu:/usr/share/seabios:/usr/lib/ipxe/qemu
)

qemu_configure_key() { hash_of "in $root" "by $meson" "${qemu_options[@]}"; }

qemu_configure_step() {
  rm -f "$stamps/qemu-build"  # the same options may come back, and then have the same key
  rm -rf "$qemu_build"
  mkdir -p "$qemu_build"
  : >"$log"
  # The path is relative so that compiler command lines, and with them ccache's keys, are the same in every checkout.
  (cd "$qemu_build" && logged ../src/qemu/configure "${qemu_options[@]}" --python="$python" \
    --cc='ccache gcc' --cxx='ccache g++') ||
    failed "QEMU's configure failed: $(grep -m1 ERROR "$log" || tail -n 1 "$log")" "see ${log#"$root"/}"
  # In its build folder QEMU looks for firmware below qemu-bundle/: so no command line needs -L.
  mkdir -p "$qemu_build"/qemu-bundle/usr/{share,lib/ipxe}
  ln -s "$build/guest-images/roms" "$qemu_build/qemu-bundle/usr/share/qemu"
  ln -s /usr/share/seabios "$qemu_build/qemu-bundle/usr/share/seabios"
  ln -s /usr/lib/ipxe/qemu "$qemu_build/qemu-bundle/usr/lib/ipxe/qemu"
}

qemu_build_key() { hash_of "$root/hw" "$root/plugins" "$(cat "$stamps"/qemu-{patch,configure} 2>/dev/null)"; }

qemu_build_step() { built ninja -C "$qemu_build" -j "$jobs" "${kQemuTargets[@]}"; }
