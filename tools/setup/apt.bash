# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of another Debian suite than the machine's: a private state in the cache folder, made as the guest images'
# recipe makes its own. Sourced by `gatehouse`.

source "$root/guest-images/lib/archive.bash"

apt_state=$GATEHOUSE_CACHE/apt-setup

# private_apt PROGRAM ARGUMENTS...
private_apt() { with_apt_state "$apt_state" "$1" -q "${@:2}"; }

# private_index: describes the suites that are needed beside the machine's own and fetches their index.
private_index() {
  if [[ -n ${private_index_is_fresh:-} ]]; then return; fi
  local address sources
  address=$(archive_address "^($(debian_codename)|stable|oldstable)$")
  [[ -n $address ]] || die "apt is configured for no archive of $(debian_codename) main" \
    "add one to /etc/apt/sources.list.d, see sources.list(5)"
  sources=("deb-src $address trixie")
  if [[ $(debian_version) == 12 ]]; then sources+=("deb $address bookworm-backports"); fi
  make_apt_state "$apt_state" "${sources[@]}"
  note "package index for QEMU's source"
  logged private_apt apt-get update ||
    failed "the index of trixie could not be fetched: $(apt_complaint)" \
      "check the network; if it is a signature, install the newest debian-archive-keyring"
  private_index_is_fresh=yes
}
