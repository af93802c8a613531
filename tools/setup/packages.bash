# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of the machine's own release, installed with its own apt. Sourced by `gatehouse`.

wanted_packages() {
  awk -v release="$(debian_version)" '/^[a-z]/ && (NF == 1 || $2 == release) { print $1 }' \
    "$root/tools/setup/packages.txt"
}

missing_packages() {
  local wanted
  mapfile -t wanted < <(wanted_packages)
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort) <(installed_of "${wanted[@]}" | sort)
}

# dpkg-query fails for a name that dpkg has never seen.
installed_of() {
  { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } |
    awk '$1 == "installed" { print $2 }'
}

# Fresh as long as the list and dpkg's own state are what they were.
packages_key() { hash_of "$root/tools/setup/packages.txt" "$(stat -c %Y.%s /var/lib/dpkg/status 2>/dev/null)"; }

packages_step() {
  local missing
  mapfile -t missing < <(missing_packages)
  key_after=$(packages_key)
  if ((${#missing[@]} == 0)); then return; fi
  note "installing ${#missing[@]}: ${missing[*]}"
  local by_hand="as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    die "packages are missing and there is neither root nor sudo to install them" "$by_hand"
  fi
  # The lock: a machine that has just started may be installing its updates.
  local install=(as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0
    -o DPkg::Lock::Timeout=600 --no-install-recommends install "${missing[@]}")
  # A machine's package index may be missing or old: ask for a new one only when the first attempt says so.
  if ! logged "${install[@]}"; then
    if [[ $(apt_complaint) == sudo:* ]]; then
      die "packages are missing and sudo does not install them ($(apt_complaint))" "$by_hand"
    fi
    note "refreshing apt's package index"
    logged as_root apt-get -q -o APT::Update::Error-Mode=any update ||
      failed "apt-get update failed: $(apt_complaint)" "check the network and the machine's apt sources, then repeat"
    logged "${install[@]}" ||
      failed "apt-get install failed: $(apt_complaint)" "see ${log#"$root"/}, then repeat"
  fi
  mapfile -t missing < <(missing_packages)
  key_after=$(packages_key)
  ((${#missing[@]} == 0)) || die "apt-get did not install: ${missing[*]}" "see ${log#"$root"/}"
}

# The first error of the last command in the log, without its prefix.
apt_complaint() {
  awk '/^\+ / { first = "" }
       /^(E: |sudo: )/ && first == "" { first = $0; sub(/^E: /, "", first); sub(/[. ]+$/, "", first) }
       END { print first == "" ? "it does not say why" : first }' "$log"
}
