# Sourced by demo.sh, test.sh and .ci/run: makes sure that Debian packages are there.
#
# ensure_packages NAME…   installs those that are missing, with apt-get; uses sudo only when something is
#                         missing and the user is not root. Returns 1, having printed the command to run by
#                         hand, when it cannot.

ensure_packages() {
    local missing=() name
    if ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian system: please make sure that you have what these packages hold: $*" >&2
        return 0
    fi
    for name in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "These Debian packages are missing. Please run this as root, then start again:" >&2
            echo "    apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "Installing Debian packages: ${missing[*]}" >&2
    local log try
    log=$(mktemp)
    for try in 1 2; do
        if {
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get -o DPkg::Lock::Timeout=120 -qq update &&
                "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                    apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 -qq -y --no-install-recommends \
                    install "${missing[@]}"
        } </dev/null >"$log" 2>&1; then
            rm -f "$log"
            return 0
        fi
        [ "$try" = 2 ] || sleep 5
    done
    cat "$log" >&2
    rm -f "$log"
    echo "apt-get could not install: ${missing[*]}" >&2
    return 1
}

# A Rust toolchain finds neither a linker nor libpcap by itself.
BUILD_PACKAGES=(gcc libc6-dev libpcap-dev)
