//! The story of a lost notification, as `harness demo` runs it, with the real binary and in this
//! process.

use keysync_harness::demo;
use keysync_testkit::{Harness, lambda::Mode};

use crate::binaries::binaries;

#[tokio::test]
async fn demo_passes_on_the_real_binary() {
    demo::run(binaries()).await.unwrap();
}

#[tokio::test]
async fn demo_passes_in_process() {
    demo::run(Harness::builder().mode(Mode::InProcess)).await.unwrap();
}
