#!/usr/bin/env bash
# A picture over IPv6.
. "$(dirname "$0")/lib.sh"
loopback
PORT=65432
capture ipv6
serve receive --listen ::1 --port $PORT --protocol eof --out "$ROOT/captures/$NAME/received" --count 1
client send "[::1]:$PORT" "$PICTURES/photo.jpg" --protocol eof
finish photo.jpg
