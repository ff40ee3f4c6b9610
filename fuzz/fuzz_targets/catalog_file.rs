//! Runs [`imgnet_fuzz::catalog_file`] on what libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imgnet_fuzz::catalog_file(data));
