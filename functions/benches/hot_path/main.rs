//! What the steps of a request take, in time and in allocations: `cargo bench --package keysync`.
//!
//! Nothing here goes over a wire, so that what is measured is ours and that of the libraries: DynamoDB's answers
//! are given by the SDK's own client, and IAM's keys are fetched before anything is measured. What a request takes
//! with all that is around it, `harness bench` tells.

#![allow(clippy::unwrap_used, reason = "as in tests")]

mod world;

use std::time::Duration;

use divan::{AllocProfiler, Bencher, black_box};
use keysync::{
    api::{self, ErrorResponse},
    delivery::cloud_event_body,
    domain::EpochMillis,
    ledger::{ClaimError, Claimed},
};

use crate::world::{Answer, NOW, World};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

mod token {
    use super::{Answer, Bencher, World};

    #[divan::bench]
    fn verified(bencher: Bencher) {
        let world = World::with(Answer::Won);
        let token = world.token();
        bencher.bench_local(|| world.authenticate(&token).unwrap());
    }

    #[divan::bench]
    fn error_response(bencher: Bencher) {
        let world = World::with(Answer::Won);
        let token = world.forged_token();
        bencher.bench_local(|| world.authenticate(&token).unwrap_err());
    }
}

/// From the request for a claim to the notification, or the reason for a refusal: the SDK with all it does, but
/// for the connection.
mod claim {
    use super::{Answer, Bencher, World};

    #[divan::bench]
    fn won(bencher: Bencher) {
        let world = World::with(Answer::Won);
        bencher.bench_local(|| world.claim());
    }

    #[divan::bench]
    fn too_early(bencher: Bencher) {
        let world = World::with(Answer::TooEarly);
        bencher.bench_local(|| world.claim());
    }
}

mod callback {
    use super::{Answer, Bencher, Claimed, EpochMillis, NOW, World, black_box, cloud_event_body, world};

    #[divan::bench]
    fn event_and_signature(bencher: Bencher) {
        let world = World::with(Answer::Won);
        let Claimed::Won(notification) = world.claim() else { panic!("not won") };
        let service = "cloud-object-storage".parse().unwrap();
        let keys = world::signing_keys();
        bencher.bench_local(|| {
            let id = notification.event_id(&service).to_string();
            keys.sign(&id, EpochMillis::new(NOW), cloud_event_body(&notification, &id, black_box(12)))
        });
    }
}

mod answer {
    use super::{Bencher, ClaimError, Duration, EpochMillis, ErrorResponse, NOW, black_box};

    #[divan::bench]
    fn error_document(bencher: Bencher) {
        let refused_as =
            ClaimError::TooEarly { opens_at: EpochMillis::new(NOW), wait: Duration::from_mins(9) };
        let id = "c-1".parse().unwrap();
        bencher.bench_local(|| super::api::error(&ErrorResponse::from(black_box(&refused_as)), &id));
    }
}

/// The whole of it: a request in, an answer out.
mod request {
    use super::{Answer, Bencher, World};

    #[divan::bench]
    fn too_early(bencher: Bencher) {
        let world = World::with(Answer::TooEarly);
        let request = World::request(&world.token());
        bencher.bench_local(|| assert_eq!(world.handle(request.clone()).status(), 409));
    }

    #[divan::bench]
    fn forged_token(bencher: Bencher) {
        let world = World::with(Answer::TooEarly);
        let request = World::request(&world.forged_token());
        bencher.bench_local(|| assert_eq!(world.handle(request.clone()).status(), 401));
    }
}
