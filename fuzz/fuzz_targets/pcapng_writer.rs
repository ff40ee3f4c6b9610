//! Runs [`imgnet_fuzz::pcapng_writer`] on what libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imgnet_fuzz::pcapng_writer(data));
