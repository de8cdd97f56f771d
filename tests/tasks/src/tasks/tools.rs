//! `cargo task tools`: installs what the tests use.

use super::{browser, cargo_lambda, openapi, performance, second_engine};
use crate::{command::Context, error::Result};

/// Installs the tools of all stages of `cargo task test`. Each one that cannot be installed is
/// reported.
pub(crate) fn run(context: &Context) -> Result {
    let tools: [fn(&Context) -> Result; 5] = [
        second_engine::install,
        |context| browser::install(context).map(drop),
        |context| cargo_lambda::install(context).map(drop),
        |context| openapi::install(context).map(drop),
        performance::install,
    ];
    let mut result = Ok(());
    for install in tools {
        if let Err(error) = install(context) {
            context.say(error.to_string());
            result = Err(error);
        }
    }
    result
}
