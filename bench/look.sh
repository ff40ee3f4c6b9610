#!/usr/bin/env bash
# Times the commands that look inside, on captures that examples/make-capture.rs makes, in one run, with the files in the
# page cache:
#
#   imgnet packets F beside tshark -r F (both to /dev/null) on a million frames: seconds of wall clock and of processor, medians,
#   and the ratio of the medians; the first page of it (| head); and
#   imgnet view F on 1 GB in a terminal (tmux): seconds to the first screen and to the last, and the highest RssAnon of the
#   process meanwhile, sampled every 10 ms: its memory beyond the mapped file.
#
#   bench/look.sh           makes the captures (1.5 GB) in a temporary folder, and removes them
#   RUNS=5                  how often imgnet is run; tshark a time less by half
#   IMGNET=PATH MAKE=PATH   the programs, where they are built already
#   KEEP=DIR                where to make the captures, and to leave them
set -euo pipefail
cd "$(dirname "$0")/.."
RUNS=${RUNS:-5}
for tool in tshark tmux /usr/bin/time; do
    command -v "$tool" >/dev/null || { echo "$tool is needed: apt-get install tshark tmux time" >&2; exit 2; }
done
if [ -z "${IMGNET:-}" ] || [ -z "${MAKE:-}" ]; then
    cargo build --release --locked --quiet --bin imgnet --example make-capture
    target=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    IMGNET=${IMGNET:-$target/release/imgnet} MAKE=${MAKE:-$target/release/examples/make-capture}
fi
scratch=$(mktemp -d)
socket=imgnet-look-$$
trap 'tmux -L "$socket" kill-server 2>/dev/null || true; rm -rf "$scratch"' EXIT
folder=${KEEP:-$scratch}
mkdir -p "$folder"
many=$folder/million.pcap large=$folder/gigabyte.pcap
[ -s "$many" ] || "$MAKE" connections "$many" --size 1.06 >/dev/null
[ -s "$large" ] || "$MAKE" mtu1500 "$large" --size 1.54 >/dev/null

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
# once NAME COMMAND…   notes its seconds of wall clock, and of processor
once() {
    local name=$1 begun=$EPOCHREALTIME
    shift
    /usr/bin/time -q -f '%U %S %M' -o "$scratch/usage" "$@" >/dev/null 2>&1 </dev/null
    awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", b - a }' >>"$scratch/$name.wall"
    awk '{ printf "%.2f\n", $1 + $2 }' "$scratch/usage" >>"$scratch/$name.processor"
}

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); load $(cut -d' ' -f1 /proc/loadavg)"
echo
echo "$(capinfos -rTmMc "$many" 2>/dev/null | cut -d, -f2) frames, $(($(stat -Lc %s "$many") / 1000000)) MB; medians of $RUNS"
cat "$many" >/dev/null
for run in $(seq "$RUNS"); do
    once imgnet "$IMGNET" packets "$many"
    once one "$(command -v taskset)" -c 0 "$IMGNET" packets "$many"
    once json "$IMGNET" packets "$many" --format jsonl
    once head sh -c "\"$IMGNET\" packets '$many' | head -n 20"
    [ $((run % 2)) -eq 1 ] && once tshark tshark -r "$many"
done
echo
echo '| what | seconds | of processor | ratio |'
echo '|---|--:|--:|--:|'
base=$(median <"$scratch/imgnet.wall")
for row in 'imgnet:imgnet packets' 'one:the same on one core' 'json:the same as JSON Lines' 'head:imgnet packets, first 20 rows' 'tshark:tshark -r'; do
    name=${row%%:*}
    wall=$(median <"$scratch/$name.wall") processor=$(median <"$scratch/$name.processor")
    awk -v n="${row#*:}" -v w="$wall" -v p="$processor" -v b="$base" \
        'BEGIN { printf "| %s | %.3f | %.2f | %.2f |\n", n, w, p, w / b }'
done

cat "$large" >/dev/null
screen() { tmux -L "$socket" capture-pane -p 2>/dev/null || true; }
begun=$EPOCHREALTIME
LC_ALL=C.UTF-8 tmux -L "$socket" -f /dev/null new-session -d -x 120 -y 40 "exec '$IMGNET' view '$large'"
viewer=$(tmux -L "$socket" display-message -p '#{pane_pid}')
first='' most=0
while [ -r "/proc/$viewer/status" ]; do
    while read -r word value _; do
        if [ "$word" = RssAnon: ] && [ "$value" -gt "$most" ]; then most=$value; fi
    done <"/proc/$viewer/status"
    text=$(screen)
    case $text in *' frames '*) [ -n "$first" ] || first=$EPOCHREALTIME ;; esac
    case $text in *' frames ·'*) break ;; esac
    sleep 0.01
done
last=$EPOCHREALTIME
awk -v a="$begun" -v f="$first" -v l="$last" -v m="$most" -v size="$(($(stat -Lc %s "$large") / 1000000))" 'BEGIN {
    printf "\nimgnet view of %d MB: first screen after %.2f s, all of it after %.2f s, at most %d MiB of its own\n", size, f - a, l - a, m / 1024 }'
