#!/usr/bin/env bash
# The capture file ends in the middle of a frame, as when the disk was full: 6000 bytes of it are left.
. "$(dirname "$0")/lib.sh"
loopback
PORT=65432
capture cut-mid-frame
serve receive --port $PORT --protocol eof --out "$ROOT/captures/$NAME/received" --count 1
client send "$ADDRESS:$PORT" "$PICTURES/photo.jpg" --protocol eof
finish photo.jpg
truncate -s 6000 "$ROOT/captures/$NAME.pcap"
