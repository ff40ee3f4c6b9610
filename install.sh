#!/usr/bin/env bash
# Installs imgnet, imgnet-server and imgnet-client with cargo, so that they can be called by their names. Debian packages
# that the build needs are installed with sudo, only if some are missing. Arguments go to `cargo install`.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/packages.sh
ensure_packages "${BUILD_PACKAGES[@]}"
cargo install --locked --path . "$@"

# Where cargo's folder is not among those that the shell looks through, links are put where it does.
bin=${CARGO_INSTALL_ROOT:-${CARGO_HOME:-$HOME/.cargo}}/bin
if ! command -v imgnet >/dev/null; then
    if [ -w /usr/local/bin ]; then
        for program in imgnet imgnet-server imgnet-client; do
            ln -sf "$bin/$program" "/usr/local/bin/$program"
        done
    else
        echo "The programs are in $bin. Add it to PATH: export PATH=\"$bin:\$PATH\"" >&2
    fi
fi
echo "Installed: imgnet, imgnet-server, imgnet-client. Next: imgnet demo, imgnet help, imgnet doctor" >&2
