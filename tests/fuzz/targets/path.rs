//! Fuzz target for `keysync_fuzz::path`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysync_fuzz::path(data));
