//! Random requests: a valid one, changed at random, to the real binary. `tests/fuzz` does the same
//! to single parsers, with more inputs. Each run uses the same seed; `cargo task properties` uses
//! fresh ones.

use fastrand::Rng;
use serde_json::{Value, json};

use super::Target;

/// The seeds of each run. A seed that finds a defect is added here.
const SEEDS: [u64; 1] = [1];

/// Tokens that are special to parsers.
const WORDS: [&str; 20] = [
    "\0", "\r\n", "\"", "\\", "%2f", "/", "..", " ", ",", ";", "?", "#", "<", "{", "[", "é", "\u{202e}",
    "-1", "Bearer ", "null",
];

#[tokio::test]
async fn random_request_returns_4xx_and_writes_nothing() {
    match std::env::var("KEYSYNC_TEST_SEED") {
        Ok(seed) => random_requests(seed.parse().unwrap()).await,
        Err(_) => {
            for seed in SEEDS {
                random_requests(seed).await;
            }
        }
    }
}

async fn random_requests(seed: u64) {
    let target = Target::new().await;
    let mut rng = Rng::with_seed(seed);
    let before = target.world.all_items().await;
    for nth in 0..600 {
        let mut event = target.valid();
        for _ in 0..rng.usize(1..4) {
            change(&mut event, &mut rng);
        }
        let context = || format!("seed {seed} (add it to SEEDS), request {nth}: {event}");
        let response = target.world.harness.sync_function().process().unwrap().invoke(&event).await;
        let response = response.unwrap_or_else(|| panic!("502: {}", context()));
        assert!((400..500).contains(&response["statusCode"].as_u64().unwrap()), "{response}: {}", context());
    }
    assert_eq!(target.world.all_items().await, before, "seed {seed}: nothing was written");
    let other = target.world.another_key().await;
    target.world.harness.sync_function().process().unwrap().kill().await; // resets the caller's rate limit
    assert_eq!(
        target.world.manager.sync(&other).await.unwrap().status,
        204,
        "a valid request succeeds afterwards"
    );
}

/// Changes one string of `event`, or adds a header.
fn change(event: &mut Value, rng: &mut Rng) {
    if rng.u8(..) < 40 {
        let name: String = text(rng);
        event["headers"][name] = json!(text(rng));
        return;
    }
    let places = [
        "/rawPath",
        "/rawQueryString",
        "/requestContext/http/method",
        "/headers/authorization",
        "/headers/bluemix-instance",
        "/headers/host",
        "/headers/x-kms-key-ring",
        "/headers/correlation-id",
        "/headers/x-correlation-id",
        "/headers/traceparent",
        "/body",
    ];
    let place = places[rng.usize(..places.len())];
    let (parent, name) = place.rsplit_once('/').unwrap();
    let value = event.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let value = changed(value, rng);
    event.pointer_mut(parent).unwrap()[name] = json!(value);
    event["isBase64Encoded"] = json!(rng.bool());
}

fn changed(value: &str, rng: &mut Rng) -> String {
    let chars: Vec<char> = value.chars().collect();
    let at = rng.usize(..=chars.len());
    let (before, after) = chars.split_at(at);
    let (before, after): (String, String) = (before.iter().collect(), after.iter().collect());
    match rng.u8(..6) {
        0 => before + WORDS[rng.usize(..WORDS.len())] + &after,
        1 => before + after.get(1..).unwrap_or_default(),
        2 => before.clone() + &after + "," + &before,
        3 => (before + &after).repeat(rng.usize(2..200)),
        4 => before,
        _ => text(rng),
    }
}

fn text(rng: &mut Rng) -> String {
    (0..rng.usize(..30)).map(|_| rng.char('\0'..='\u{17f}')).collect()
}
