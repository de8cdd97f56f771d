//! `keysync_fuzz::path`, by libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysync_fuzz::path(data));
