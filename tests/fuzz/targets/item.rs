//! Fuzz target for `keysync_fuzz::item`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysync_fuzz::item(data));
