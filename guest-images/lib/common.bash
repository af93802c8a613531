# SPDX-License-Identifier: GPL-2.0-or-later
# Messages, timing and stamps. Sourced by `build`.

# Exit codes: 2 misuse, 3 a failure that has been explained.
die() {
  echo "guest-images: $*" >&2
  exit 3
}

# At the end of the script: a failing command that nobody had a better line for.
failing=preparing
explain_exit() {
  local code=$?
  case $code in
    0 | 2 | 3) ;;
    *) echo "guest-images: '$failing' failed; the reason stands above. Fix: network? disk space? Then run this again" >&2 ;;
  esac
}

# note TEXT: one line of progress under the running step.
note() { echo "    $*"; }

# seconds_since MICROSECONDS: with one decimal.
seconds_since() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - $1) / 100000))
  echo "$((tenths / 10)).$((tenths % 10))"
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

space_checked=
# need_space FOLDER MEGABYTES
need_space() {
  local free
  free=$(df --output=avail -m "$1" | tail -1)
  ((free >= $2)) || die "$1 has $((free)) MB free, $2 MB are needed. Fix: free some, or choose another folder"
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
  if [[ -z $space_checked ]]; then need_space "$out" 1000 && need_space "$cache" 250; fi
  space_checked=yes
  rm -f "$stamps/$name"
  failing=$text
  "$function" "$name" "$@"
  for output in "$@"; do [[ -e $output ]] || die "step '$name' did not make $output"; done
  echo "$key" >"$stamps/$name"
  echo "$head $(seconds_since "$started") s"
}
