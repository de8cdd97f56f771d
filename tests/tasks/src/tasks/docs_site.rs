//! `cargo task docs-site`: the documentation as pages with search, for a browser.

use std::{fmt::Write, fs, path::Path};

use regex::Regex;

use super::openapi::Harness;
use crate::{
    command::Context,
    error::{Error, Result},
    files::{extension, tracked},
    tools::{npm, pypi},
};

const PACKAGES: [&str; 3] = ["mkdocs-material==9.8.2", "mkdocs==1.6.1", "neoteroi-mkdocs==1.2.0"];
/// What draws the diagrams. The theme loads it from another host unless the site has it.
const MERMAID: &str = "mermaid@11.17.2";
/// The page whose tables are the navigation.
const OVERVIEW: &str = "docs/README.md";
/// Files elsewhere to which pages link.
const LINKED: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "infra/deployer.yaml"];
const DECISIONS: &str = "docs/explanation/adr/";

/// Writes the site to `target/docs-site/site`. Fails if a link is broken, or a page is not in the
/// overview.
pub(crate) fn run(context: &Context) -> Result {
    let python = pypi::python(context)?;
    let packages = python.packages(context, "docs-site-tools", &PACKAGES)?;
    let mermaid = context.target.join("docs-site-tools").join(MERMAID);
    npm::unpack(context, MERMAID, &mermaid)?;

    let folder = context.target.join("docs-site");
    if folder.is_dir() {
        fs::remove_dir_all(&folder).map_err(Error::io("delete", &folder))?;
    }
    let source = folder.join("source");
    let files: Vec<String> = tracked(context)?.into_iter().filter(|file| is_part(file)).collect();
    for file in &files {
        copy(&context.root.join(file), &source.join(file))?;
    }
    copy(&mermaid.join("dist/mermaid.min.js"), &source.join("mermaid.min.js"))?;

    let harness = Harness::start(context)?;
    let control = format!("{}/openapi.json", harness.control());
    let sync = source.join("docs/reference/sync-api.openapi.json").display().to_string();
    for (name, document) in [("control-api", control), ("sync-api", sync)] {
        let page = format!("# Operations of the {}\n\n[OAD({document})]\n", name.replace("-api", " API"));
        write(&source.join(format!("docs/reference/{name}-operations.md")), &page)?;
    }

    let overview = read(&context.root.join(OVERVIEW))?;
    let settings = read(&context.root.join("docs/mkdocs.yml"))?;
    let config = folder.join("mkdocs.yml");
    write(&config, &(settings + &navigation(&overview, &files)))?;
    let mut build = context.command(&python.program);
    build.args(["-m", "mkdocs", "build", "--quiet", "--strict", "--config-file"]).arg(&config);
    // The notice is about the successor of the theme.
    context.run(build.env("PYTHONPATH", packages).env("NO_MKDOCS_2_WARNING", "1"))?;
    context.say(format!("{}", folder.join("site/index.html").display()));
    Ok(())
}

/// Whether a file of the repository is a page, or part of one.
fn is_part(file: &str) -> bool {
    let is_page = extension(file) == "md" && (!file.contains('/') || file.starts_with("examples/"));
    is_page || (file.starts_with("docs/") && extension(file) != "yml") || LINKED.contains(&file)
}

/// The setting `nav`: the sections of the overview, each with the pages of its tables.
fn navigation(overview: &str, files: &[String]) -> String {
    let link = Regex::new(r"\[([^\]]+)\]\(([^)#]+\.md)\)").expect("the pattern is valid");
    let mut navigation = "nav:\n  - Start:\n      - README.md\n      - docs/README.md\n".to_owned();
    let mut has_section = false;
    for line in overview.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            has_section = true;
            let _ = writeln!(navigation, "  - {title}:");
        }
        if !has_section {
            continue;
        }
        for page in link.captures_iter(line) {
            let path = in_repository(&page[2]);
            match path.strip_suffix("README.md") {
                Some("") => {}
                Some(DECISIONS) => {
                    let _ = writeln!(navigation, "      - Decisions:");
                    for file in files.iter().filter(|file| file.starts_with(DECISIONS)) {
                        let _ = writeln!(navigation, "          - {file}");
                    }
                }
                _ => {
                    let _ = writeln!(navigation, "      - \"{}\": {path}", &page[1]);
                }
            }
            if let Some(api) = path.strip_suffix("-api.md") {
                let _ = writeln!(navigation, "      - {api}-api-operations.md");
            }
        }
    }
    navigation + "  - Glossary: docs/glossary.md\n"
}

/// The path of a link of the overview, from the root.
fn in_repository(link: &str) -> String {
    link.strip_prefix("../").map_or_else(|| format!("docs/{link}"), str::to_owned)
}

fn copy(from: &Path, to: &Path) -> Result {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    fs::copy(from, to).map(drop).map_err(Error::io("copy", from))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io("read", path))
}

fn write(path: &Path, text: &str) -> Result {
    fs::write(path, text).map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn navigation_has_sections_and_pages_of_overview() {
        let overview = "# Docs\n\n| a | [First](tutorial/a.md) |\n\n## Reference\n\n| [Sync API](reference/sync-api.md) | x |\n| [Decisions](explanation/adr/README.md) | y |\n\n## Elsewhere\n\n| [README](../README.md), [Go](../examples/go/README.md) | z |\n";
        let files = ["docs/explanation/adr/0001-a.md".to_owned(), "docs/glossary.md".to_owned()];
        let expected = r#"nav:
  - Start:
      - README.md
      - docs/README.md
  - Reference:
      - "Sync API": docs/reference/sync-api.md
      - docs/reference/sync-api-operations.md
      - Decisions:
          - docs/explanation/adr/0001-a.md
  - Elsewhere:
      - "Go": examples/go/README.md
  - Glossary: docs/glossary.md
"#;
        assert_eq!(navigation(overview, &files), expected);
    }

    #[test]
    fn pages_and_their_parts_are_selected() {
        for file in ["README.md", "docs/how-to/a.md", "docs/a.svg", "examples/go/README.md", "LICENSE-MIT"] {
            assert!(is_part(file), "{file}");
        }
        for file in ["docs/mkdocs.yml", "examples/go/main.go", "tests/clients/README.md", "Cargo.toml"] {
            assert!(!is_part(file), "{file}");
        }
    }
}
