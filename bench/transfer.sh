#!/bin/sh
# Moves the same pictures over loopback with socat and with imgnet, digest and ledger on, in one run; and holds ten
# thousand connections at once. Prints medians of five as ratios. Needs socat and python3; build first:
#     cargo build --release && bench/transfer.sh [target/release]
set -eu
bin=$(cd "${1:-target/release}" && pwd)
dir=$(mktemp -d "${TMPDIR:-/dev/shm}/imgnet-bench.XXXXXX")
server=
trap 'test -z "$server" || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
port=$((20000 + $$ % 20000))

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
median() { sort -n | sed -n 3p; }
wait_for() { while ! ss -ltn | grep -q ":$1 "; do sleep 0.01; done; }

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

for block in 8192 65536; do
    socat=$(for run in 1 2 3 4 5; do socat_once $block; done | median)
    imgnet=$(for run in 1 2 3 4 5; do imgnet_once $block; done | median)
    ratio=$(echo "scale=2; $socat / $imgnet" | bc)
    echo "blocks of $block bytes: socat ${socat} s, imgnet ${imgnet} s: throughput $ratio of socat's"
done

# Ten thousand clients that have sent half a picture, and one that wants to be served meanwhile.
port=$((port + 1))
"$bin/imgnet-server" receive --port $port --out "$dir/many" --ledger "$dir/many.jsonl" -q &
server=$!
wait_for $port
python3 - $port $server <<'PY'
import os, resource, socket, struct, sys, time, zlib
port, server = int(sys.argv[1]), sys.argv[2]
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
raw = b"".join(b"\0" + os.urandom(480) for _ in range(120))
png = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 160, 120, 8, 2, 0, 0, 0))
       + chunk(b"IDAT", zlib.compress(raw, 0)) + chunk(b"IEND", b""))
def resident():
    with open(f"/proc/{server}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024
start = time.time()
peers = []
for _ in range(10000):
    peer = socket.create_connection(("127.0.0.1", port))
    peer.sendall(png[:len(png) // 2])
    peers.append(peer)
print(f"10,000 connections with half a picture each after {time.time() - start:.2f} s", end=", ")
time.sleep(0.5)
print(f"server {resident()} MiB", end=", ")
start = time.time()
one = socket.create_connection(("127.0.0.1", port))
one.sendall(png)
one.shutdown(1)
one.recv(1)
print(f"another picture saved in {(time.time() - start) * 1000:.1f} ms", end=", ")
start = time.time()
for peer in peers:
    peer.sendall(png[len(png) // 2:])
    peer.shutdown(1)
for peer in peers:
    peer.recv(1)
print(f"all 10,000 saved {time.time() - start:.2f} s later, server {resident()} MiB")
PY
kill -TERM $server
wait $server || true
server=
test "$(ls "$dir/many" | wc -l)" = 10001 || echo "not all were saved" >&2
