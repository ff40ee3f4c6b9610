#!/bin/sh
# Moves the same picture over loopback with socat and with imgnet, digest and ledger on, by turns; and holds ten
# thousand connections at once. Prints medians of five as ratios. Needs socat and python3; build first:
#     cargo build --release && bench/transfer.sh [target/release]
set -eu
bin=$(cd "${1:-target/release}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/dev/shm}/imgnet-bench.XXXXXX")
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
port=$((10000 + $$ % 20000))

# A picture of 243 MB that holds noise, so that nothing on the way can be clever.
python3 - "$dir/a.png" <<'PY'
import os, struct, sys, zlib
width, height = 9000, 9000
raw = b"".join(b"\0" + os.urandom(width * 3) for _ in range(height))
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
with open(sys.argv[1], "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
               + chunk(b"IDAT", zlib.compress(raw, 0)) + chunk(b"IEND", b""))
PY

now() { date +%s.%N; }
median() { sort -n "$1" | sed -n 3p; }
wait_for() {
    for _ in $(seq 1000); do
        ss -ltn | grep -q ":$1 " && return
        sleep 0.01
    done
    echo "nobody listens on $1" >&2
    exit 1
}

socat_once() {
    port=$((port + 1))
    timeout 60 socat -u -b "$1" "TCP-LISTEN:$port,reuseaddr" "CREATE:$dir/socat.png" &
    receiver=$!
    wait_for $port
    start=$(now)
    timeout 60 socat -u -b "$1" "FILE:$dir/a.png" "TCP:127.0.0.1:$port"
    wait $receiver
    echo "$(now) - $start" | bc
    cmp -s "$dir/a.png" "$dir/socat.png" || echo "socat: not the same" >&2
    rm "$dir/socat.png"
}

imgnet_once() {
    port=$((port + 1))
    timeout 60 "$bin/imgnet-server" receive --port $port --count 1 --out "$dir/out" --ledger "$dir/received.jsonl" -q &
    receiver=$!
    wait_for $port
    start=$(now)
    timeout 60 "$bin/imgnet-client" send "127.0.0.1:$port" "$dir/a.png" --chunk "$1" --ledger "$dir/sent.jsonl" -q
    wait $receiver
    echo "$(now) - $start" | bc
    cmp -s "$dir/a.png" "$dir/out/"*.png || echo "imgnet: not the same" >&2
    rm -r "$dir/out"
}

# By turns, so that what else goes on is the same for both. socat does not sync; on tmpfs, where syncing costs nothing,
# both do the same with the disk.
for block in 1024 8192 65536; do
    : >"$dir/socat.times"
    : >"$dir/imgnet.times"
    for run in 1 2 3 4 5; do
        socat_once $block >>"$dir/socat.times"
        imgnet_once $block >>"$dir/imgnet.times"
    done
    socat=$(median "$dir/socat.times")
    imgnet=$(median "$dir/imgnet.times")
    ratio=$(echo "scale=2; $socat / $imgnet" | bc)
    echo "blocks of $block bytes: socat ${socat} s, imgnet ${imgnet} s: throughput $ratio of socat's"
done

# Ten thousand connections at once.
many() {
    mode=$1
    shift
    port=$((port + 1))
    "$bin/imgnet-server" "$@" --port $port --rate 0 --ledger "$dir/many.jsonl" -q &
    server=$!
    wait_for $port
    python3 "$here/many.py" $port $server "$mode"
    kill -TERM $server
    wait $server || true
    server=
}
many receive receive --out "$dir/many"
test "$(ls "$dir/many" | wc -l)" = 10001 || echo "not all were saved" >&2
rm -r "$dir/many"
many raw-pixels receive --protocol raw-pixels=160 --max-memory 1G --out "$dir/many"
test "$(ls "$dir/many" | wc -l)" = 10001 || echo "not all were saved" >&2
rm -r "$dir/many"
mkdir "$dir/pictures"
python3 "$here/many.py" 0 "$dir/pictures/a.png" make
many catalog catalog --import "$dir/pictures"
