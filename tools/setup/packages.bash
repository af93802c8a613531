# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of the machine's own release, installed with its own apt. Sourced by `gatehouse`.

# Each function takes the list's name: packages.txt, which everything needs, or packages-bench.txt.
wanted_packages() {
  awk -v release="$(debian_version)" '/^[a-z]/ && (NF == 1 || $2 == release) { print $1 }' "$root/tools/setup/$1"
}

missing_packages() {
  local wanted
  mapfile -t wanted < <(wanted_packages "$1")
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort) <(installed_of "${wanted[@]}" | sort)
}

# dpkg-query fails for a name that dpkg has never seen.
installed_of() {
  { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } |
    awk '$1 == "installed" { print $2 }'
}

# Fresh as long as the list and dpkg's own state are what they were.
packages_key() { hash_of "$root/tools/setup/$1" "$(stat -c %Y.%s /var/lib/dpkg/status 2>/dev/null)"; }

packages_step() { install_packages packages.txt; }

# The peers that `bench core` measures itself against: nothing else needs them.
bench_packages_step() { install_packages packages-bench.txt; }

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$1")
  key_after=$(packages_key "$1")
  if ((${#missing[@]} == 0)); then return; fi
  note "installing ${#missing[@]}: ${missing[*]}"
  local by_hand="as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    die "packages are missing and there is neither root nor sudo to install them" "$by_hand"
  fi
  # A machine's package index may be missing or old: ask for a new one only when the first attempt says so.
  if ! apt_as_root install "${missing[@]}"; then
    if [[ $(apt_complaint) == sudo:* ]]; then
      die "packages are missing and sudo does not install them ($(apt_complaint))" "$by_hand"
    fi
    note "refreshing apt's package index"
    apt_as_root update ||
      failed "apt-get update failed: $(apt_complaint)" "check the network and the machine's apt sources, then repeat"
    apt_as_root install "${missing[@]}" ||
      failed "apt-get install failed: $(apt_complaint)" "see ${log#"$root"/}, then repeat"
  fi
  mapfile -t missing < <(missing_packages "$1")
  key_after=$(packages_key "$1")
  ((${#missing[@]} == 0)) || die "apt-get did not install: ${missing[*]}" "see ${log#"$root"/}"
}

# apt_as_root ARGUMENT...: sudo is asked for apt-get alone. It passes TERM on, and on a dumb terminal without input debconf
# takes each question's default; a root shell can simply be told.
apt_as_root() {
  local command=(apt-get "$@" -c "$root/tools/setup/apt.conf")
  if ((EUID != 0)); then command=(sudo "${command[@]}"); fi
  DEBIAN_FRONTEND=noninteractive TERM=dumb logged "${command[@]}" </dev/null
}

# The first error of the last command in the log, without apt's prefix and with sudo's, which it leaves out of a refusal.
apt_complaint() {
  awk '/^\+ / { first = "" }
       /^Sorry, user | is not in the sudoers file/ { $0 = "sudo: " $0 }
       /^(E: |sudo: )/ && first == "" { first = $0; sub(/^E: /, "", first); sub(/[. ]+$/, "", first) }
       END { print first == "" ? "it does not say why" : first }' "$log"
}
