//! Paths in backticks.

use std::collections::HashSet;

use regex::Regex;

/// Paths that pages name in the reader's own project.
const IN_OTHER_PROJECTS: [&str; 1] = ["tests/sync.rs"];
/// A path without one of these has to start with a folder of the repository.
const EXTENSIONS: [&str; 11] = ["rs", "md", "json", "yaml", "yml", "toml", "py", "js", "mjs", "css", "patch"];

/// The files and folders of the repository.
pub(super) struct Paths {
    /// Each path from the root.
    from_root: HashSet<String>,
    /// Each path from the root or from any folder, as in `ledger/claim.rs`.
    from_any_folder: HashSet<String>,
    top_folders: HashSet<String>,
    code_span: Regex,
}

impl Paths {
    pub(super) fn new(files: &[String]) -> Self {
        let mut from_root = HashSet::new();
        let mut from_any_folder = HashSet::new();
        let mut top_folders = HashSet::new();
        for file in files {
            let parts: Vec<&str> = file.split('/').collect();
            for end in 1..=parts.len() {
                from_root.insert(parts[..end].join("/"));
                from_any_folder.extend((0..end).map(|start| parts[start..end].join("/")));
            }
            if parts.len() > 1 {
                top_folders.insert(parts[0].to_owned());
            }
        }
        let code_span = Regex::new(r"`([\w.-]+(?:/[\w.-]+)+)/?(?:#[\w-]+)?`").expect("the pattern is valid");
        Self { from_root, from_any_folder, top_folders, code_span }
    }

    /// The paths in a file that do not exist, with their lines. Checks lines that start with
    /// `comment`, outside of code blocks.
    pub(super) fn missing(&self, file: &str, text: &str, comment: &str) -> Vec<(usize, String)> {
        let mut missing = Vec::new();
        let mut is_code = false;
        for (index, line) in text.lines().enumerate() {
            let is_fence = line.trim_start_matches(['/', '!', '#', ' ']).starts_with("```");
            is_code ^= is_fence;
            if is_code || is_fence || !line.trim_start().starts_with(comment) {
                continue;
            }
            let paths = self.code_span.captures_iter(line).map(|found| found[1].to_owned());
            let paths = paths.filter(|path| self.is_in_repository(path) && !self.exists(file, path));
            missing.extend(paths.map(|path| (index + 1, path)));
        }
        missing
    }

    /// Whether it looks like a path of this repository, rather than a URL's or a media type.
    fn is_in_repository(&self, path: &str) -> bool {
        let (first, _) = path.split_once('/').unwrap_or((path, ""));
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let is_source = EXTENSIONS.contains(&extension) && first != "target";
        (is_source || self.top_folders.contains(first)) && !IN_OTHER_PROJECTS.contains(&path)
    }

    fn exists(&self, file: &str, path: &str) -> bool {
        if !path.starts_with("../") {
            return self.from_any_folder.contains(path);
        }
        let mut folder: Vec<&str> = file.split('/').collect();
        folder.pop();
        for part in path.split('/') {
            if part == ".." {
                folder.pop();
            } else {
                folder.push(part);
            }
        }
        self.from_root.contains(&folder.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(file: &str, text: &str, comment: &str) -> Vec<(usize, String)> {
        let files = ["functions/src/ledger/claim.rs", "docs/reference/limits.md", "README.md"];
        Paths::new(&files.map(str::to_owned)).missing(file, text, comment)
    }

    #[test]
    fn existing_files_and_folders_pass() {
        let text = "`functions/src/ledger/claim.rs`, `ledger/claim.rs`, `docs/reference/`, `docs/reference/limits.md#x`\n";
        assert_eq!(missing("README.md", text, ""), []);
        assert_eq!(missing("docs/a.md", "`../README.md`", ""), []);
    }

    #[test]
    fn missing_path_is_found_with_line() {
        let text = "a\n`ledger/clame.rs` and `functions/lib`\n";
        let expected = [(2, "ledger/clame.rs".to_owned()), (2, "functions/lib".to_owned())];
        assert_eq!(missing("README.md", text, ""), expected);
        assert_eq!(missing("docs/a.md", "`../limits.md`", ""), [(1, "../limits.md".to_owned())]);
    }

    #[test]
    fn other_texts_are_no_paths() {
        let text = "`application/json`, `api/v2/keys`, `target/harness.env`, `/docs/x.md`, `tests/sync.rs`\n";
        assert_eq!(missing("README.md", text, ""), []);
    }

    #[test]
    fn only_comments_of_code_are_checked() {
        let text = "//! `docs/none.md`\nlet a = \"`docs/none.md`\";\n/// ```\n/// `docs/none.md`\n/// ```\n";
        assert_eq!(missing("a.rs", text, "//"), [(1, "docs/none.md".to_owned())]);
    }
}
