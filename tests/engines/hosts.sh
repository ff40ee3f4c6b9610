#!/usr/bin/env bash
# engines/ray on two hosts: two network namespaces with a cable between them, Ray's head in one, a worker in the other.
#
#     hosts.sh IMGNET [CAPTURES]        needs root, iproute2, and ray and pyarrow for python3 (or $PYTHON)
#
# Both archive at once; the lake must have every unit, and the worker's host must have done some. On real machines it is the
# same: ray start --head on one, ray start --address on each other, archive.py with --address.
set -euo pipefail
imgnet=$(realpath "$1") captures=${2:-60} python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
a=imgnet-a-$$ b=imgnet-b-$$
end() {
    for host in "$a" "$b"; do
        # All that runs in the namespace was started here.
        ip netns pids "$host" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
        ip netns del "$host" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap end EXIT
ip netns add "$a"
ip netns add "$b"
ip -n "$a" link add cable type veth peer name cable netns "$b"
ip -n "$a" addr add 10.77.0.1/24 dev cable
ip -n "$b" addr add 10.77.0.2/24 dev cable
for host in "$a" "$b"; do
    ip -n "$host" link set lo up
    ip -n "$host" link set cable up
done
# All machines of a cluster have one token; this one lives as long as the test.
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
export RAY_DISABLE_DOCKER_CPU_WARNING=1 RAY_USAGE_STATS_ENABLED=0
"$python" "$here/scripts/make-archive.py" "$folder/made" --captures "$captures"
# Which host did a unit is told by a wrapper, by its own address.
cat >"$folder/imgnet" <<WRAPPER
#!/bin/sh
ip -4 -o addr show dev cable | grep -o '10\.77\.0\.[0-9]*' | head -n 1 >>"$folder/done-by"
exec "$imgnet" "\$@"
WRAPPER
chmod +x "$folder/imgnet"
ip netns exec "$a" "$python" -m ray.scripts.scripts start --head --node-ip-address 10.77.0.1 --port 6379 --num-cpus 1 \
    --include-dashboard false --temp-dir "$folder/ray" >"$folder/head.log" 2>&1 || { cat "$folder/head.log"; exit 1; }
ip netns exec "$b" "$python" -m ray.scripts.scripts start --address 10.77.0.1:6379 --node-ip-address 10.77.0.2 --num-cpus 1 \
    >"$folder/worker.log" 2>&1 || { cat "$folder/worker.log"; exit 1; }
ip netns exec "$a" "$python" "$here/engines/ray/archive.py" "$folder/made/captures" "$folder/lake" \
    --imgnet "$folder/imgnet" --address 10.77.0.1:6379
units=$(find "$folder/lake/table=captures" -name '*.parquet' | wc -l)
echo "$units of $captures units in the lake; processes by host:"
sort "$folder/done-by" | uniq -c
[ "$units" -eq "$captures" ] && [ "$(sort -u "$folder/done-by" | grep -c 10.77.0)" -eq 2 ]
