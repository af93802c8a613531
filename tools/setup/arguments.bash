# SPDX-License-Identifier: GPL-2.0-or-later
# What stands behind a command, looked at before anything is installed or built: against the rows from which the C++ program
# is compiled later (tools/*/*.inc), and against the tests' sources. Sourced by `gatehouse`.

# rows FILE: name, text and value of each row of tools/FILE.inc, with tabs between.
rows() {
  sed -nE 's/^\{"([^"]+)", ("([^"]+)"|[a-z_:]+), "([^"]+)"\},$/\1\t\4\t\3/p; s/^"([^"]+)",$/\1/p' "$root/tools/$1.inc"
}

# row_list FILE: "NAME VALUE, NAME VALUE, ...".
row_list() { rows "$1" | awk -F'\t' '{ printf("%s%s%s", NR > 1 ? ", " : "", $1, $3 == "" ? "" : " " $3) }'; }

# check_arguments COMMAND ARGUMENT...
check_arguments() {
  local command=$1 word
  shift
  for word; do
    case $word in
      --) break ;;
      -h | --help) if print_help "$command"; then exit 0; fi ;;
    esac
  done
  case $command in
    boot) check_options boot "$@" ;;
    bench)
      is_row bench/names "${1:-}" || die "bench takes one of $(row_list bench/names)${1:+, not '$1'}" "./gatehouse bench --help"
      check_options bench "${@:2}"
      ;;
    test) check_tests "$@" ;;
    fuzz)
      local -a options=()
      while (($#)); do
        if [[ $1 == --seconds ]]; then
          options+=("${@:1:2}")
          if (($# > 1)); then shift; fi
        elif [[ $1 == -* ]]; then
          options+=("$1")
        else
          is_row fuzz/targets "$1" || die "no fuzz target is called '$1'" "use $(rows fuzz/targets | cut -f1 | paste -sd ' ')"
        fi
        shift
      done
      check_options fuzz "${options[@]}"
      ;;
    docs) check_page "$@" ;;
    build)
      [[ ${1:-core} == core ]] || die "build knows 'core' and nothing else, not '$1'" "./gatehouse help"
      (($# <= 1)) || die "build takes one word, not '$*'" "./gatehouse build core"
      ;;
    policy)
      (($#)) || die "policy takes the names of files" "./gatehouse policy policy.json"
      for word; do [[ -e $word ]] || die "there is no file '$word'" "name a policy file, like ./gatehouse policy policy.json"; done
      ;;
    demo | setup) (($# == 0)) || die "$command takes no arguments, not '$*'" ;;
  esac
}

# print_help COMMAND: its line of the usage and its rows. Fails for what is no command.
print_help() {
  local file
  usage | awk -v command="$1" '/^  / && $1 == command { print "./gatehouse" substr($0, 2); found = 1 } END { exit !found }' ||
    return 1
  for file in "$root/tools/$1"/*.inc; do
    if [[ -f $file && $file != */tally.inc ]]; then file=${file#"$root/tools/"} && rows "${file%.inc}"; fi
  done | awk -F'\t' '$2 != "" { printf("  %-22s  %s\n", $1 " " $3, $2) }'
}

# is_row FILE NAME
is_row() { grep -qxF -e "$2" <<<"$(rows "$1" | cut -f1)"; }

# check_options COMMAND ARGUMENT...: `--name value` and `--name=value` are the same, as in tools/common/options.cc.
check_options() {
  local command=$1 name value
  local -A wanted=() seen=()
  while IFS=$'\t' read -r name _ value; do wanted[$name]=$value; done < <(rows "$command/options")
  shift
  while (($#)); do
    name=${1%%=*}
    [[ $name == -* && -n ${wanted[$name]+row} ]] ||
      die "$command has no option '$name'" "use $(row_list "$command/options")"
    if [[ $1 == -- ]]; then return; fi
    [[ -z ${seen[$name]:-} ]] || die "$name stands twice" "remove one"
    seen[$name]=yes
    if [[ -z ${wanted[$name]} ]]; then
      [[ $1 == "$name" ]] || die "$name takes no value"
    else
      if [[ $1 == "$name" ]]; then value=${2:-}; else value=${1#*=}; fi
      fits "$value" "${wanted[$name]}" || die "$name takes ${wanted[$name]}, not '$value'"
      if [[ $1 == "$name" ]]; then shift; fi
    fi
    shift
  done
}

# fits VALUE WANTED: WANTED is a list (a|b), a range (1..8), or a word for what may be anything.
fits() {
  case $2 in
    *'|'*) [[ $1 != *'|'* && "|$2|" == *"|$1|"* ]] ;;
    *..*) [[ $1 =~ ^[0-9]{1,9}$ ]] && ((10#$1 >= ${2%..*} && 10#$1 <= ${2#*..})) ;;
    *) [[ -n $1 ]] ;;
  esac
}

# check_page [--check | PAGE [FILE]]
check_page() {
  local pages
  if (($# == 0)) || [[ $* == --check ]]; then return; fi
  pages=$(rows docs/pages | cut -f1 | paste -sd ' ')
  if [[ $1 == --check ]]; then die "docs --check takes nothing else, not '${*:2}'"; fi
  is_row docs/pages "$1" || die "docs has no page '$1'" "use one of: $pages"
  (($# <= 2)) || die "docs takes a page and a file, not '$*'"
}

# check_tests NAME...
check_tests() {
  local name
  for name; do
    is_row test/groups "$name" || may_be_test "$name" ||
      die "no test is called '$name'" "use a group ($(row_list test/groups)) or part of a test's name in tests/, written as it is there"
  done
}

# may_be_test NAME: each piece of the pattern (GoogleTest's * ? : - and the / of parameters divide it) stands in some test's
# full name. A parameter without a name of its own is called by its number.
may_be_test() {
  local piece pieces words
  [[ $1 != --* ]] || return 1
  words=$(test_words)
  IFS='*?:/-' read -ra pieces <<<"$1"
  for piece in "${pieces[@]}"; do
    [[ $piece =~ ^[0-9]*$ ]] || grep -qF -e "$piece" <<<"$words" || return 1
  done
}

# "Suite.Name" of every test; where there are parameters also "Prefix.Suite" and the strings that may name one.
test_words() {
  local sources
  mapfile -d '' sources < <(find "$root/tests" "$root/guest-images/tests" -name '*.cc' -print0)
  cat "${sources[@]}" | tr -s '\n ' ' ' | grep -oE '\<(TEST(_[FP])?|INSTANTIATE_TEST_SUITE_P)\( ?\w+, ?\w+' |
    sed -E 's/.*\( ?(\w+), ?(\w+)/\1.\2/'
  grep -lZ INSTANTIATE_TEST_SUITE_P "${sources[@]}" | xargs -0 sed '/^#include/d' | grep -oE '"[^"]*"' | sed 's/[^[:alnum:]]/_/g'
}
