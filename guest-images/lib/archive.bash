# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of any Debian suite, without root and without a change to the machine's apt: a private state whose addresses
# and keys are those of the machine's own configuration, in whatever format that is written. Apt checks the chain from the
# archive's signature to each file's hash. Sourced by apt.bash beside it, and by tools/setup/apt.bash.

# lock_cache FOLDER: several checkouts may share it. Until unlock_cache, or this program's end, nobody else downloads there.
lock_cache() {
  if [[ -n ${cache_is_locked:-} ]]; then return; fi
  exec 8>"$1/lock"
  if ! flock --nonblock 8; then
    note "another command downloads into $1; waiting for it"
    flock 8
  fi
  cache_is_locked=yes
}

unlock_cache() {
  exec 8>&-
  cache_is_locked=
}

# archive_address SUITES: the first configured address with a suite that matches and the component main. indextargets
# reads both source formats, and with --no-release-info needs no index; with an index it also says who signs as Debian,
# as others have suites of that name.
archive_address() {
  local format='$(REPO_URI)|$(RELEASE)|$(COMPONENT)'
  {
    apt-get indextargets --format "\$(ORIGIN)|$format" 'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian|//p'
    apt-get indextargets --no-release-info --format "$format" 'Created-By: Packages' 2>/dev/null
  } | awk -F'|' -v suites="$1" '$1 !~ /^cdrom:/ && $2 ~ suites && $3 == "main" && !found { found = $1 } END { print found }'
}

# The archive's keys: those that the machine's sources name, those that it trusts for any source, and those of the keyring
# package, which hold the other suites' keys too; comma-separated.
archive_keys() {
  {
    grep -rhoiE 'signed-by[:=] *[^] ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
      grep -oE '/[^], ]+' || true
    printf '%s\n' /etc/apt/trusted.gpg.d/*.{gpg,asc} /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}
  } | while read -r key; do if [[ -r $key ]]; then readlink -f "$key"; fi; done | sort -u | paste -sd,
}

# make_apt_state FOLDER "TYPE ADDRESS SUITE"...: a state that has the component main of these sources and nothing else.
make_apt_state() {
  local state=$1 keys type address suite
  shift
  keys=$(archive_keys)
  mkdir -p "$state"/{lists,archives}/partial
  : >"$state/status"
  printf '%s\n' "$@" | while read -r type address suite; do
    echo "$type [signed-by=$keys] $address $suite main"
  done >"$state/sources.list"
  cat >"$state/apt.conf" <<END
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::CNF;
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "";
APT::Install-Recommends "false";
APT::Get::List-Cleanup "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::State::extended_states "$state/extended_states";
Dir::Cache "$state";
Dir::Cache::archives "$state/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::SourceList "$state/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::Trusted "/dev/null";
Dir::Etc::TrustedParts "/dev/null";
END
}

# with_apt_state FOLDER PROGRAM ARGUMENT...: a program of apt's in that state.
with_apt_state() {
  local state=$1 program=$2
  shift 2
  "$program" -c "$state/apt.conf" "$@"
}
