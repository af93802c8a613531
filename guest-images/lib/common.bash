# SPDX-License-Identifier: GPL-2.0-or-later
# Messages, timing and stamps. Sourced by `build`.

die() {
  echo "guest-images: $*" >&2
  exit 1
}

# note TEXT: one line of progress under the running step.
note() { echo "    $*"; }

# seconds_since MICROSECONDS: with one decimal.
seconds_since() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - $1) / 100000))
  echo "$((tenths / 10)).$((tenths % 10))"
}

# Told when a command failed that nobody had a better line for.
failing=
on_error() {
  die "the step '${failing:-preparing}' failed; the reason stands above. Fix it (network? disk space?) and run this again"
}

# need PROGRAM PACKAGE: a program the build cannot do without.
need() {
  command -v "$1" >/dev/null || die "'$1' is missing. Fix: sudo apt-get install $2"
}

# key_of WORD|FILE...: one hash over the words and the contents of the files and folders named.
key_of() {
  local item
  for item in "$@"; do
    if [[ -d $item ]]; then
      find "$item" -type f -print0 | sort -z | xargs -0 sha256sum
    elif [[ -f $item ]]; then
      sha256sum <"$item"
    else
      echo "$item"
    fi
  done | sed "s#$here/##" | sha256sum | cut -c1-32
}

# step NAME TEXT KEY FUNCTION OUTPUT...: runs FUNCTION unless the stamp of NAME holds KEY and every output is there.
step() {
  local name=$1 text=$2 key=$3 function=$4 started=${EPOCHREALTIME/[.,]/} output present=yes
  shift 4
  for output in "$@"; do [[ -e $output ]] || present=no; done
  step_number=$((step_number + 1))
  local head
  printf -v head '[%d/%d] %-44s' "$step_number" "$step_count" "$text"
  if [[ $present == yes && -f $stamps/$name && $(<"$stamps/$name") == "$key" ]]; then
    echo "$head up to date"
    return
  fi
  echo "$head ..."
  rm -f "$stamps/$name"
  failing=$text
  "$function" "$name" "$@"
  failing=
  for output in "$@"; do [[ -e $output ]] || die "step '$name' did not make $output"; done
  echo "$key" >"$stamps/$name"
  echo "$head $(seconds_since "$started") s"
}
