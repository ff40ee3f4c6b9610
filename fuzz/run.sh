#!/usr/bin/env bash
# Fuzzes one target for so many seconds, on stable Rust, without cargo-fuzz.
#
#   fuzz/run.sh analyze 600                the inputs found go into a folder of their own, fuzz/target/corpus/analyze
#   fuzz/run.sh analyze 600 -rss_limit_mb=4096      what stands behind goes to libFuzzer
#   fuzz/run.sh --all 60                   every target, one after another
#
# Coverage is counted in imgnet and in the targets alone (rustc.sh), not in the crates below. libFuzzer's runtime is that of clang (Debian
# package libclang-rt-N-dev), so no C++ is compiled. Inputs that fail land in fuzz/artifacts/TARGET.
# Exit 0, 1 where an input failed, 2 usage, 77 where there is no libFuzzer, said in words.
set -uo pipefail
cd "$(dirname "$0")"

[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
target=$1 seconds=$2
shift 2
[[ $seconds =~ ^[0-9]+$ ]] || { echo "seconds: $seconds" >&2; exit 2; }
targets=("$target")
if [ "$target" = --all ]; then
    mapfile -t targets < <(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' Cargo.toml)
elif [ ! -f "fuzz_targets/$target.rs" ]; then
    echo "there is no target $target; there are: $(basename -s .rs fuzz_targets/*.rs | tr '\n' ' ')" >&2
    exit 2
fi

# The newest; the runtime must be as new as the flags of rustc.sh, and all are.
runtime=$(find /usr/lib/llvm-*/lib/clang /usr/lib/clang -name "libclang_rt.fuzzer-$(uname -m).a" 2>/dev/null | sort -V | tail -n 1)
[ -n "$runtime" ] || runtime=$(find /usr/lib/llvm-*/lib/clang /usr/lib/clang -path "*$(uname -m)*" -name libclang_rt.fuzzer.a 2>/dev/null | sort -V | tail -n 1)
[ -n "$runtime" ] || { echo "skipped: no libFuzzer; install clang's runtime: apt-get install libclang-rt-dev" && exit 77; }

built=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$built RUSTC_WRAPPER=$PWD/rustc.sh CUSTOM_LIBFUZZER_PATH=$runtime CUSTOM_LIBFUZZER_STD_CXX=stdc++
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only
wanted=()
for one in "${targets[@]}"; do wanted+=(--bin "$one"); done
cargo build --locked --quiet "${wanted[@]}" || exit

code=0
for one in "${targets[@]}"; do
    mkdir -p "$built/corpus/$one" "artifacts/$one"
    printf '%s, %s s\n' "$one" "$seconds"
    log=$built/$one.log
    "$built/debug/$one" -max_total_time="$seconds" -artifact_prefix="artifacts/$one/" -print_final_stats=1 "$@" \
        "$built/corpus/$one" "corpus/$one" >"$log" 2>&1
    ended=$?
    sed -n 's/^stat::number_of_executed_units: */  inputs run: /p; s/^stat::new_units_added: */  new ones kept: /p' "$log"
    grep -E ' cov: ' "$log" | tail -n 1 | sed -E 's/.* cov: ([0-9]+).*/  edges of the code reached: \1/'
    if [ $ended -ne 0 ]; then
        tail -n 40 "$log"
        echo "  an input failed (exit $ended); it is in fuzz/artifacts/$one"
        code=1
    fi
done
exit $code
