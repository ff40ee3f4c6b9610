#!/usr/bin/env bash
# Stands in front of rustc (RUSTC_WRAPPER, see run.sh): what is to be fuzzed counts its edges and comparisons for libFuzzer; the crates
# below are built as ever.
rustc=$1
shift
case " $* " in
    *" --crate-name imgnet "* | *" --crate-name imgnet_fuzz "*)
        exec "$rustc" "$@" -C passes=sancov-module -C codegen-units=16 \
            -C llvm-args=-sanitizer-coverage-level=4 -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
            -C llvm-args=-sanitizer-coverage-pc-table -C llvm-args=-sanitizer-coverage-trace-compares
        ;;
esac
exec "$rustc" "$@"
