//! `cargo task format`: the format of the Rust and Python code.

use crate::{command::Context, error::Result, tools::pypi};

const RUFF: &str = "ruff==0.17.6";

/// Formats the Rust and Python code, or checks that it is formatted. Checks the Python code with
/// the lints of `ruff.toml`.
pub(crate) fn run(context: &Context, is_check: bool) -> Result {
    let (rustfmt_options, ruff_options): (&[_], &[_]) =
        if is_check { (&["--", "--check"], &["--diff"]) } else { (&[], &[]) };
    context.run(context.command("cargo").args(["fmt", "--all"]).args(rustfmt_options))?;
    // Without Python, only this part is skipped.
    let ruff = pypi::tool(context, "ruff", RUFF)?.join("ruff");
    context.run(context.command(&ruff).args(["format", "--quiet"]).args(ruff_options))?;
    context.run(context.command(&ruff).args(["check", "--quiet"]))
}
