//! The console, by HTTP. `tests/console/` drives it in a real browser.

mod bulk_sync;
mod create_key;
mod csrf;
mod error_pages;
mod escaping;
mod harness_page;
mod key_page;
mod log_in_again;
mod not_acted;
mod resources_table;
mod sessions;
