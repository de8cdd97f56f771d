//! `keysync_fuzz::headers`, by libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysync_fuzz::headers(data));
