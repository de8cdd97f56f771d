//! Fuzz target for `keysync_fuzz::lifecycle_event`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysync_fuzz::lifecycle_event(data));
