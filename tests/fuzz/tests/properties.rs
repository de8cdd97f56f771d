//! What `cargo task fuzz` looks for with libFuzzer, tried with some thousands of inputs: those of `seeds/`, and what
//! becomes of them by a few changes, as a fuzzer makes them.
//!
//! The random numbers are the same in each run; `cargo task properties` tries fresh ones (`KEYSYNC_TEST_SEED`). An input that
//! breaks a property is written to `seeds/`, and so is the first that the next run tries.

use std::{
    env, fs,
    ops::Range,
    panic,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use proptest::{
    prelude::*,
    sample::Index,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};

/// How many inputs are tried to make one that breaks a property shorter.
const SHRINKING: u32 = 2000;

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

/// The property `of` holds for the inputs in its folder, and for what becomes of them.
fn holds(name: &str, cases: u32, of: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let seed = env::var("KEYSYNC_TEST_SEED")
        .map_or(1, |seed| seed.parse().expect("KEYSYNC_TEST_SEED is an integer"));
    holds_in(&folder, seed, cases, of).unwrap_or_else(|broken| panic!("{name}, seed {seed}: {broken}"));
}

fn holds_in(folder: &Path, seed: u64, cases: u32, of: fn(&[u8])) -> Result<(), String> {
    let seeds = inputs(folder);
    for (file, input) in &seeds {
        panic::catch_unwind(|| of(input)).map_err(|_| format!("{} breaks it: see above", file.display()))?;
    }
    let seeds: Vec<Vec<u8>> = seeds.into_iter().map(|(_, input)| input).collect();
    let changed = (prop::sample::select(seeds), prop::collection::vec(Change::any(), 0..6));
    let changed = changed.prop_map(|(mut input, changes)| {
        for change in changes {
            change.apply(&mut input);
        }
        input
    });
    let inputs = prop_oneof![9 => changed, 1 => prop::collection::vec(any::<u8>(), 0..300)];
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: SHRINKING, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, numbers(seed));
    let result = runner.run(&inputs, |input| {
        of(&input);
        Ok(())
    });
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Abort(why)) => Err(format!("given up: {why}")),
        Err(TestError::Fail(why, input)) => Err(format!(
            "{why}\n{} breaks it, and is tried first from now on: mend the code, and commit that file with it",
            kept(folder, &input).display()
        )),
    }
}

/// Inputs by their files, in the same order on each machine.
fn inputs(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).expect("a folder of inputs");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read(file).expect("a file"))).collect()
}

/// Random numbers that `seed` decides.
fn numbers(seed: u64) -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4))
}

/// Writes `input` to `folder`, by its hash.
fn kept(folder: &Path, input: &[u8]) -> PathBuf {
    let hash = digest::digest(&digest::SHA256, input);
    let start = hash.as_ref().first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    let file = folder.join(format!("{start:016x}"));
    fs::write(&file, input).expect("a file that can be written");
    file
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

#[test]
fn keeps_the_input_that_breaks_a_property() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("properties");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("good"), "good").unwrap();
    let has_an_n = |input: &[u8]| assert!(!input.contains(&b'n'), "an n");
    let broken = holds_in(&folder, 1, 1000, has_an_n).unwrap_err();
    let [(file, input), (_, good)] = &inputs(&folder)[..] else { panic!("two files: {broken}") };
    assert!(broken.contains("an n") && broken.contains(&file.display().to_string()), "{broken}");
    assert!(input.contains(&b'n') && good == b"good");
    let again = holds_in(&folder, 2, 0, has_an_n).unwrap_err();
    assert!(again.contains(&format!("{} breaks it", file.display())), "{again}");
}

#[test]
fn same_seed_makes_same_inputs() {
    let some = |seed| {
        let mut runner = TestRunner::new_with_rng(Config::default(), numbers(seed));
        let inputs = prop::collection::vec(any::<u8>(), 100);
        inputs.new_tree(&mut runner).unwrap().current()
    };
    assert_eq!(some(1), some(1));
    assert_ne!(some(1), some(2));
}
