//! Fuzz target for `keysync_fuzz::token`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysync_fuzz::token(data));
