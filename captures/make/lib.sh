# Sourced by the scripts beside it. Needs root, and the Debian packages tcpdump, iproute2, nftables, ethtool.
#
# Each script makes captures/NAME.pcap with captures/NAME/sent and captures/NAME/received, in network namespaces of
# its own, with imgnet's own server and client. Nothing outside those namespaces is touched.
#
# BIN=DIR       where imgnet-server and imgnet-client are (default: a debug build, made when missing)
# PICTURES=DIR  the pictures to send (default: examples/make-pictures.rs makes them)

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ "$(id -u)" -eq 0 ] || { echo "making captures needs root: network namespaces and tcpdump" >&2; exit 4; }

if [ -z "${BIN:-}" ]; then
    cargo build --quiet --locked --manifest-path "$ROOT/Cargo.toml" --bins --example make-pictures
    BIN=$(cargo metadata --format-version 1 --no-deps --locked --manifest-path "$ROOT/Cargo.toml" |
        sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
fi

WORK=$(mktemp -d)
SPACE=imgnet-make-$$
CAPTURE_PID=
SERVER_PID=
tidy() {
    local pid space
    for pid in $CAPTURE_PID $SERVER_PID; do kill "$pid" 2>/dev/null || true; done
    for space in client router server; do ip netns delete "$SPACE-$space" 2>/dev/null || true; done
    rm -rf "$WORK"
}
trap tidy EXIT

if [ -z "${PICTURES:-}" ]; then
    PICTURES=$WORK/pictures
    mkdir "$PICTURES"
    "$BIN/examples/make-pictures" "$PICTURES"
fi

# loopback   one namespace for both sides
loopback() {
    ip netns add "$SPACE-server"
    ip -n "$SPACE-server" link set lo up
    CLIENT=$SPACE-server SERVER=$SPACE-server INTERFACE=lo ADDRESS=127.0.0.1
}

# routed   client — router — server over veth pairs of MTU 1500 with all offloads off, so that frames are those
#          that a wire would carry; the server is at 10.9.2.2, and the capture is taken on its interface
routed() {
    local space
    for space in client router server; do
        ip netns add "$SPACE-$space"
        ip -n "$SPACE-$space" link set lo up
    done
    ip -n "$SPACE-router" link add to-client type veth peer name eth0 netns "$SPACE-client"
    ip -n "$SPACE-router" link add to-server type veth peer name eth0 netns "$SPACE-server"
    ip -n "$SPACE-router" address add 10.9.1.1/24 dev to-client
    ip -n "$SPACE-router" address add 10.9.2.1/24 dev to-server
    ip -n "$SPACE-client" address add 10.9.1.2/24 dev eth0
    ip -n "$SPACE-server" address add 10.9.2.2/24 dev eth0
    ip -n "$SPACE-router" link set to-client up
    ip -n "$SPACE-router" link set to-server up
    ip -n "$SPACE-client" link set eth0 up
    ip -n "$SPACE-server" link set eth0 up
    ip -n "$SPACE-client" route add default via 10.9.1.1
    ip -n "$SPACE-server" route add default via 10.9.2.1
    ip netns exec "$SPACE-router" sysctl -qw net.ipv4.ip_forward=1
    local pair
    for pair in client:eth0 server:eth0 router:to-client router:to-server; do
        ip netns exec "$SPACE-${pair%:*}" ethtool -K "${pair#*:}" tso off gso off gro off tx off rx off sg off >/dev/null
    done
    CLIENT=$SPACE-client SERVER=$SPACE-server INTERFACE=eth0 ADDRESS=10.9.2.2
}

# drop_data SPACE HOOK EVERY   drops every EVERYth data segment to port 65432 at a netfilter hook
drop_data() {
    ip netns exec "$1" nft -f - <<RULES
table inet imgnet {
    chain lose {
        type filter hook $2 priority 0; policy accept;
        tcp dport 65432 meta length > 300 numgen inc mod $3 == 2 counter drop
    }
}
RULES
}

# capture NAME [TCPDUMP OPTION…]   starts tcpdump where the server is, and waits until it listens
capture() {
    NAME=$1
    shift
    rm -rf "${ROOT:?}/captures/$NAME"
    mkdir -p "$ROOT/captures/$NAME/sent" "$ROOT/captures/$NAME/received"
    ip netns exec "$SERVER" tcpdump -i "$INTERFACE" -U --immediate-mode -Z root -B 16384 -w "$WORK/capture.pcap" "$@" \
        'tcp or udp' 2>"$WORK/tcpdump.log" &
    CAPTURE_PID=$!
    wait_for grep -q 'listening on' "$WORK/tcpdump.log"
}

# serve ARGUMENT…   starts imgnet-server where the server is, and waits until it listens on $PORT
serve() {
    ip netns exec "$SERVER" "$BIN/imgnet-server" "$@" >"$WORK/server.log" 2>&1 &
    SERVER_PID=$!
    wait_for listening "$PORT"
}
listening() { ip netns exec "$SERVER" ss -Hlnt "sport = :$1" | grep -q .; }

client() { ip netns exec "$CLIENT" "$BIN/imgnet-client" "$@"; }

# finish FILE…   waits for the server, stops the capture, and keeps capture and pictures sent; FILE… are under $PICTURES
finish() {
    wait "$SERVER_PID" || { cat "$WORK/server.log" >&2; return 1; }
    SERVER_PID=
    sleep 0.5 # the last ACK
    kill -INT "$CAPTURE_PID"
    wait "$CAPTURE_PID" || true
    CAPTURE_PID=
    cp "$WORK/capture.pcap" "$ROOT/captures/$NAME.pcap"
    local file
    for file in "$@"; do cp "$PICTURES/$file" "$ROOT/captures/$NAME/sent/"; done
    grep -E 'captured|dropped' "$WORK/tcpdump.log" | sed "s/^/$NAME: /"
}

wait_for() {
    local try
    for try in $(seq 100); do
        "$@" && return
        sleep 0.05
    done
    echo "gave up waiting for: $*" >&2
    return 1
}
