#!/usr/bin/env bash
# Times `imgnet analyze` beside other tools on the same captures, in one run, with the files in the page cache,
# and prints a Markdown table per capture: seconds (medians) of wall clock and of processor, the ratio to imgnet,
# peak memory.
#
#   bench/compare.sh                    makes the three captures (2.1 GB) in a temporary folder, and removes them
#   bench/compare.sh CAPTURE…           measures on these
#   RUNS=5        times each tool is run; those that take over SLOW=4 seconds are run once
#   SIZE=1.0      how big the captures are that it makes
#   KEEP=DIR      where to make them, and to leave them
#   IMGNET=PATH MAKE=PATH   the programs, where they are built already
#
# What is measured. Seconds are wall-clock time from start to exit, standard output to /dev/null, after one
# unmeasured pass over the file; "of processor" is user and system time of all threads, which says more where the
# machine has other work. All tools run once before any runs again, so that such work disturbs them alike. The tools
# print their summary, and imgnet its own (no option); the row "as JSON" writes every stream, picture and chunk, up to
# 250 MB of text. "on one core" is the same imgnet on the first core only: the ratio tells what the others gain. Peak memory is the kernel's ru_maxrss (GNU time -f %M), which counts the pages of
# a mapped file too. For imgnet, which maps the capture, a second number gives its own memory: the highest RssAnon
# of /proc/PID/status, sampled about every 3 ms in a run of its own that is not timed; peaks shorter than that can
# escape it. The ratio is the tool's wall-clock time divided by that of imgnet with BLAKE3: above 1, imgnet is faster;
# the ratio after it is the same of processor time.
#
# Sources of the tools: Debian packages tcptrace, tcpflow, tshark, tcpdump, coreutils (cat, sha256sum), openssl,
# time (GNU time, needed). What is not installed is named as skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
RUNS=${RUNS:-5} SLOW=${SLOW:-4} SIZE=${SIZE:-1.0}

[ -x /usr/bin/time ] || { echo "GNU time is needed: apt-get install time" >&2; exit 2; }
if [ -z "${IMGNET:-}" ] || { [ $# -eq 0 ] && [ -z "${MAKE:-}" ]; }; then
    cargo build --release --locked --quiet --bin imgnet --example make-capture
    target=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
fi
imgnet=${IMGNET:-$target/release/imgnet} make=${MAKE:-${target:-}/release/examples/make-capture}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

captures=("$@")
if [ ${#captures[@]} -eq 0 ]; then
    folder=${KEEP:-$scratch}
    mkdir -p "$folder"
    for kind in loopback mtu1500 connections; do
        [ -s "$folder/$kind.pcap" ] ||
            "$make" "$kind" "$folder/$kind.pcap" --size "$SIZE" >"$folder/$kind.list"
        captures+=("$folder/$kind.pcap")
    done
fi

# once COMMAND…   runs it; sets seconds, processor, kib and status
once() {
    local started=$EPOCHREALTIME user system
    status=0
    /usr/bin/time -q -f '%M %U %S' -o "$scratch/usage" "$@" >/dev/null 2>"$scratch/stderr" </dev/null || status=$?
    local ended=$EPOCHREALTIME
    seconds=$(awk -v a="$started" -v b="$ended" 'BEGIN { printf "%.4f", b - a }')
    read -r kib user system < <(tail -n 1 "$scratch/usage")
    processor=$(awk -v a="$user" -v b="$system" 'BEGIN { printf "%.2f", a + b }')
}

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# anonymous COMMAND…   prints the highest RssAnon in KiB
anonymous() {
    local pid most=0 word value rest
    "$@" >/dev/null 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        while read -r word value rest; do
            [ "$word" = RssAnon: ] && { [ "$value" -gt "$most" ] && most=$value; break; }
        done 2>/dev/null <"/proc/$pid/status" || break
        read -rt 0.003 <> <(:) || true
    done
    wait "$pid" || true
    echo "$most"
}

mib() { awk -v k="$1" 'BEGIN { printf "%.0f", k / 1024 }'; }

skipped=()
names=()
row() { # row NAME NEEDED COMMAND…   runs it once, and notes what it took
    local name=$1 needed=$2 index=0
    shift 2
    command -v "$needed" >/dev/null || { skipped+=("$name"); return 0; }
    while [ $index -lt ${#names[@]} ] && [ "${names[$index]}" != "$name" ]; do index=$((index + 1)); done
    names[index]=$name
    local notes="$scratch/row-$index"
    # Slow ones run once.
    [ -e "$notes" ] && awk -v slow="$SLOW" '$1 > slow { over = 1 } END { exit !over }' "$notes" && return 0
    rm -rf "$scratch/out"
    mkdir "$scratch/out"
    once "$@"
    echo "$seconds $processor $kib $status" >>"$notes"
    # Its own memory, once, in a run that is not timed.
    [ "$needed" = "$imgnet" ] && [ ! -e "$notes-own" ] && anonymous "$@" >"$notes-own"
    return 0
}

table() {
    echo '| what | seconds | of processor | ratio to imgnet | of processor | peak MiB | of it own memory, MiB |'
    echo '|---|--:|--:|--:|--:|--:|--:|'
    local index base_seconds='' base_processor=''
    for index in "${!names[@]}"; do
        local notes="$scratch/row-$index" note='' own='–' seconds processor kib
        seconds=$(cut -d' ' -f1 "$notes" | median)
        processor=$(cut -d' ' -f2 "$notes" | median)
        kib=$(cut -d' ' -f3 "$notes" | sort -n | tail -n 1)
        status=$(cut -d' ' -f4 "$notes" | sort -n | tail -n 1)
        [ "$status" -eq 0 ] || note=" (exit $status)"
        [ "$(wc -l <"$notes")" -eq "$RUNS" ] || note="$note (one run)"
        base_seconds=${base_seconds:-$seconds} base_processor=${base_processor:-$processor}
        [ -e "$notes-own" ] && own=$(mib "$(cat "$notes-own")")
        awk -v name="${names[$index]}$note" -v s="$seconds" -v p="$processor" -v bs="$base_seconds" \
            -v bp="$base_processor" -v kib="$(mib "$kib")" -v own="$own" 'BEGIN {
            printf "| %s | %.3f | %.2f | %.2f | %.2f | %s | %s |\n", name, s, p, s / bs, p / (bp > 0 ? bp : 0.01), kib, own }'
    done
}

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); medians of $RUNS"
for capture in "${captures[@]}"; do
    cat "$capture" >/dev/null
    printf '\n### %s, %s MB\n\n' "$(basename "$capture")" "$(($(stat -Lc %s "$capture") / 1000000))"
    names=()
    rm -f "$scratch"/row-*
    for ((run = 0; run < RUNS; run++)); do
        row 'imgnet analyze, BLAKE3' "$imgnet" "$imgnet" analyze --digest blake3 "$capture"
        row 'imgnet analyze, SHA-256' "$imgnet" "$imgnet" analyze --digest sha256 "$capture"
        row 'imgnet analyze, no digest' "$imgnet" "$imgnet" analyze --digest none "$capture"
        row 'imgnet, BLAKE3, as JSON' "$imgnet" "$imgnet" analyze --digest blake3 --format json "$capture"
        row 'imgnet, BLAKE3, on one core' taskset taskset -c 0 "$imgnet" analyze --digest blake3 "$capture"
        row 'imgnet, SHA-256, on one core' taskset taskset -c 0 "$imgnet" analyze --digest sha256 "$capture"
        row 'tcptrace (headers only)' tcptrace tcptrace -n "$capture"
        row 'tcpflow (writes the streams)' tcpflow tcpflow -q -o "$scratch/out" -r "$capture"
        row 'tshark, TCP conversations' tshark tshark -r "$capture" -q -z conv,tcp
        row 'tcpdump, copy to /dev/null' tcpdump tcpdump -r "$capture" -w /dev/null
        row 'sha256sum' sha256sum sha256sum "$capture"
        row 'openssl dgst -sha256' openssl openssl dgst -sha256 "$capture"
        row 'cat' cat cat "$capture"
    done
    table
done
if [ ${#skipped[@]} -gt 0 ]; then
    printf '\nSkipped, because not installed: '
    printf '%s\n' "${skipped[@]}" | sort -u | paste -sd, | sed 's/,/, /g'
fi
