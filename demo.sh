#!/usr/bin/env bash
# Sets everything up and runs the demo: builds imgnet, then moves pictures through every wire format in a
# private network, watches them, and proves that each arrived. Arguments go to `imgnet demo`.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/packages.sh
ensure_packages "${BUILD_PACKAGES[@]}"
cargo build --release --locked --bins
exec cargo run --release --locked --quiet --bin imgnet -- demo "$@"
