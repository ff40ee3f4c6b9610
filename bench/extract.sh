#!/usr/bin/env bash
# The same captures through the tools that take pictures out of traffic, and through imgnet: how many each finds, how many of
# those are right to the byte, how many wrong, and how many of the wrong ones it says to be so. Tools that are not installed
# are left out, which is said; Debian has them all: apt-get install driftnet foremost tcpflow tcpxtract tshark.
# Usage: bench/extract.sh [FOLDER OF CAPTURES [-v]]   (needs python3; IMGNET names another imgnet; -v names the wrong ones)
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 bench/extract.py "${1:-captures}" "${@:2}"
