#!/usr/bin/env bash
# Makes the Debian package: target/debian/imgnet_VERSION_ARCH.deb. Arguments go to `cargo deb`.
# Where IMGNET_BINARIES names a folder with the three programs, those are packaged, and nothing is built.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
ensure_packages "${BUILD_PACKAGES[@]}" dpkg-dev
command -v cargo-deb >/dev/null || cargo install --locked --version 3.8.0 cargo-deb
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
output=$target/debian
if [ -n "${IMGNET_BINARIES:-}" ]; then
    # Beside what is built for use, which it does not touch.
    target=$target/package
    mkdir -p "$target/release"
    cp "$IMGNET_BINARIES"/imgnet{,-server,-client} "$target/release/"
else
    cargo build --release --locked --bins
fi

# What Debian wants compressed, and without the time at which that was done.
made=$target/release/generated
rm -rf "$made"
"$target/release/imgnet" generate completions "$made/completions"
"$target/release/imgnet" generate man "$made/man"
gzip -9n "$made"/man/*.1
gzip -9nc CHANGELOG.md >"$made/changelog.gz"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
maintainer=$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
date=$(date -uR -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")
printf 'imgnet (%s-1) unstable; urgency=medium\n\n  * What changed is in changelog.gz.\n\n -- %s  %s\n' \
    "$version" "$maintainer" "$date" | gzip -9n >"$made/changelog.Debian.gz"

mkdir -p "$output"
CARGO_TARGET_DIR=$target cargo deb --no-build --locked --output "$output" "$@"
