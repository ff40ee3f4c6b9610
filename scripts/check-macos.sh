#!/usr/bin/env bash
# Checks the library and the three programs for macOS: every type and every lint, and nothing more.
#
#   scripts/check-macos.sh
#
# Nothing is linked and nothing is run, so neither Apple's compiler nor its libraries are needed: where a dependency compiles C
# (SQLite, zstd, BLAKE3), a stand-in writes an empty file for each object. The dependencies are checked in the same folder as all
# else, beside those of this machine.
# Exit 0, 1 where something is wrong, 77 where there is no rustup or the target cannot be had, said in words.
set -uo pipefail
cd "$(dirname "$0")/.."

target=aarch64-apple-darwin
command -v rustup >/dev/null || { echo "skipped: no rustup, which has the library of $target" && exit 77; }
if ! rustup target list --installed 2>/dev/null | grep -qx "$target"; then
    timeout 120 rustup target add "$target" >/dev/null 2>&1 || { echo "skipped: the target $target cannot be had" && exit 77; }
fi

# In one place, whose name does not change: what was built with them is not built again.
tools=${CARGO_TARGET_DIR:-target}/ci-tools/macos
mkdir -p "$tools" && tools=$(cd "$tools" && pwd) || exit 1
cat >"$tools/cc" <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in -o) shift && : >"$1" ;; esac
    shift
done
END
cat >"$tools/ar" <<'END'
#!/bin/sh
for file; do
    case $file in *.a) : >"$file" ;; esac
done
END
chmod +x "$tools/cc" "$tools/ar"
export "CC_${target//-/_}=$tools/cc" "AR_${target//-/_}=$tools/ar"
cargo clippy --locked --target "$target" --lib --bins -- -D warnings || exit 1
