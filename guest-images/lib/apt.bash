# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of the suites that the images are made of, each suite in a state of its own. Sourced by `build`.

source "$here/lib/archive.bash"

# apt_open SUITE: makes the state and its index. From then until the end of `fetch` the cache is locked.
apt_open() {
  local suite=$1 main security sources
  lock_cache "$cache"
  [[ -z ${opened[$suite]:-} ]] || return 0
  main=$(archive_address '^(bookworm|trixie|stable|oldstable|forky|sid|testing|unstable)$')
  security=$(archive_address '^[a-z]+-security$')
  [[ -n $main ]] || die "apt is configured for no Debian archive (component main). Fix: see sources.list(5)"
  mkdir -p "$cache/packages"
  sources=("deb $main $suite" "deb $main $suite-updates")
  if [[ -n $security ]]; then sources+=("deb $security $suite-security"); fi
  make_apt_state "$cache/apt/$suite" "${sources[@]}"
  update_index "$suite"
  opened[$suite]=yes
}

# update_index SUITE: an index of today; an older one does where there is no network. `updated` holds the hash of the sources
# that the index is of.
update_index() {
  local suite=$1 state=$cache/apt/$1 sources reason usable=
  sources=$(key_of "$state/sources.list")
  if [[ -z $refresh && -f $state/updated && $(<"$state/updated") == "$sources" ]]; then usable=yes; fi
  if [[ -n $usable && -n $(find "$state/updated" -mmin -1440) ]]; then return; fi
  note "package index of $suite"
  if apt_in "$suite" apt-get -q=2 update >"$state/update.log" 2>&1; then
    echo "$sources" >"$state/updated"
    return
  fi
  reason=$(grep -m1 -E '^[EW]:' "$state/update.log" || true)
  [[ -n $usable ]] ||
    die "no package index of $suite: ${reason:-apt-get update failed}. Fix: check the network and apt's configuration"
  note "no newer index ($reason): using the one of $(date -r "$state/updated" +%F)"
}

# apt_in SUITE COMMAND...: an apt command in the suite's private state.
apt_in() { with_apt_state "$cache/apt/$1" "${@:2}"; }

# with_libraries SUITE PACKAGE...: the packages and every library package they need.
with_libraries() {
  local suite=$1
  shift
  {
    printf '%s\n' "$@"
    apt_in "$suite" apt-get -s install "$@" | awk '$1 == "Inst" && $2 ~ /^z?lib/ { print $2 }'
  } | sort -u
}

# fetch SUITE PACKAGE...: puts the verified packages into the cache; their paths into the array `fetched`.
fetch() {
  local suite=$1 file missing=()
  shift
  fetched=()
  apt_open "$suite"
  local uris=$parts/uris
  apt_in "$suite" apt-get download --print-uris "$@" >"$uris" || die "the suite $suite lacks one of: $*"
  while read -r _ file _; do
    fetched+=("$cache/packages/$file")
    # apt-get renames a package into place only after its hash was right: what is there is whole.
    [[ -s $cache/packages/$file ]] || missing+=("${file%%_*}")
  done < <(grep "^'" "$uris")
  if ((${#missing[@]})); then
    note "downloading ${#missing[@]} packages of $suite"
    if ! (cd "$cache/packages" && apt_in "$suite" apt-get -q=2 download "${missing[@]}"); then
      rm -f "$cache/apt/$suite/updated"  # the archive may have newer ones by now
      die "downloading packages of $suite failed. Fix: check the network, then repeat"
    fi
  fi
  unlock_cache
}

# unpack PACKAGE FOLDER TAR-ARGUMENT...
unpack() {
  local file=$1 folder=$2
  shift 2
  dpkg-deb --fsys-tarfile "$file" | tar -x -C "$folder" "$@" 2>"$parts/unpack.log" ||
    die "unpacking $(basename "$file") into $folder failed: $(head -1 "$parts/unpack.log")"
  rm -f "$parts/unpack.log"
}

# record SET FILE...: notes name, version and hash of the packages a set was made of, for the manifest.
record() {
  local set=$1 file
  shift
  for file in "$@"; do
    dpkg-deb --showformat='${Package} ${Version}\n' -W "$file" | tr '\n' ' '
    sha256sum "$file" | cut -d' ' -f1
  done >"$parts/$set.packages"
}
