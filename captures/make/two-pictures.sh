#!/usr/bin/env bash
# Two pictures on one connection: JPEG, marker, PNG, marker.
. "$(dirname "$0")/lib.sh"
loopback
PORT=5050
capture two-pictures
serve receive --port $PORT --protocol marker --out "$ROOT/captures/$NAME/received" --count 2
client send "$ADDRESS:$PORT" "$PICTURES/photo.jpg" "$PICTURES/chart.png" --protocol marker --one-connection
finish photo.jpg chart.png
