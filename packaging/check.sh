#!/usr/bin/env bash
# packaging/check.sh FILE.deb: installs the package over a copy of this machine that nobody else sees, uses it, and removes it.
# Nothing of the machine itself changes. Exit 2 where such a copy cannot be made (it needs root and overlays).
set -euo pipefail
deb=$(realpath "$1")
if [ "${2:-}" != within ]; then
    [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null || { echo "no copy of this machine can be made without root" >&2; exit 2; }
    exec unshare --mount --propagation private "$0" "$deb" within
fi

stage=$(mktemp -d)
trap 'umount -l "$stage" 2>/dev/null; rmdir "$stage" 2>/dev/null || true' EXIT
mount -t tmpfs tmpfs "$stage" && mkdir "$stage"/{changes,work,root} &&
    mount -t overlay -o "lowerdir=/,upperdir=$stage/changes,workdir=$stage/work" overlay "$stage/root" ||
    { echo "no overlay can be mounted" >&2; exit 2; }
for folder in proc dev sys; do mount --rbind "/$folder" "$stage/root/$folder"; done
mkdir "$stage/root/package"
cp "$deb" "$stage/root/package/imgnet.deb"
within() { chroot "$stage/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
fail() { echo "$*" >&2; exit 1; }

# What it is said to hold.
listed=$(dpkg-deb -c "$deb")
for file in bin/imgnet bin/imgnet-server bin/imgnet-client share/man/man1/imgnet.1.gz share/man/man1/imgnet-verify.1.gz \
    share/bash-completion/completions/imgnet.bash share/zsh/vendor-completions/_imgnet \
    share/fish/vendor_completions.d/imgnet.fish share/imgnet/wireshark/imgnet.lua share/doc/imgnet/copyright; do
    grep -q " \./usr/$file\$" <<<"$listed" || fail "not in the package: /usr/$file"
done
grep -q ' \./etc/apparmor.d/imgnet$' <<<"$listed" || fail "not in the package: the AppArmor profile"

# Without an answer, nobody gets a right; with a yes the program, and with a no behind it none.
rights() { within getcap /usr/bin/imgnet; }
answer() {
    echo "imgnet imgnet/setcap boolean $1" | within debconf-set-selections
    within dpkg-reconfigure -fnoninteractive imgnet
}
within dpkg -i /package/imgnet.deb >/dev/null || fail "dpkg -i"
[ -z "$(rights)" ] || fail "a right was given that nobody asked for: $(rights)"
for program in imgnet imgnet-server imgnet-client; do
    within "/usr/bin/$program" --version >/dev/null || fail "$program --version"
done
within /usr/bin/imgnet explain mismatch | grep -q mismatch || fail "imgnet explain"
within bash -ec 'source /usr/share/bash-completion/completions/imgnet.bash; complete -p imgnet' | grep -q imgnet || fail "bash completion"
[ -z "$(within sh -c 'command -v man')" ] || within man -P cat imgnet-verify | grep -q -- --sent || fail "man imgnet-verify"
if within sh -c 'command -v setcap getcap' >/dev/null; then
    answer true
    rights | grep -q cap_net_raw || fail "no right after a yes"
    answer false
    [ -z "$(rights)" ] || fail "a right is left after a no"
else
    echo "no setcap here: the rights were not tried" >&2
fi

# Again over itself, away with its settings kept, away with all.
within dpkg -i /package/imgnet.deb >/dev/null || fail "dpkg -i over itself"
within dpkg -r imgnet >/dev/null || fail "dpkg -r"
[ ! -e "$stage/root/usr/bin/imgnet" ] || fail "the program is left"
[ -e "$stage/root/etc/apparmor.d/imgnet" ] || fail "dpkg -r took the settings"
within dpkg -P imgnet >/dev/null || fail "dpkg -P"
left=$(cd "$stage/changes" && find etc usr -name '*imgnet*' ! -type c -print -quit)
[ -z "$left" ] || fail "left behind: $left"
! within debconf-show imgnet | grep -q setcap || fail "the answer is left"
echo "installed, used, removed: $(basename "$deb")"
