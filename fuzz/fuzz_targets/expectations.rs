//! Runs [`imgnet_fuzz::expectations`] on what libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imgnet_fuzz::expectations(data));
