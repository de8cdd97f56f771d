//! `cargo task pictures`: the pictures of docs/reference/console.md.

use super::browser;
use crate::{command::Context, error::Result, names::CONSOLE};

/// Takes the pictures in `docs/reference/console/` in a real browser.
pub(crate) fn run(context: &Context) -> Result {
    let browser = browser::install(context)?;
    let mut test = context.cargo("test", ["--workspace", "--test", CONSOLE.0, "--", "--ignored", CONSOLE.1]);
    context.run(browser.set(&mut test))
}
