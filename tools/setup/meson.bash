# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU 10 needs meson 1.5. Debian 13 has it; Debian 12 has it in its backports, from where it is unpacked into a Python
# environment of the checkout's own. Sourced by `gatehouse`.

# The system's Python on purpose: another one that is first on PATH lacks Debian's modules.
if [[ -x $build/python/bin/meson ]]; then
  python=$build/python/bin/python3 meson=$build/python/bin/meson
else
  python=/usr/bin/python3 meson=/usr/bin/meson
fi

meson_key() { hash_of "in $root" "$(debian_version)" "$root/tools/setup/meson.bash"; }

# What makes the step's stamp count; on Debian 13 it is the package's.
meson_output() {
  if [[ $(debian_version) == 12 ]]; then echo "$build/python/bin/meson"; else echo /usr/bin/meson; fi
}

meson_step() {
  if [[ $(debian_version) != 12 ]]; then return; fi
  local package=$GATEHOUSE_CACHE/meson.deb folder=$build/python site
  lock_cache "$GATEHOUSE_CACHE"
  if ! dpkg-deb --contents "$package" >/dev/null 2>&1; then
    private_index
    rm -rf "$GATEHOUSE_CACHE/download"
    mkdir "$GATEHOUSE_CACHE/download"
    (cd "$GATEHOUSE_CACHE/download" && logged private_apt apt-get download meson/bookworm-backports) ||
      failed "meson could not be fetched from bookworm-backports: $(apt_complaint)" "check the network, then repeat"
    mv "$GATEHOUSE_CACHE"/download/meson_*.deb "$package"
    rm -r "$GATEHOUSE_CACHE/download"
  fi
  unlock_cache
  rm -rf "$folder" "$folder.deb"
  logged /usr/bin/python3 -m venv --without-pip --system-site-packages "$folder" ||
    failed "python3 -m venv failed" "see ${log#"$root"/}"
  dpkg-deb --extract "$package" "$folder.deb"
  site=("$folder"/lib/python3*/site-packages)
  # Copied, not put on a path: QEMU's configure looks for meson's metadata in the environment itself.
  mv "$folder.deb"/usr/lib/python3/dist-packages/* "${site[0]}/"
  sed "1s,.*,#!$folder/bin/python3," "$folder.deb/usr/bin/meson" >"$folder/bin/meson"
  chmod +x "$folder/bin/meson"
  rm -r "$folder.deb"
  python=$folder/bin/python3 meson=$folder/bin/meson
  "$meson" --version >/dev/null || die "the unpacked meson does not run" "remove $package and repeat"
}
