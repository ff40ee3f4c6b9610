#!/usr/bin/env bash
# Runs all tests, those of the feature `archive` and the comparison with tshark included. With arguments: `cargo test` with them.
set -uo pipefail
cd "$(dirname "$0")"
. scripts/packages.sh
ensure_packages "${BUILD_PACKAGES[@]}" tshark tmux chromium chromium-driver python3 python3-pil strace || exit
[ $# -eq 0 ] || exec cargo test --locked --no-fail-fast --features archive "$@"

# The library's own tests take longer to optimise than to run.
CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo test --locked --no-fail-fast --features archive --lib
library=$?
cargo test --locked --no-fail-fast --features archive --bins --examples --test '*'
programs=$?
cargo test --locked --features archive --doc
[ $? -eq 0 ] && [ $library -eq 0 ] && [ $programs -eq 0 ]
