//! The seed document's story, as `harness demo` tells it, on the real binary and in this process.

use keysync_harness::demo;
use keysync_testkit::{Harness, lambda::Mode};

#[tokio::test]
async fn comes_true_on_the_real_binary() {
    demo::run(Harness::builder()).await.unwrap();
}

#[tokio::test]
async fn comes_true_in_this_process() {
    demo::run(Harness::builder().mode(Mode::InProcess)).await.unwrap();
}
