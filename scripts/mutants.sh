#!/usr/bin/env bash
# Breaks the code on purpose, a place at a time, and says where no unit test noticed (cargo-mutants).
#
#   scripts/mutants.sh wire analysis            12 places of each of these rooms, spread over all of the room
#   scripts/mutants.sh --places 50 reassembly   as many places
#   scripts/mutants.sh --since COMMIT           what changed since, all rooms
#
# A place takes as long as the library's tests take to build (half a minute to two minutes on two cores). The rooms together have
# about 13,000 places. Exit 0 where every change was noticed, 1 where one was not, 2 for usage.
set -uo pipefail
cd "$(dirname "$0")/.."

VERSION=27.1.0
places=12
since=
rooms=()
while [ $# -gt 0 ]; do
    case $1 in
        --places) places=${2:?--places needs a number}; shift 2 ;;
        --since) since=${2:?--since needs a commit}; shift 2 ;;
        -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) echo "unknown option $1; see --help" >&2; exit 2 ;;
        *) rooms+=("$1"); shift ;;
    esac
done
if [ -z "$since" ] && [ ${#rooms[@]} -eq 0 ]; then
    echo "name rooms (folders of src/), or --since COMMIT" >&2
    exit 2
fi
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "commit or put aside what was changed first: the sources are changed in place and put back" >&2
    exit 2
fi

tools="${CARGO_TARGET_DIR:-target}/ci-tools"
if ! command -v cargo-mutants >/dev/null && [ ! -x "$tools/bin/cargo-mutants" ]; then
    CARGO_TARGET_DIR="$tools/build" cargo install --quiet --debug --locked --no-track --version "$VERSION" \
        --root "$tools" cargo-mutants || exit
    rm -rf "$tools/build"
fi
PATH="$PATH:$(cd "$tools" 2>/dev/null && pwd)/bin"
# Fewer cases of each property: a change that they do not notice is looked at by hand.
export PROPTEST_CASES=64
trap 'git checkout --quiet -- src; git clean --force --quiet -d proptest-regressions' EXIT

out="${CARGO_TARGET_DIR:-target}/mutants"
mkdir -p "$out"
code=0
mutants() { # mutants NAME FILTER… -- TEST…
    local name=$1 filters=()
    shift
    while [ "$1" != -- ]; do filters+=("$1"); shift; done
    shift
    cargo mutants --in-place --baseline skip --timeout 90 --build-timeout 600 --colors never \
        -o "$out/$name" "${filters[@]}" -- --lib -- "$@" >"$out/$name.log" 2>&1
    local ended=$? list="$out/$name/mutants.out"
    printf '%s: %s noticed, %s not noticed, %s did not end in time, %s do not compile\n' "$name" \
        "$(wc -l <"$list/caught.txt")" "$(wc -l <"$list/missed.txt")" "$(wc -l <"$list/timeout.txt")" \
        "$(wc -l <"$list/unviable.txt")"
    sed 's/^/  not noticed: /' "$list/missed.txt"
    # 2: some were not noticed; 3: some did not end, which is noticed, too.
    case $ended in 0 | 3) ;; *) code=1 ;; esac
}

if [ -n "$since" ]; then
    git diff "$since" -- src >"$out/since.diff"
    mutants since --in-diff "$out/since.diff" --
fi
for room in "${rooms[@]}"; do
    [ -e "src/$room" ] || [ -e "src/$room.rs" ] || { echo "src/$room: there is no such room" >&2; exit 2; }
    all=$(cargo mutants --list -f "src/$room/**" -f "src/$room.rs" | wc -l)
    of=$((all > places ? all / places : 1))
    # Every of-th place; the middle one, so that it is not always the first of a file. The room's tests, and those of what strings
    # the rooms together.
    mutants "$room" -f "src/$room/**" -f "src/$room.rs" --sharding round-robin --shard "$((of / 2))/$of" -- "$room::" analysis::
done
exit $code
