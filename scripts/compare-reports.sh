#!/usr/bin/env bash
# Whether two builds of imgnet report the same of all captures: the JSON of `analyze`, and of `verify` where there are
# files of both sides, compared member by member.
#
#   scripts/compare-reports.sh OLD/imgnet NEW/imgnet [CAPTURES]
set -euo pipefail
old=$1 new=$2 captures=${3:-captures}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
differ=0 same=0
compare() { # NAME ARGUMENT…
  local name=$1; shift
  local codes=()
  for side in old new; do
    local code=0
    "${!side}" "$@" --format json >"$work/$side.json" 2>/dev/null || code=$?
    codes+=("$code")
  done
  if [ "${codes[0]}" = "${codes[1]}" ] && python3 - "$work/old.json" "$work/new.json" <<'PYTHON'
import json, sys
old, new = (json.load(open(path)) for path in sys.argv[1:])
sys.exit(old != new)
PYTHON
  then same=$((same + 1)); else differ=$((differ + 1)); echo "differs: $name"; fi
}
while IFS= read -r capture; do
  compare "analyze $capture" analyze "$capture"
  folder=${capture%.*} given=()
  for side in sent received; do
    if [ -d "$folder/$side" ]; then given+=("--$side" "$folder/$side"); fi
  done
  if [ ${#given[@]} -gt 0 ]; then compare "verify $capture" verify "$capture" "${given[@]}"; fi
done < <(find "$captures" -name '*.pcap' -o -name '*.pcapng' | sort)
echo "$same reports are the same, $differ differ"
[ "$differ" = 0 ]
