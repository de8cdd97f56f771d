//! Text in a table in Markdown.

/// A text of at most `max_chars` characters as a cell of a table.
pub(crate) fn cell(text: &str, max_chars: usize) -> String {
    let mut cell = if text.chars().count() <= max_chars {
        text.to_owned()
    } else {
        text.chars().take(max_chars.saturating_sub(1)).chain(['…']).collect()
    };
    // A code span that the cut leaves open would continue in the next cells.
    if cell.matches('`').count() % 2 == 1 {
        cell = cell.replace('`', "'");
    }
    cell.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut() {
        assert_eq!(cell("é".repeat(9).as_str(), 9), "é".repeat(9));
        assert_eq!(cell("é".repeat(10).as_str(), 9), format!("{}…", "é".repeat(8)));
    }

    #[test]
    fn cell_opens_no_code_span() {
        assert_eq!(cell("`due_at` | `lease`", 20), "`due_at` \\| `lease`");
        assert_eq!(cell("`due_at` | `lease`", 15), "'due_at' \\| 'le…");
    }
}
