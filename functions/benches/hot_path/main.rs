//! Benchmarks of the steps of a request, in time and allocations:
//! `cargo bench --package keysync-functions`.
//!
//! No measured step uses the network, so that only keysync and its libraries are measured: the
//! SDK's HTTP client is replaced by a stub of DynamoDB, and IAM's keys are fetched beforehand.
//! `harness bench` measures whole requests.

#![allow(clippy::unwrap_used, reason = "a failure ends the benchmark, as in a test")]

mod world;

use std::time::Duration;

use divan::{AllocProfiler, Bencher, black_box};
use keysync::{
    api::{self, ErrorResponse, Operation},
    delivery::cloud_event_body,
    domain::EpochMillis,
    ledger::{ClaimError, Claimed},
};

use crate::world::{ClaimResult, NOW, World};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

mod token {
    use super::{Bencher, ClaimResult, World};

    #[divan::bench]
    fn verified(bencher: Bencher) {
        let world = World::with(ClaimResult::Won);
        let token = world.token();
        bencher.bench_local(|| world.authenticate(&token).unwrap());
    }

    #[divan::bench]
    fn forged(bencher: Bencher) {
        let world = World::with(ClaimResult::Won);
        let token = world.forged_token();
        bencher.bench_local(|| world.authenticate(&token).unwrap_err());
    }
}

/// A claim, from the request to the notification or error, including the SDK without the
/// connection.
mod claim {
    use super::{Bencher, ClaimResult, World};

    #[divan::bench]
    fn won(bencher: Bencher) {
        let world = World::with(ClaimResult::Won);
        bencher.bench_local(|| world.claim());
    }

    #[divan::bench]
    fn too_early(bencher: Bencher) {
        let world = World::with(ClaimResult::TooEarly);
        bencher.bench_local(|| world.claim());
    }
}

mod callback {
    use super::{Bencher, ClaimResult, Claimed, EpochMillis, NOW, World, black_box, cloud_event_body, world};

    #[divan::bench]
    fn event_and_signature(bencher: Bencher) {
        let world = World::with(ClaimResult::Won);
        let Claimed::Won(notification) = world.claim() else { panic!("the claim was not won") };
        let service = "cloud-object-storage".parse().unwrap();
        let keys = world::signing_keys();
        bencher.bench_local(|| {
            let id = notification.event_id(&service);
            keys.sign(&id, EpochMillis::new(NOW), cloud_event_body(&notification, &id, black_box(12)))
        });
    }
}

mod response {
    use super::{Bencher, ClaimError, Duration, EpochMillis, ErrorResponse, NOW, Operation, black_box};

    #[divan::bench]
    fn error_document(bencher: Bencher) {
        let error = ClaimError::TooEarly { opens_at: EpochMillis::new(NOW), wait: Duration::from_mins(9) };
        let id = "c-1".parse().unwrap();
        bencher
            .bench_local(|| super::api::error(&ErrorResponse::from(black_box(&error)), Operation::Sync, &id));
    }
}

/// A whole request.
mod request {
    use super::{Bencher, ClaimResult, World};

    #[divan::bench]
    fn too_early(bencher: Bencher) {
        let world = World::with(ClaimResult::TooEarly);
        let request = World::request(&world.token());
        bencher.bench_local(|| assert_eq!(world.handle(request.clone()).status(), 409));
    }

    #[divan::bench]
    fn forged_token(bencher: Bencher) {
        let world = World::with(ClaimResult::TooEarly);
        let request = World::request(&world.forged_token());
        bencher.bench_local(|| assert_eq!(world.handle(request.clone()).status(), 401));
    }
}
