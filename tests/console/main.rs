//! The console in real browsers: its contents in light and dark, wide and narrow, with and without
//! JavaScript, and its accessibility.
//!
//! `cargo task browser` finds or installs the browser and runs these tests, which are ignored
//! without one.
#![allow(clippy::unwrap_used, reason = "a failed setup step fails the test")]

mod accessibility;
#[path = "../shared/binaries.rs"]
mod binaries;
mod browser;
mod browser_helpers;
mod bulk_sync;
mod console_walkthrough;
mod docs;
mod in_firefox;
mod journal;
mod key_protect_walkthrough;
mod key_search;
mod keyboard_navigation;
mod lifecycle_actions;
mod names;
mod open_page;
mod pictures;
mod service_failures;
mod sorting;
mod support;
mod without_javascript;
