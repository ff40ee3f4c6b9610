#!/usr/bin/env bash
# Makes the captures of this folder again: each format's two ends in Python, in a network namespace of their own.
# Needs root, and the Debian packages tcpdump, iproute2, python3.
set -euo pipefail
cd "$(dirname "$0")"
[ "$(id -u)" -eq 0 ] || { echo "making captures needs root: a network namespace and tcpdump" >&2; exit 4; }
SPACE=imgnet-formats-$$
CAPTURE=
tidy() {
    [ -z "$CAPTURE" ] || kill "$CAPTURE" 2>/dev/null || true
    ip netns delete "$SPACE" 2>/dev/null || true
}
trap tidy EXIT
ip netns add "$SPACE"
ip -n "$SPACE" link set lo up
for format in half-close size-handshake size-handshake-bare name-size-marker pickled base64 base64-lines udp-jpeg \
    udp-index udp-index-lost udp-countdown udp-offset udp-count http zmtp; do
    echo "--- $format"
    ip netns exec "$SPACE" tcpdump -q -i lo -U -w "$format.pcap" 2>/dev/null &
    CAPTURE=$!
    sleep 1
    ip netns exec "$SPACE" python3 make.py "$format" sent/photo.jpg sent/chart.png
    sleep 1
    kill -INT "$CAPTURE"
    wait "$CAPTURE" || true
    CAPTURE=
done
