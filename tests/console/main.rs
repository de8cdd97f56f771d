//! The console in a real browser: what it shows, in light and dark, wide and narrow, with scripts and without, and whether
//! everybody can use it.
//!
//! `cargo task browser` finds or installs a browser and runs the tests in it. Plain `cargo test` ignores them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod a_page_that_is_left_open;
mod a_service_that_fails;
mod browser;
mod by_keyboard_alone;
mod everybody_can_use_every_page;
mod keys_are_found;
mod lifecycle_actions;
mod pictures;
mod support;
mod the_browser_itself;
mod the_seeds_walk;
mod without_javascript;
