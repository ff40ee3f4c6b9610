#!/usr/bin/env bash
# Only the first 96 bytes of each frame are captured: 30 bytes of payload.
. "$(dirname "$0")/lib.sh"
loopback
PORT=65432
capture snaplen-96 -s 96
serve receive --port $PORT --protocol eof --out "$ROOT/captures/$NAME/received" --count 1
client send "$ADDRESS:$PORT" "$PICTURES/photo.jpg" --protocol eof
finish photo.jpg
