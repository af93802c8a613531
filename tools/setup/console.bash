# SPDX-License-Identifier: GPL-2.0-or-later
# What the person at the terminal sees: steps, progress, errors. Sourced by `gatehouse`.

# die WHAT-IS-WRONG [FIX]: one line, exit 1.
die() {
  close_progress
  echo "gatehouse: $1${2:+. Fix: $2}" >&2
  exit 1
}

# failed WHAT [FIX]: die for a command that did not do its work. A full disk shows in a hundred ways, so that comes first.
failed() {
  local full
  full=$(full_disk)
  die "$1" "${full:+free some disk space, $full${2:+; or }}${2:-}"
}

# The first folder with little room, where there is one. 200 MB: what apt's index, unpacking, takes and gives back.
full_disk() {
  local folder free
  for folder in "$build" "$GATEHOUSE_CACHE" "${TMPDIR:-/tmp}"; do
    free=$({ df --output=avail -m "$folder" 2>/dev/null || true; } | tail -n 1)
    if [[ -n $free ]] && ((free < 200)); then
      echo "$folder has only $((free)) MB"
      return 0  # in a trap a plain return is the failure's
    fi
  done
}

# The ERR trap's: for what has no message of its own.
unexpected() {
  local full
  full=$(full_disk)
  echo "gatehouse: $1: unexpected failure of: $2${full:+. Fix: free some disk space, $full}" >&2
}

# note TEXT: one line under the running step.
note() { close_progress && echo "      $*"; }

now_us() { echo "${EPOCHREALTIME/[.,]/}"; }

# duration MICROSECONDS: "0.4 s", "12 s", "3 min 20 s".
duration() {
  local tenths=$(($1 / 100000))
  if ((tenths < 100)); then
    echo "$((tenths / 10)).$((tenths % 10)) s"
  elif ((tenths < 1200)); then
    echo "$((tenths / 10)) s"
  else
    echo "$((tenths / 600)) min $((tenths / 10 % 60)) s"
  fi
}

# hash_of WORD|FILE|FOLDER...: one hash over the words and over names and contents of the files and folders.
hash_of() {
  local item
  for item in "$@"; do
    if [[ -d $item ]]; then
      find "$item" -type f -not -name '*.md' -print0 | sort -z | xargs -0 -r sha256sum
    elif [[ -f $item ]]; then
      sha256sum "$item"
    else
      echo "$item"
    fi
  done | sha256sum | cut -c1-40
}

# is_done NAME KEY OUTPUT...: the stamp of NAME holds KEY, and what it stands for is there.
is_done() {
  local stamp=$stamps/$1 key=$2 output
  [[ -f $stamp && $(<"$stamp") == "$key" ]] || return 1
  shift 2
  for output; do [[ -e $output ]] || return 1; done
}

# step NAME TEXT KEY FUNCTION OUTPUT...: runs FUNCTION unless the stamp of NAME holds KEY and every output is there. The
# key is everything the step's result depends on; a step that fails leaves no stamp. FUNCTION may set key_after, if what it
# does changes the key.
step() {
  local name=$1 text=$2 key=$3 function=$4 key_after='' started
  shift 4
  step_number=$((step_number + 1))
  if is_done "$name" "$key" "$@"; then return; fi
  ready_machine
  if is_done "$name" "$key" "$@"; then return; fi  # done by the command that held the lock
  started=$(now_us)
  printf '[%d/%d] %s\n' "$step_number" "$step_count" "$text"
  log=$build/logs/$name.log
  mkdir -p "$stamps"
  rm -f "$stamps/$name"
  "$function"
  close_progress
  echo "${key_after:-$key}" >"$stamps/$name"
  printf '[%d/%d] %s: done in %s\n' "$step_number" "$step_count" "$text" "$(duration $(($(now_us) - started)))"
}

progress_open=
close_progress() {
  if [[ -n $progress_open ]]; then printf '\r\033[K'; fi
  progress_open=
}

# Reads a build's output, keeps all of it in the log, and condenses ninja's [n/m] to one line on a terminal, or to a
# line every 30 s elsewhere.
condense() {
  local line quiet_until=$((SECONDS + 30)) started=$SECONDS width
  width=$(tput cols 2>/dev/null || echo 80)
  while IFS= read -r line; do
    printf '%s\n' "$line"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\ (.*) ]] || continue
    if [[ -t 2 ]]; then
      printf '\r\033[K      %s' "${line:0:$((width - 8))}" >&2
    elif ((SECONDS >= quiet_until)); then
      quiet_until=$((SECONDS + 30))
      printf '      %d of %d (%d s)\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" $((SECONDS - started)) >&2
    fi
  done >>"$log"
  if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}

# logged COMMAND...: output goes to the step's log.
logged() {
  mkdir -p "${log%/*}"
  printf '\n+ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1
}

# built COMMAND...: a ninja run, condensed. On failure shows the first errors.
built() {
  mkdir -p "${log%/*}"
  : >"$log"
  if "$@" 2>&1 | condense; then return; fi
  { grep -E -m8 '(: (fatal )?error: |^ERROR|: ERROR: |undefined reference|multiple definition)' "$log" ||
    tail -n 3 "$log"; } | sed 's/^/      /' >&2
  failed "'$(basename "$1")' failed" "see ${log#"$root"/}, which has everything it said"
}
