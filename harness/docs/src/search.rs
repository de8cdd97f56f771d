//! The search: sections that have all words, or words that start with them. Those with words in
//! titles and headings come first, decisions (ADRs) last.

use std::ops::Range;

use crate::{
    markdown::Section,
    site::{Page, Site},
};

/// Words of a query that count.
const MAX_WORDS: usize = 8;
/// Bytes of a query that count.
const MAX_QUERY: usize = 200;
/// Results that are shown.
pub(crate) const MAX_RESULTS: usize = 30;
/// Results from one page.
const MAX_PER_PAGE: usize = 3;
/// Bytes of a snippet.
const SNIPPET: usize = 220;

/// The words of a query, in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// The query as entered, shortened.
    pub(crate) text: String,
    words: Vec<String>,
}

/// A section that has all words of a query.
pub(crate) struct Hit<'a> {
    pub(crate) page: &'a Page,
    pub(crate) section: &'a Section,
    score: usize,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        let text = &text[..text.floor_char_boundary(MAX_QUERY)];
        let mut words: Vec<String> = Vec::new();
        for word in text.to_ascii_lowercase().split_whitespace() {
            if words.len() < MAX_WORDS && !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        Self { text: text.to_owned(), words }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Where words are in `text`: in order, not overlapping.
    pub(crate) fn matches(&self, text: &str) -> Vec<Range<usize>> {
        // ASCII only, which keeps positions.
        let lower = text.to_ascii_lowercase();
        let mut all: Vec<Range<usize>> = self.words.iter().flat_map(|word| starts(&lower, word)).collect();
        all.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
        let mut end = 0;
        all.retain(|range| {
            let is_after = range.start >= end;
            end = end.max(range.end);
            is_after
        });
        all
    }

    /// The part of `text` around its first match.
    pub(crate) fn snippet<'a>(&self, text: &'a str) -> &'a str {
        let first = self.matches(text).first().map_or(0, |range| range.start);
        let start = text.floor_char_boundary(first.saturating_sub(SNIPPET / 4));
        let start = if start == 0 {
            0
        } else {
            text[start..].find(' ').map_or(start, |at| start + at + 1).min(first)
        };
        let end = text.floor_char_boundary(start.saturating_add(SNIPPET));
        let end =
            if end == text.len() { end } else { text[start..end].rfind(' ').map_or(end, |at| start + at) };
        &text[start..end]
    }

    /// The weight of a section; `None` unless it has all words.
    fn score(&self, page: &Page, section: &Section) -> Option<usize> {
        let places = [(page.title(), 8), (&section.heading, 5)]
            .map(|(text, weight)| (text.to_ascii_lowercase(), weight));
        let text = section.text.to_ascii_lowercase();
        self.words.iter().try_fold(0, |sum, word| {
            let titles: usize = places.iter().map(|(text, weight)| weight * weight_of(text, word)).sum();
            let body = starts(&text, word).take(4).count() + weight_of(&text, word);
            (titles + body > 0).then_some(sum + titles + body)
        })
    }
}

/// Where words of `text` start with `word`.
fn starts<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let is_start = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
    text.match_indices(word).filter(move |(at, _)| is_start(*at)).map(|(at, word)| at..at + word.len())
}

/// 3 where `text` has `word` as a whole word, 1 as the start of one, else 0.
fn weight_of(text: &str, word: &str) -> usize {
    let is_whole = |end: usize| !text[end..].starts_with(char::is_alphanumeric);
    starts(text, word).map(|range| if is_whole(range.end) { 3 } else { 1 }).max().unwrap_or(0)
}

/// The sections with all words, best first.
pub(crate) fn find<'a>(site: &'a Site, query: &Query) -> Vec<Hit<'a>> {
    if query.is_empty() {
        return Vec::new();
    }
    let mut hits: Vec<Hit<'_>> = Vec::new();
    for page in &site.pages {
        let of_page = page.content.sections.iter();
        // A reader looks for how something is, and seldom for why.
        let divisor = if page.url.contains("/adr/") { 2 } else { 1 };
        let of_page = of_page
            .filter_map(|section| Some(Hit { page, section, score: query.score(page, section)? / divisor }));
        let mut of_page: Vec<_> = of_page.collect();
        of_page.sort_by_key(|hit| std::cmp::Reverse(hit.score));
        hits.extend(of_page.into_iter().take(MAX_PER_PAGE));
    }
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.score));
    hits.truncate(MAX_RESULTS);
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_bounded() {
        let query = Query::parse(&format!("  A b a {}", "é ".repeat(1_000)));
        assert!(query.text.len() <= MAX_QUERY && query.words == ["a", "b", "é"], "{query:?}");
        let many: Vec<String> = (0..20).map(|word| word.to_string()).collect();
        assert_eq!(Query::parse(&many.join(" ")).words.len(), MAX_WORDS);
        assert!(Query::parse(" \n").is_empty());
    }

    #[test]
    fn matches_do_not_overlap() {
        let matches = Query::parse("sync synchronize").matches("Synchronize: SYNC");
        assert_eq!(matches, [0..11, 13..17]);
    }

    #[test]
    fn snippet_surrounds_first_match() {
        let text = format!("{}needle é {}", "hay ".repeat(100), "é ".repeat(500));
        let snippet = Query::parse("needle").snippet(&text);
        assert!(
            snippet.starts_with("hay ") && snippet.contains("needle") && snippet.len() <= SNIPPET,
            "{snippet}"
        );
        assert_eq!(Query::parse("x").snippet("short text"), "short text");
        let long = "x".repeat(1_000);
        assert_eq!(Query::parse("x").snippet(&long), &long[..SNIPPET]);
    }

    #[test]
    fn titles_weigh_more_than_text() {
        let site = Site::new(None);
        let hits = find(&site, &Query::parse("Glossary"));
        assert_eq!(hits[0].page.url, "/docs/glossary");
        assert!(hits.len() <= MAX_RESULTS && hits.is_sorted_by(|a, b| a.score >= b.score));
    }

    #[test]
    fn words_match_from_their_start() {
        assert_eq!(Query::parse("put").matches("output PUT putting"), [7..10, 11..14]);
        let site = Site::new(None);
        let hits = find(&site, &Query::parse("put"));
        assert!(hits.iter().all(|hit| !hit.section.heading.to_lowercase().contains("output")));
        assert!(!find(&site, &Query::parse("signing key"))[0].page.url.contains("/adr/"));
    }

    #[test]
    fn result_has_all_words() {
        let site = Site::new(None);
        for query in ["retry-after throttled", "KEY_NOT_FOUND_ERR", "rotate signing key"] {
            let hits = find(&site, &Query::parse(query));
            assert!(!hits.is_empty(), "{query}");
            for hit in hits {
                let text =
                    [hit.page.title(), &hit.section.heading, &hit.section.text].join(" ").to_lowercase();
                assert!(query.to_lowercase().split(' ').all(|word| text.contains(word)), "{query}: {text}");
            }
        }
        assert!(find(&site, &Query::parse("sync zzzz-no-such-word")).is_empty());
    }
}
