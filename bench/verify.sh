#!/usr/bin/env bash
# Checks that `imgnet analyze` finds exactly the pictures that `make-capture` wrote: same digests, same lengths.
#
#   bench/verify.sh [SIZE]     a tenth of the full size, unless told otherwise
set -euo pipefail
cd "$(dirname "$0")/.."
SIZE=${1:-0.1}
cargo build --release --locked --quiet --bin imgnet --example make-capture --example list-pictures
target=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for kind in loopback mtu1500 connections; do
    "$target/release/examples/make-capture" "$kind" "$scratch/$kind.pcap" --size "$SIZE" |
        awk '{ print $1, $2 }' | sort >"$scratch/expected"
    "$target/release/imgnet" analyze --format json --digest sha256 "$scratch/$kind.pcap" |
        "$target/release/examples/list-pictures" | sort >"$scratch/found"
    if ! diff "$scratch/expected" "$scratch/found" >"$scratch/difference"; then
        echo "$kind: the pictures differ (< made, > found):" >&2
        head -n 20 "$scratch/difference" >&2
        exit 1
    fi
    echo "$kind: all $(wc -l <"$scratch/expected") pictures found, every digest equal"
    rm -f "$scratch/$kind.pcap"
done
