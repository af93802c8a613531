# SPDX-License-Identifier: GPL-2.0-or-later
# manifest.json: which packages, of which version and hash, each part was made of.

make_manifest() {
  local list set name version hash comma='' inner
  {
    echo '{'
    echo '  "agent": 1,'
    echo '  "packages": {'
    for list in "$parts"/*.packages; do
      set=$(basename "$list" .packages)
      printf '%s    "%s": [' "$comma" "$set"
      comma=$',\n' inner=''
      while read -r name version hash; do
        printf '%s\n      {"name": "%s", "version": "%s", "sha256": "%s"}' "$inner" "$name" "$version" "$hash"
        inner=,
      done <"$list"
      printf '\n    ]'
    done
    printf '\n  }\n}\n'
  } >"$out/manifest.json"
}
