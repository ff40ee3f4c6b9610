#!/usr/bin/env bash
# Runs all tests, the comparison with tshark included. Arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/packages.sh
ensure_packages "${BUILD_PACKAGES[@]}" tshark tmux chromium chromium-driver python3 python3-pil strace
exec cargo test --locked --no-fail-fast "$@"
