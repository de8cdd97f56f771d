//! The properties of `cargo task fuzz`, tested with some thousands of inputs each: those in
//! `seeds/`, and random mutations of them.
//!
//! The random seed is fixed; `cargo task properties` uses new seeds (`KEYSYNC_TEST_SEED`). An input
//! that violates a property is written to `seeds/`, so the next run tests it first.

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

/// Maximum number of attempts to shorten an input that violates a property.
const MAX_SHRINK_ATTEMPTS: u32 = 2000;

/// Fragments that parsers treat specially.
const FRAGMENTS: [&str; 18] = [
    "\0", "\n", "\r\n", "\"", "\\ud800", "%2f", "/", "..", " ", ",", ":", "{", "}", "[", "null", "-1",
    "1e999", "é",
];

/// A mutation of an input.
#[derive(Clone, Debug)]
enum Mutation {
    Insert(Index, Vec<u8>),
    Wrap(Vec<u8>, bool),
    Replace(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Cut(Index),
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        let fragments =
            prop::sample::select(&FRAGMENTS[..]).prop_map(|fragment| fragment.as_bytes().to_vec());
        let bytes = || prop_oneof![fragments.clone(), prop::collection::vec(any::<u8>(), 1..4)];
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

/// Asserts a property for the inputs in the folder `name`, and for `cases` mutations of them.
fn assert_property(name: &str, cases: u32, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let seed = env::var("KEYSYNC_TEST_SEED")
        .map_or(1, |seed| seed.parse().expect("KEYSYNC_TEST_SEED is an integer"));
    test_property(&folder, seed, cases, property)
        .unwrap_or_else(|failure| panic!("{name}, seed {seed}: {failure}"));
}

/// Tests a property. Returns the failure, and writes the input that caused it to `folder`.
fn test_property(folder: &Path, seed: u64, cases: u32, property: fn(&[u8])) -> Result<(), String> {
    let seeds = inputs(folder);
    for (file, input) in &seeds {
        panic::catch_unwind(|| property(input))
            .map_err(|_| format!("{} violates the property: see above", file.display()))?;
    }
    let seeds: Vec<Vec<u8>> = seeds.into_iter().map(|(_, input)| input).collect();
    let mutated = (prop::sample::select(seeds), prop::collection::vec(Mutation::any(), 0..6));
    let mutated = mutated.prop_map(|(mut input, mutations)| {
        for mutation in mutations {
            mutation.apply(&mut input);
        }
        input
    });
    let inputs = prop_oneof![9 => mutated, 1 => prop::collection::vec(any::<u8>(), 0..300)];
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: MAX_SHRINK_ATTEMPTS,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, random_generator(seed));
    let result = runner.run(&inputs, |input| {
        property(&input);
        Ok(())
    });
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Abort(why)) => Err(format!("aborted: {why}")),
        Err(TestError::Fail(why, input)) => Err(format!(
            "{why}\n{} violates the property and is tested first from now on: fix the code, and commit it with that file",
            save(folder, &input).display()
        )),
    }
}

/// Reads the inputs in a folder, sorted by file name.
fn inputs(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).expect("a folder of inputs");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read(file).expect("a file"))).collect()
}

/// A random number generator with this seed.
fn random_generator(seed: u64) -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &seed.to_le_bytes().repeat(4))
}

/// Writes `input` to `folder`, with its hash as the file name.
fn save(folder: &Path, input: &[u8]) -> PathBuf {
    let hash = digest::digest(&digest::SHA256, input);
    let start = hash.as_ref().first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    let file = folder.join(format!("{start:016x}"));
    fs::write(&file, input).expect("a file that can be written");
    file
}

#[test]
fn path_property_holds() {
    assert_property("path", 20_000, keysync_fuzz::path);
}

#[test]
fn headers_property_holds() {
    assert_property("headers", 10_000, keysync_fuzz::headers);
}

#[test]
fn event_property_holds() {
    assert_property("event", 10_000, keysync_fuzz::event);
}

#[test]
fn token_property_holds() {
    assert_property("token", 500, keysync_fuzz::token);
}

#[test]
fn item_property_holds() {
    assert_property("item", 10_000, keysync_fuzz::item);
}

#[test]
fn lifecycle_event_property_holds() {
    assert_property("lifecycle_event", 10_000, keysync_fuzz::lifecycle_event);
}

#[test]
fn violating_input_is_saved() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("properties");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("good"), "good").unwrap();
    let has_an_n = |input: &[u8]| assert!(!input.contains(&b'n'), "an n");
    let failure = test_property(&folder, 1, 1000, has_an_n).unwrap_err();
    let [(file, input), (_, good)] = &inputs(&folder)[..] else { panic!("two files: {failure}") };
    assert!(failure.contains("an n") && failure.contains(&file.display().to_string()), "{failure}");
    assert!(input.contains(&b'n') && good == b"good");
    let second = test_property(&folder, 2, 0, has_an_n).unwrap_err();
    assert!(second.contains(&format!("{} violates the property", file.display())), "{second}");
}

#[test]
fn same_seed_gives_same_inputs() {
    let some = |seed| {
        let mut runner = TestRunner::new_with_rng(Config::default(), random_generator(seed));
        let inputs = prop::collection::vec(any::<u8>(), 100);
        inputs.new_tree(&mut runner).unwrap().current()
    };
    assert_eq!(some(1), some(1));
    assert_ne!(some(1), some(2));
}
