# SPDX-License-Identifier: GPL-2.0-or-later
# What this machine must be before anything is installed or built. Sourced by `gatehouse`.

# Octets: QEMU's source 0.4, both build trees 1.6, guest images 0.5, cache 1.
readonly kSpaceBuild=$((4 * 1000 * 1000)) kSpaceCache=$((2 * 1000 * 1000))  # KiB

# Called before the first step that has something to do.
ready_machine() {
  if [[ -n ${machine_is_ready:-} ]]; then return; fi
  machine_is_ready=yes
  check_distribution
  # The kernel ends a script's interpreter at a space, QEMU's configure refuses both.
  [[ $root != *[[:space:]:]* ]] || die "the checkout's path has a space or a colon in it: $root" "move it"
  { mkdir -p "$build/logs" "$stamps" && touch "$build/lock"; } 2>/dev/null ||
    failed "cannot write to $build" "use a checkout that belongs to you (this is user $(id -un))"
  { mkdir -p "$GATEHOUSE_CACHE" && touch "$GATEHOUSE_CACHE/lock"; } 2>/dev/null ||
    die "cannot write to the cache folder $GATEHOUSE_CACHE" "set GATEHOUSE_CACHE to a folder that you may write to"
  take_lock
  if [[ ! -f $stamps/qemu-build ]]; then
    check_space "$build" $kSpaceBuild
    check_space "$GATEHOUSE_CACHE" $kSpaceCache
  fi
}

check_distribution() {
  local ID='' VERSION_ID='' PRETTY_NAME='an unknown system'
  if [[ -r /etc/os-release ]]; then source /etc/os-release; fi
  [[ $(uname -s)/$(uname -m) == Linux/x86_64 ]] ||
    die "this is $(uname -s) on $(uname -m); the setup knows Linux on x86-64" "use an x86-64 machine or virtual machine"
  [[ $ID == debian && $VERSION_ID =~ ^1[23]$ ]] ||
    die "this is $PRETTY_NAME; the setup knows Debian 12 and 13" "run it in a Debian 12 or 13 machine or container"
}

debian_version() { (source /etc/os-release && echo "$VERSION_ID"); }
debian_codename() { (source /etc/os-release && echo "$VERSION_CODENAME"); }

# check_space FOLDER KIB
check_space() {
  local free
  free=$(df --output=avail -k "$1" | tail -n 1)
  ((free >= $2)) || die "$1 has $((free / 1000000)) GB free, $(($2 / 1000000)) GB are needed" \
    "free some space, or move the checkout (GATEHOUSE_CACHE=folder moves the cache)"
}

# One setup or build at a time in a checkout; a second one waits.
take_lock() {
  exec 9>"$build/lock"
  if ! flock --nonblock 9; then
    note "another gatehouse command builds in this checkout; waiting for it"
    flock 9
  fi
}
