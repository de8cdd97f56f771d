//! Comments with lines that are too long.

/// The columns that a line of a comment may have.
pub(super) const MAX_COLUMNS: usize = 100;

/// The numbers of the lines that are too long, each with its columns. A table, a line with a URL
/// and an example of code may be longer, because they cannot be wrapped. Formatters check code.
pub(super) fn too_long(extension: &str, text: &str) -> Vec<(usize, usize)> {
    let mark = match extension {
        "rs" | "js" | "mjs" => "//",
        "yaml" | "yml" | "toml" | "guard" => "#",
        _ => return Vec::new(),
    };
    let (mut found, mut is_example) = (Vec::new(), false);
    for (index, line) in text.lines().enumerate() {
        let is_comment = line.trim_start().starts_with(mark);
        let content = line.trim_start().trim_start_matches(['/', '!', '#', ' ']);
        is_example = is_comment && is_example != content.starts_with("```");
        let columns = line.chars().count();
        let cannot_be_wrapped = is_example || content.starts_with('|') || content.contains("://");
        if is_comment && columns > MAX_COLUMNS && !cannot_be_wrapped {
            found.push((index + 1, columns));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_prose_in_comments_is_found() {
        let words = "word ".repeat(20);
        let text = format!("//! | {words}\n    // {words}\n// https://{words}\nlet {words}\n// word\n");
        assert_eq!(too_long("rs", &text), [(2, 107)]);
        assert_eq!(too_long("rs", &format!("/// ```\n/// {words}\n/// ```\n/// {words}\n")), [(4, 104)]);
        assert_eq!(too_long("yaml", &text), []);
        assert_eq!(too_long("yaml", &format!("key: value\n# {words}\n")), [(2, 102)]);
        assert_eq!(too_long("md", &format!("# {words}\n")), []);
    }
}
