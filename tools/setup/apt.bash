# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of another Debian suite, without root and without a change to the machine's apt: a private state in the cache
# folder, whose address and keys are those of the machine's own configuration, in whatever format that is written. Apt
# checks the chain from the archive's signature to each file's hash. Sourced by `gatehouse`.

# The address from which the machine takes its own release. indextargets reads both source formats, and with
# --no-release-info needs no index; with an index it also says who signs as Debian, as others have suites of that name.
archive_address() {
  local release format='$(REPO_URI)|$(RELEASE)|$(COMPONENT)'
  release=$(debian_codename)
  {
    apt-get indextargets --format "\$(ORIGIN)|$format" 'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian|//p'
    apt-get indextargets --no-release-info --format "$format" 'Created-By: Packages' 2>/dev/null
  } | awk -F'|' -v release="$release" '$1 !~ /^cdrom:/ && $2 ~ "^(" release "|stable|oldstable)$" && $3 == "main" &&
    !found { found = $1 } END { print found }'
}

# The archive's keys: those that the machine's apt sources name, and those of the keyring package; comma-separated.
archive_keys() {
  {
    grep -rhoiE 'signed-by[:=] *[^] ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
      grep -oE '/[^], ]+' || true
    printf '%s\n' /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}
  } | while read -r key; do if [[ -r $key ]]; then readlink -f "$key"; fi; done | sort -u | paste -sd,
}

# private_apt PROGRAM ARGUMENTS...
private_apt() {
  local program=$1 state=$GATEHOUSE_CACHE/apt-setup
  shift
  "$program" -q -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" \
    -o APT::Update::Error-Mode=any -o Acquire::Languages=none "$@"
}

# private_index: describes the suites that are needed beside the machine's own and fetches their index.
private_index() {
  if [[ -n ${private_index_is_fresh:-} ]]; then return; fi
  local state=$GATEHOUSE_CACHE/apt-setup address keys
  address=$(archive_address)
  [[ -n $address ]] || die "apt is configured for no archive of $(debian_codename) main" \
    "add one to /etc/apt/sources.list.d, see sources.list(5)"
  keys=$(archive_keys)
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  {
    echo "deb-src [signed-by=$keys] $address trixie main"
    if [[ $(debian_version) == 12 ]]; then echo "deb [signed-by=$keys] $address bookworm-backports main"; fi
  } >"$state/sources.list"
  note "package index for QEMU's source"
  logged private_apt apt-get update ||
    failed "the index of trixie could not be fetched: $(apt_complaint)" \
      "check the network; if it is a signature, install the newest debian-archive-keyring"
  private_index_is_fresh=yes
}
