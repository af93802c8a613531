# SPDX-License-Identifier: GPL-2.0-or-later
# The steps by their names: what each result depends on (its key), and what must be there for its stamp to count.
# Sourced by `gatehouse`.

# plan STEP...: does those that are not up to date, in this order.
plan() {
  step_number=0 step_count=$#
  local name outputs
  for name; do
    case $name in
      packages) step packages "Debian packages" "$(packages_key packages.txt)" packages_step ;;
      bench-packages)
        step bench-packages "Debian packages of peers" "$(packages_key packages-bench.txt)" bench_packages_step
        ;;
      meson) step meson "meson" "$(meson_key)" meson_step "$(meson_output)" ;;
      fetch) step qemu-fetch "QEMU's source package" "$(qemu_fetch_key)" qemu_fetch_step "$build/qemu-source.txt" ;;
      patch) step qemu-patch "QEMU's source, patched" "$(qemu_patch_key)" qemu_patch_step "$qemu_source/configure" ;;
      images)
        mapfile -t outputs < <(images_outputs)
        step images "guest images" "$(images_key)" images_step "${outputs[@]}"
        ;;
      core)
        step core-build "build the card, its tools and tests" "$(core_build_key)" core_build_step "$core_tool"
        ;;
      tool) step core-tool "build the card and its tools" "$(core_tool_key)" core_tool_step "$core_tool" ;;
      configure)
        step qemu-configure "configure QEMU" "$(qemu_configure_key)" qemu_configure_step "$qemu_build/build.ninja"
        ;;
      qemu)
        step qemu-build "build QEMU with the card" "$(qemu_build_key)" qemu_build_step "${kQemuTargets[@]/#/$qemu_build/}"
        ;;
      fuzz)
        mapfile -t outputs < <(fuzz_programs)
        step fuzz-build "build the fuzz targets" "$(fuzz_key)" fuzz_step "${outputs[@]}"
        ;;
    esac
  done
  exec 9>&-
}
