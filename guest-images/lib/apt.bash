# SPDX-License-Identifier: GPL-2.0-or-later
# Debian packages of any suite, without root and without touching the machine's apt: a private state per suite whose
# addresses and keys come from the machine's own apt configuration, whatever its format.

# One line "ADDRESS|SUITE|COMPONENT" for each binary index the machine's apt is configured for: first those that are known
# to be Debian's, then all, as without an index it is not known whose they are.
machine_sources() {
  local format='$(REPO_URI)|$(RELEASE)|$(COMPONENT)'
  {
    apt-get indextargets --format "\$(ORIGIN)|$format" 'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian|//p'
    apt-get indextargets --no-release-info --format "$format" 'Created-By: Packages' 2>/dev/null
  } | sed '/^cdrom:/d'
}

# source_address PATTERN: the first configured address whose suite matches and which has the component main.
source_address() {
  machine_sources | awk -F'|' -v want="$1" '$2 ~ want && $3 == "main" && !found { found = $1 } END { print found }'
}

# Keys: those the machine trusts, and Debian's archive keys, which hold the other suites' keys too.
collect_keys() {
  local folder=$1 key
  mkdir -p "$folder"
  for key in /etc/apt/trusted.gpg.d/*.{gpg,asc} /usr/share/keyrings/debian-archive-*.gpg \
    $(grep -rhoE 'signed-by[:=] *[^] ]+' -i /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
      /etc/apt/sources.list.d/*.sources 2>/dev/null | grep -oE '/[^, ]+'); do
    if [[ -r $key ]]; then ln -sfn "$key" "$folder/$(basename "$key")"; fi
  done
}

# apt_open SUITE: makes the state and its index.
apt_open() {
  local suite=$1 state=$cache/apt/$1 main security
  [[ -z ${opened[$suite]:-} ]] || return 0
  main=$(source_address '^(bookworm|trixie|stable|oldstable|forky|sid|testing|unstable)$')
  security=$(source_address '^[a-z]+-security$')
  [[ -n $main ]] || die "apt is configured for no Debian archive (component main). Fix: see sources.list(5)"
  mkdir -p "$state"/{lists/partial,archives/partial,empty} "$cache/packages"
  : >"$state/status"
  collect_keys "$state/keys"
  {
    echo "deb $main $suite main"
    echo "deb $main $suite-updates main"
    if [[ -n $security ]]; then echo "deb $security $suite-security main"; fi
  } >"$state/sources.list"
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
Dir::Etc::TrustedParts "$state/keys";
END
  update_index "$suite"
  opened[$suite]=yes
}

# update_index SUITE: an index of today; an older one does where there is no network.
update_index() {
  local suite=$1 state=$cache/apt/$1
  if [[ -z $refresh && -n $(find "$state/updated" -mmin -1440 2>/dev/null) ]]; then return; fi
  note "package index of $suite"
  if apt_in "$suite" apt-get -q=2 -o APT::Update::Error-Mode=any update >"$state/update.log" 2>&1; then
    touch "$state/updated"
    return
  fi
  local reason
  reason=$(grep -m1 -E '^[EW]:' "$state/update.log" || true)
  [[ -e $state/updated && -z $refresh ]] ||
    die "no package index of $suite: ${reason:-apt-get update failed}. Fix: check the network and apt's configuration"
  note "no newer index ($reason): using the one of $(date -r "$state/updated" +%F)"
}

# apt_in SUITE COMMAND...: an apt command in the suite's private state.
apt_in() {
  local suite=$1 command=$2
  shift 2
  "$command" -c "$cache/apt/$suite/apt.conf" "$@"
}

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
  local uris=$cache/apt/$suite/uris
  apt_in "$suite" apt-get download --print-uris "$@" >"$uris" || die "the suite $suite lacks one of: $*"
  while read -r _ file _; do
    fetched+=("$cache/packages/$file")
    # apt-get renames a package into place only after its hash was right: what is there is whole.
    [[ -s $cache/packages/$file ]] || missing+=("${file%%_*}")
  done < <(grep "^'" "$uris")
  if ((${#missing[@]})); then
    note "downloading ${#missing[@]} packages of $suite"
    (cd "$cache/packages" && apt_in "$suite" apt-get -q=2 download "${missing[@]}") ||
      die "downloading packages of $suite failed. Fix: check the network, then run this again with --refresh"
  fi
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
