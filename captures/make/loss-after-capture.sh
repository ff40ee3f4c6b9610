#!/usr/bin/env bash
# MTU 1500; the receiver's firewall drops every sixth data segment, after the capture has seen it. TCP sends it again:
# the capture has those bytes twice.
. "$(dirname "$0")/lib.sh"
routed
PORT=65432
drop_data "$SERVER" input 6
capture loss-after-capture
serve receive --listen "$ADDRESS" --port $PORT --protocol eof --out "$ROOT/captures/$NAME/received" --count 1
client send "$ADDRESS:$PORT" "$PICTURES/chart.png" --protocol eof
finish chart.png
