#!/usr/bin/env bash
# Makes the Debian package: target/debian/imgnet_VERSION_ARCH.deb. Arguments go to `cargo deb`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
ensure_packages "${BUILD_PACKAGES[@]}" dpkg-dev
command -v cargo-deb >/dev/null || cargo install --locked --version 3.8.0 cargo-deb
target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked --bins
"$target/release/imgnet" generate completions target/generated/completions
"$target/release/imgnet" generate man target/generated/man
cargo deb --no-build --locked "$@"
