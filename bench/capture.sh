#!/bin/sh
# Capturing pictures at full speed over a loopback of one's own: imgnet beside tcpdump and dumpcap with the same buffer,
# and what a capture costs a transfer of 2 Gbit/s. As root (tcpdump and dumpcap need it), on a quiet machine.
#
# usage: bench/capture.sh [COPIES]     copies of a picture of 20 MB; 100 make 2 GB
set -eu
copies=${1:-100}
buffer=${BUFFER:-64} # MiB
here=$(cd "$(dirname "$0")" && pwd)
imgnet=${IMGNET:-$here/../target/release/imgnet}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
flood="python3 $here/flood.py $dir/picture.bmp"
python3 - "$dir/picture.bmp" <<'PY'
import os, struct, sys
width, height = 3000, 2222
pixels = os.urandom(width * 3) * height
header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + len(pixels), 0, 0, 54, 40, width, height, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
open(sys.argv[1], "wb").write(header + pixels)
PY

say() { printf '%-34s %s\n' "$1" "$2"; }
moved() { sed -n 's/^moved [0-9]* bytes in //p' "$1"; }

$flood "$copies" 2> "$dir/none"
say "no capture" "$(moved "$dir/none")"

held() {
    name=$1
    shift
    "$imgnet" capture --sent "$dir/picture.bmp" "$@" -- $flood "$copies" > "$dir/out" 2> "$dir/err" || true
    say "$name" "$(moved "$dir/err"), $(grep -oE 'Captured [0-9,]* frames|none dropped|[0-9,]* frames dropped|held [0-9,]* times?|match: all [0-9,]* pictures' "$dir/out" | paste -sd ' ')"
    rm -f "$dir/f.pcapng"
}
held "capture -w FILE -- COMMAND" -w "$dir/f.pcapng" --buffer "$buffer"
held "the same, default ring" -w "$dir/f.pcapng"
held "capture -w /dev/null -- COMMAND" -w /dev/null
held "the same, BLAKE3" -w /dev/null --digest blake3

# Beside it, as sniffers of a loopback that they do not rule: each in a network of its own. tcpdump and dumpcap count
# both copies of each frame as dropped, imgnet has one of them left out in the kernel.
beside() {
    name=$1 quiet=$2
    shift 2
    unshare -n sh -c '
        ip link set lo up; log=$1; flood=$2; shift 2
        "$@" > "$log.out" 2> "$log.err" & sniffer=$!
        sleep 1; $flood 2> "$log.flood"; sleep 1; kill -INT $sniffer; wait $sniffer || true' \
        sh "$dir/$name" "$flood $copies" "$@"
    say "$name" "$(moved "$dir/$name.flood"), $(cat "$dir/$name.out" "$dir/$name.err" | tr '\r' '\n' | sed -e ':a' -e 'N' -e '$!ba' -e 's/\n  */ /g' | grep -iE "$quiet" | paste -sd ' ')"
    rm -f "$dir/f.pcapng"
}
beside imgnet 'frames? dropped by the kernel|none dropped' "$imgnet" capture --buffer "$buffer" -w "$dir/f.pcapng" --digest none
beside tcpdump 'packets captured|dropped by kernel' tcpdump -i lo -B $((buffer * 1024)) -w "$dir/f.pcapng" -Z root
beside dumpcap 'dropped' dumpcap -q -i lo -B "$buffer" -w "$dir/f.pcapng"

echo
for rate in 62500000 250000000; do
    few=$((copies / 2))
    $flood "$few" $rate 2> "$dir/without"
    "$imgnet" capture -q -w "$dir/f.pcapng" -- $flood "$few" $rate > /dev/null 2> "$dir/with"
    say "$((rate / 125000)) Mbit/s, no capture" "$(moved "$dir/without")"
    say "$((rate / 125000)) Mbit/s, imgnet capture" "$(moved "$dir/with")"
done
