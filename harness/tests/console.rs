//! The console, by HTTP. `tests/console/` drives it in a real browser.

mod csrf;
mod error_pages;
mod escaping;
mod not_acted;
mod sessions;
