# SPDX-License-Identifier: GPL-2.0-or-later
# The fuzz targets: built by clang in a tree of their own, run one after the other. Sourced by `gatehouse`.

readonly kFuzzStopped=72  # libFuzzer's exit status after SIGINT and SIGTERM
fuzz_build=$build/fuzz

fuzz_program() { echo "$fuzz_build/tests/fuzz/fuzz-$1"; }

fuzz_programs() {
  local target
  while read -r target; do fuzz_program "$target"; done < <(rows fuzz/targets | cut -f1)
}

fuzz_key() { hash_of "$root"/{hw,firmware,tools,tests} "$root"/meson.{build,options} "in $root" "by $meson"; }

# clang is not among the packages that everybody needs: it takes half a gigabyte. Each release has its own.
fuzz_step() {
  local llvm=14 packages missing
  if [[ $(debian_version) == 13 ]]; then llvm=19; fi
  packages=("clang-$llvm" "libclang-rt-$llvm-dev")
  missing=$(comm -23 <(printf '%s\n' "${packages[@]}" | sort) <(installed_of "${packages[@]}" | sort))
  [[ -z $missing ]] ||
    die "fuzzing needs clang and its libFuzzer" "as root: apt-get install --no-install-recommends ${packages[*]}"
  if ! is_configured "$fuzz_build"; then
    CC="ccache clang-$llvm" CXX="ccache clang++-$llvm" configure_tree "$fuzz_build" \
      -Dfuzz=true -Dwerror=false -Db_lundef=false -Db_sanitize=address,undefined \
      -Dcpp_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all'
  fi
  built ninja -C "$fuzz_build" -j "$jobs" fuzzers
}

# fuzz_run [TARGET...] [--seconds N]: corpora grow in build/fuzz-corpus, findings go to build/fuzz-findings.
fuzz_run() {
  local seconds=60 target found=0
  local -a targets=()
  while (($#)); do
    case $1 in
      --seconds) seconds=$2 && shift ;;
      --seconds=*) seconds=${1#*=} ;;
      *) targets+=("$1") ;;
    esac
    shift
  done
  if ((${#targets[@]} == 0)); then mapfile -t targets < <(rows fuzz/targets | cut -f1); fi
  for target in "${targets[@]}"; do
    fuzz_target "$target" "$seconds" || found=$((found + 1))
  done
  ((found == 0)) || die "$found of ${#targets[@]} targets have findings" "mend what they show, and keep each input in tests/fuzz/corpus"
}

# fuzz_target TARGET SECONDS
fuzz_target() {
  local program grown=$build/fuzz-corpus/$1 findings=$build/fuzz-findings/$1
  local log=$build/logs/fuzz-$1.log input status=0 began=$SECONDS
  program=$(fuzz_program "$1")
  mkdir -p "$grown" "$findings" "${log%/*}"
  printf '%-12s%s\n' "$1" "$(fuzz_promise "$1")"
  "$program" -max_total_time="$2" -max_len=4096 -len_control=0 -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
    -artifact_prefix="$findings/" "$grown" "$root/tests/fuzz/corpus/$1" >"$log" 2>&1 || status=$?
  awk -v seconds=$((SECONDS - began)) '/^#[0-9]/ { for (i = 2; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
       /number_of_executed_units:/ { runs = $2 }
       END { printf("            %d runs in %d s, %d edges\n", runs, seconds, cov) }' "$log"
  if ((status == 0)); then return; fi
  if ((status == kFuzzStopped)); then exit 130; fi
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  grep -m3 -E 'does not hold|SUMMARY|runtime error|Failure' "$log" | sed 's/^/            /' >&2
  echo "            found: see ${log#"$root"/}; again by: $program ${input:-$findings/*}" >&2
  return 1
}

fuzz_promise() { rows fuzz/targets | awk -F'\t' -v name="$1" '$1 == name { print $3 ": " $2 }'; }
