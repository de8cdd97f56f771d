//! The embedded files, and the URL of each. A file's name is its path from the root of the
//! repository.

use include_dir::{Dir, File, include_dir};

use crate::BASE;

static CONTENT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/content");

/// The page with the links to all others.
pub(crate) const OVERVIEW: &str = "docs/README.md";

/// The names and texts of all Markdown files, sorted.
pub(crate) fn pages() -> Vec<(&'static str, &'static str)> {
    let mut pages: Vec<_> = files(&CONTENT)
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "md"))
        .filter_map(|file| Some((name(file)?, file.contents_utf8()?)))
        .collect();
    pages.sort_unstable();
    pages
}

/// The URL of a file: `/docs/…` for those of the folder `docs`, else `/docs/repository/…`. That of
/// a page has no extension, and a `README.md` has the URL of its folder. `None` if there is no
/// such file.
pub(crate) fn url(name: &str) -> Option<String> {
    let file = CONTENT.get_file(name)?;
    let page = self::name(file)?.strip_suffix(".md");
    let page = page.map(|page| page.strip_suffix("/README").unwrap_or(page));
    let path = page.unwrap_or(name);
    Some(match path.strip_prefix("docs") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{BASE}{rest}"),
        _ => format!("{BASE}/repository/{path}"),
    })
}

/// The content type and bytes of the file with this URL, unless it is a page.
pub(crate) fn file(url: &str) -> Option<(&'static str, &'static [u8])> {
    let path = url.strip_prefix(BASE)?.strip_prefix('/')?;
    let name = path.strip_prefix("repository/").map_or_else(|| format!("docs/{path}"), str::to_owned);
    let file = CONTENT.get_file(&name)?;
    let extension = file.path().extension().and_then(|extension| extension.to_str());
    let kind = match extension.unwrap_or_default() {
        "md" => return None,
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };
    Some((kind, file.contents()))
}

/// The text of a file of the folder `docs`.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    CONTENT.get_file(name)?.contents_utf8()
}

fn files(folder: &'static Dir<'static>) -> Box<dyn Iterator<Item = &'static File<'static>>> {
    Box::new(folder.files().chain(folder.dirs().flat_map(files)))
}

fn name(file: &'static File<'static>) -> Option<&'static str> {
    file.path().to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_no_extension_of_markdown() {
        for (name, expected) in [
            ("docs/README.md", "/docs"),
            ("docs/glossary.md", "/docs/glossary"),
            ("docs/explanation/adr/README.md", "/docs/explanation/adr"),
            ("docs/reference/services.schema.json", "/docs/reference/services.schema.json"),
            ("README.md", "/docs/repository/README"),
            ("examples/node/README.md", "/docs/repository/examples/node"),
            ("LICENSE-MIT", "/docs/repository/LICENSE-MIT"),
        ] {
            assert_eq!(url(name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(url("docs/missing.md"), None);
    }

    #[test]
    fn files_have_content_types() {
        let kind = |url| file(url).map(|(kind, _)| kind);
        assert_eq!(kind("/docs/explanation/performance/growth.svg"), Some("image/svg+xml"));
        assert_eq!(kind("/docs/repository/LICENSE-MIT"), Some("text/plain; charset=utf-8"));
        assert_eq!(kind("/docs/glossary.md"), None);
        assert_eq!(kind("/docs/../Cargo.toml"), None);
    }

    /// Pictures of the console are about half of it.
    #[test]
    fn embedded_files_have_less_than_three_megabytes() {
        let size: usize = files(&CONTENT).map(|file| file.contents().len()).sum();
        assert!((500_000..3_000_000).contains(&size), "{size} bytes");
    }
}
