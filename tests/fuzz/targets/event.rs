//! Fuzz target for `keysync_fuzz::event`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysync_fuzz::event(data));
