#!/usr/bin/env bash
# MTU 1500; a router drops every sixth data segment on the way to the capture. TCP sends it again: the capture has
# those bytes once, out of order.
. "$(dirname "$0")/lib.sh"
routed
PORT=65432
drop_data "$SPACE-router" forward 6
capture loss-before-capture
serve receive --listen "$ADDRESS" --port $PORT --protocol eof --out "$ROOT/captures/$NAME/received" --count 1
client send "$ADDRESS:$PORT" "$PICTURES/chart.png" --protocol eof
finish chart.png
