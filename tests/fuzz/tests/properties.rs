//! What `tests/fuzz/run` looks for with libFuzzer, tried with some thousands of inputs: seeds, and what becomes of them
//! by a few changes, as a fuzzer makes them.

use std::{fs, ops::Range, path::Path};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

/// What parsers look for.
const WORDS: [&str; 18] = [
    "\0", "\n", "\r\n", "\"", "\\ud800", "%2f", "/", "..", " ", ",", ":", "{", "}", "[", "null", "-1",
    "1e999", "é",
];

/// A change to an input.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, Vec<u8>),
    Wrap(Vec<u8>, bool),
    Replace(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Cut(Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let words = prop::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec());
        let bytes = || prop_oneof![words.clone(), prop::collection::vec(any::<u8>(), 1..4)];
        prop_oneof![
            4 => (any::<Index>(), bytes()).prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Self::Replace(at, byte)),
            4 => (any::<Index>(), 1..20_usize).prop_map(|(at, count)| Self::Remove(at, count)),
            1 => (any::<Index>(), 1..20_usize, 1..2000_usize).prop_map(|(at, count, times)| Self::Repeat(at, count, times)),
            2 => (bytes(), any::<bool>()).prop_map(|(bytes, before)| Self::Wrap(bytes, before)),
            1 => any::<Index>().prop_map(Self::Cut),
        ]
    }

    fn apply(&self, input: &mut Vec<u8>) {
        let place = |at: &Index, count: usize| -> Range<usize> {
            let start = at.index(input.len() + 1);
            start..(start + count).min(input.len())
        };
        match self {
            Self::Insert(at, bytes) => drop(input.splice(place(at, 0), bytes.iter().copied())),
            Self::Wrap(bytes, true) => drop(input.splice(..0, bytes.iter().copied())),
            Self::Wrap(bytes, false) => input.extend(bytes),
            Self::Replace(at, byte) => drop(input.splice(place(at, 1), [*byte])),
            Self::Remove(at, count) => drop(input.drain(place(at, *count))),
            Self::Repeat(at, count, times) => {
                let (place, part) = (place(at, 0), input[place(at, *count)].repeat(*times));
                drop(input.splice(place, part));
            }
            Self::Cut(at) => input.truncate(place(at, 0).start),
        }
    }
}

/// The property `of` holds for the seeds in its folder, and for what becomes of them.
fn holds(name: &str, cases: u32, of: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let files = fs::read_dir(folder).expect("a folder of seeds");
    let seeds: Vec<Vec<u8>> =
        files.map(|seed| fs::read(seed.expect("a seed").path()).expect("a file")).collect();
    for seed in &seeds {
        of(seed);
    }
    let changed = (prop::sample::select(seeds), prop::collection::vec(Change::any(), 0..6));
    let changed = changed.prop_map(|(mut input, changes)| {
        for change in changes {
            change.apply(&mut input);
        }
        input
    });
    let inputs = prop_oneof![9 => changed, 1 => prop::collection::vec(any::<u8>(), 0..300)];
    // A failure prints its input: make it a seed.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&inputs, |input| {
            of(&input);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{name}: {error}"));
}

#[test]
fn any_path() {
    holds("path", 20_000, keysync_fuzz::path);
}

#[test]
fn any_headers() {
    holds("headers", 10_000, keysync_fuzz::headers);
}

#[test]
fn any_event() {
    holds("event", 10_000, keysync_fuzz::event);
}

#[test]
fn any_token() {
    holds("token", 500, keysync_fuzz::token);
}

#[test]
fn any_item() {
    holds("item", 10_000, keysync_fuzz::item);
}

#[test]
fn any_lifecycle_event() {
    holds("lifecycle_event", 10_000, keysync_fuzz::lifecycle_event);
}
