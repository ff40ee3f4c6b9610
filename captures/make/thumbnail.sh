#!/usr/bin/env bash
# A JPEG with a thumbnail in its EXIF data, which has a start and an end marker of its own.
. "$(dirname "$0")/lib.sh"
loopback
PORT=65432
capture thumbnail
serve receive --port $PORT --protocol eof --out "$ROOT/captures/$NAME/received" --count 1
client send "$ADDRESS:$PORT" "$PICTURES/thumbnail.jpg" --protocol eof
finish thumbnail.jpg
