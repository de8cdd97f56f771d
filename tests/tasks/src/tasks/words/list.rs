//! The list of phrases, and the search for them.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// What a space in a phrase matches: a space, an underscore of an identifier, or the end of a line
/// with the comment marker of the next one.
const SPACE: &str = r"(?:[ _]|[ \t]*\n[ \t]*(?:(?://[/!]?|[#>*|])[ \t]*)?)";

/// The phrases to find.
#[derive(Debug)]
pub(super) struct WordList {
    phrases: Vec<(Regex, String)>,
    any: RegexSet,
}

/// An occurrence of a phrase.
#[derive(Debug, PartialEq)]
pub(super) struct Hit {
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
    pub(super) phrase: String,
    /// What to write instead.
    pub(super) suggestion: String,
}

impl WordList {
    /// Parses lines `REGEX => SUGGESTION`. Empty lines and lines that start with `#` are comments.
    /// The error is the number of the line and the problem.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut phrases = Vec::new();
        let mut patterns = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let (pattern, suggestion) = line
                .split_once(" => ")
                .ok_or_else(|| format!("{number}: expected `REGEX => what to write instead`"))?;
            let pattern = pattern.trim().replace(' ', SPACE);
            let regex = RegexBuilder::new(&pattern).case_insensitive(true).build();
            let regex = regex.map_err(|error| format!("{number}: {error}"))?;
            if regex.is_match("") {
                return Err(format!("{number}: `{pattern}` matches an empty text"));
            }
            phrases.push((regex, suggestion.trim().to_owned()));
            patterns.push(pattern);
        }
        let any = RegexSetBuilder::new(patterns).case_insensitive(true).build();
        Ok(Self { phrases, any: any.map_err(|error| format!("1: {error}"))? })
    }

    /// All occurrences of phrases in a text as separate words, in order of position.
    pub(super) fn find(&self, text: &str) -> Vec<Hit> {
        let mut found = Vec::new();
        for index in self.any.matches(text) {
            let (regex, suggestion) = &self.phrases[index];
            let mut from = 0;
            while let Some(phrase) = regex.find_at(text, from) {
                if is_word(text, phrase.start(), phrase.end()) {
                    found.push((phrase.range(), suggestion));
                    from = phrase.end();
                } else {
                    let first = text[phrase.start()..].chars().next();
                    from = phrase.start() + first.map_or(1, char::len_utf8);
                }
            }
        }
        found.sort_by_key(|(range, _)| range.start);
        let hit = |(range, suggestion): (std::ops::Range<usize>, &String)| {
            let before = &text[..range.start];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            Hit {
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
                phrase: text[range].split_whitespace().collect::<Vec<_>>().join(" "),
                suggestion: suggestion.clone(),
            }
        };
        found.into_iter().map(hit).collect()
    }
}

/// Whether no letter precedes or follows. An underscore may, as in the name of a test.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    !before.is_some_and(char::is_alphabetic) && !after.is_some_and(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> WordList {
        WordList::parse("# phrases\n\nfrobs? => a caller\nat the utmost => at most\nzaps? => fix\n").unwrap()
    }

    fn places(text: &str) -> Vec<(usize, usize, String)> {
        list().find(text).into_iter().map(|hit| (hit.line, hit.column, hit.phrase)).collect()
    }

    #[test]
    fn phrase_is_found_with_place_and_suggestion() {
        let hits = list().find("one\nünd Frob\n");
        let expected = Hit { line: 2, column: 5, phrase: "Frob".into(), suggestion: "a caller".into() };
        assert_eq!(hits, [expected]);
    }

    #[test]
    fn part_of_a_word_is_no_phrase() {
        assert!(places("bezap zapper").is_empty());
        assert_eq!(places("bezap, zap").len(), 1);
    }

    #[test]
    fn phrase_in_identifier_is_found() {
        assert_eq!(places("fn frob_waits_at_the_utmost()").len(), 2);
    }

    #[test]
    fn phrase_over_comment_lines_is_found() {
        let text = "    /// Takes a second at the\n    /// utmost.\n";
        assert_eq!(places(text), [(1, 24, "at the /// utmost".to_owned())]);
    }

    #[test]
    fn invalid_line_is_named() {
        assert_eq!(
            WordList::parse("a => b\nfrob\n").unwrap_err(),
            "2: expected `REGEX => what to write instead`"
        );
        assert!(WordList::parse("(a => b\n").unwrap_err().starts_with("1: "));
    }
}
