#!/usr/bin/env bash
# Times `imgnet analyze` beside other tools on the same captures, in one run, with the files in the page cache,
# and prints a Markdown table per capture: seconds (median), the ratio to imgnet, peak memory.
#
#   bench/compare.sh                    makes the three captures (2.1 GB) in a temporary folder, and removes them
#   bench/compare.sh CAPTURE…           measures on these
#   RUNS=5        times each tool is run; those that take over SLOW=4 seconds are run once
#   SIZE=1.0      how big the captures are that it makes
#   KEEP=DIR      where to make them, and to leave them
#
# What is measured. Seconds are wall-clock time from start to exit, standard output to /dev/null, after one
# unmeasured pass over the file. Peak memory is the kernel's ru_maxrss (GNU time -f %M), which counts the pages of
# a mapped file too. For imgnet, which maps the capture, a second number gives its own memory: the highest RssAnon
# of /proc/PID/status, sampled about every 3 ms in a run of its own that is not timed; peaks shorter than that can
# escape it. The ratio is the tool's time divided by that of imgnet with BLAKE3: above 1, imgnet is faster.
#
# Sources of the tools: Debian packages tcptrace, tcpflow, tshark, tcpdump, coreutils (cat, sha256sum), openssl,
# time (GNU time, needed). What is not installed is named as skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
RUNS=${RUNS:-5} SLOW=${SLOW:-4} SIZE=${SIZE:-1.0}

[ -x /usr/bin/time ] || { echo "GNU time is needed: apt-get install time" >&2; exit 2; }
cargo build --release --locked --quiet --bin imgnet --example make-capture
target=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
imgnet=$target/release/imgnet

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

captures=("$@")
if [ ${#captures[@]} -eq 0 ]; then
    folder=${KEEP:-$scratch}
    mkdir -p "$folder"
    for kind in loopback mtu1500 connections; do
        [ -s "$folder/$kind.pcap" ] ||
            "$target/release/examples/make-capture" "$kind" "$folder/$kind.pcap" --size "$SIZE" >"$folder/$kind.list"
        captures+=("$folder/$kind.pcap")
    done
fi

# once COMMAND…   runs it; sets seconds, kib and status
once() {
    local started=$EPOCHREALTIME
    status=0
    /usr/bin/time -q -f %M -o "$scratch/rss" "$@" >/dev/null 2>"$scratch/stderr" </dev/null || status=$?
    local ended=$EPOCHREALTIME
    seconds=$(awk -v a="$started" -v b="$ended" 'BEGIN { printf "%.4f", b - a }')
    kib=$(tail -n 1 "$scratch/rss")
}

# measure COMMAND…   sets seconds to the median, kib to the highest; runs slow ones once
measure() {
    local all=() most=0 run
    for ((run = 0; run < RUNS; run++)); do
        rm -rf "$scratch/out"
        mkdir "$scratch/out"
        once "$@"
        all+=("$seconds")
        [ "$kib" -gt "$most" ] && most=$kib
        awk -v s="$seconds" -v slow="$SLOW" 'BEGIN { exit !(s > slow) }' && break
    done
    kib=$most runs=${#all[@]}
    seconds=$(printf '%s\n' "${all[@]}" | sort -n | sed -n "$(((${#all[@]} + 1) / 2))p")
}

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
row() { # row NAME NEEDED COMMAND…
    local name=$1 needed=$2
    shift 2
    command -v "$needed" >/dev/null || { skipped+=("$name"); return 0; }
    measure "$@"
    local note=""
    [ "$status" -eq 0 ] || note=" (exit $status)"
    [ "$runs" -eq "$RUNS" ] || note="$note (one run)"
    [ -n "${base:-}" ] || base=$seconds
    local own="–"
    [ "$needed" = "$imgnet" ] && own=$(mib "$(anonymous "$@")")
    printf '| %s%s | %.3f | %s | %s | %s |\n' "$name" "$note" "$seconds" \
        "$(awk -v s="$seconds" -v b="$base" 'BEGIN { printf "%.2f", s / b }')" "$(mib "$kib")" "$own"
}

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); medians of $RUNS"
for capture in "${captures[@]}"; do
    cat "$capture" >/dev/null
    base=
    printf '\n### %s, %s MB\n\n' "$(basename "$capture")" "$(($(stat -Lc %s "$capture") / 1000000))"
    echo '| what | seconds | ratio to imgnet | peak MiB | of it own memory, MiB |'
    echo '|---|--:|--:|--:|--:|'
    row 'imgnet analyze, BLAKE3' "$imgnet" "$imgnet" analyze --digest blake3 --format json "$capture"
    row 'imgnet analyze, SHA-256' "$imgnet" "$imgnet" analyze --digest sha256 --format json "$capture"
    row 'imgnet analyze, no digest' "$imgnet" "$imgnet" analyze --digest none --format json "$capture"
    row 'tcptrace (headers only)' tcptrace tcptrace -n "$capture"
    row 'tcpflow (writes the streams)' tcpflow tcpflow -q -o "$scratch/out" -r "$capture"
    row 'tshark, TCP conversations' tshark tshark -r "$capture" -q -z conv,tcp
    row 'tcpdump, copy to /dev/null' tcpdump tcpdump -r "$capture" -w /dev/null
    row 'sha256sum' sha256sum sha256sum "$capture"
    row 'openssl dgst -sha256' openssl openssl dgst -sha256 "$capture"
    row 'cat' cat cat "$capture"
done
if [ ${#skipped[@]} -gt 0 ]; then
    printf '\nSkipped, because not installed: '
    printf '%s\n' "${skipped[@]}" | sort -u | paste -sd, | sed 's/,/, /g'
fi
