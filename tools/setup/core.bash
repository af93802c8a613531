# SPDX-License-Identifier: GPL-2.0-or-later
# The build tree that needs no QEMU: the core, the card, the tools, the tests. Sourced by `gatehouse`.

core_build=$build/core
core_tool=$core_build/tools/gatehouse-tool
core_build_key() { hash_of "$root"/{hw,firmware,guest-images,tools,tests} "$root"/meson.{build,options} "in $root" "by $meson"; }
core_tool_key() { hash_of "$root"/{hw,tools,tests/isolation} "$root"/meson.{build,options} "in $root" "by $meson"; }

core_build_step() {
  local tool_key
  tool_key=$(core_tool_key)
  core_configure
  built ninja -C "$core_build" -j "$jobs"
  echo "$tool_key" >"$stamps/core-tool"
}

# The tests are most of the compiling; who only wants to see the card does not wait for them.
core_tool_step() {
  core_configure
  built ninja -C "$core_build" -j "$jobs" tools/gatehouse-tool
}

# Both steps build in one tree: as soon as one begins, what the other's stamp stands for may be gone.
core_configure() {
  rm -f "$stamps"/core-{build,tool}
  if is_configured "$core_build"; then return; fi
  configure_tree "$core_build"
}

# is_configured FOLDER: a build tree names files of the checkout by their whole paths. One that was moved or copied along
# with its checkout names those of the old place, and goes.
is_configured() {
  [[ -f $1/build.ninja && $(cat "$1/checkout" 2>/dev/null) == "$root $meson" ]]
}

# configure_tree FOLDER OPTION...
configure_tree() {
  local folder=$1
  shift
  rm -rf "$folder"
  logged "$meson" setup "$folder" "$root" "$@" ||
    failed "meson setup failed: $(grep -m1 ERROR "$log" || tail -n 1 "$log")" "see ${log#"$root"/}"
  echo "$root $meson" >"$folder/checkout"
}

images_key() { hash_of "$root/guest-images"; }

# The recipe looks at each file; these say that there is something to look at.
images_outputs() {
  local images=$build/guest-images kernel
  printf '%s\n' "$images"/{manifest.json,host/gh-load,ipxe/boot.ipxe,roms/bios-256k.bin}
  while read -r kernel; do
    printf '%s\n' "$images/linux-$kernel"/{vmlinux,initramfs.cpio}
  done < <(awk '$1 ~ /^kernel-/ { print substr($1, 8) }' "$root/guest-images/packages.txt")
}

images_step() { built_images "$root/guest-images/build" "$build/guest-images"; }

# The images' recipe has steps and messages of its own; its last word is said once, and mostly names the fix.
built_images() {
  local why
  mkdir -p "${log%/*}"
  if "$@" 2>&1 | tee "$log" | sed -u '/^guest-images: /d; s/^/      /'; then return; fi
  why=$(sed -n 's/^guest-images: //p' "$log" | tail -n 1)
  if [[ $why == *'. Fix: '* ]]; then die "guest images: $why"; fi
  failed "guest images: ${why:-$(tail -n 1 "$log")}" "see ${log#"$root"/}"
}
