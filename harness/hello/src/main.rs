//! A minimal function behind a function URL. `harness bench` compares `sync` with it: its cold
//! start and latency are the overhead of Lambda's runtime.

#![forbid(unsafe_code)]

use std::convert::Infallible;

use lambda_http::{Body, Error, Request, Response, run_concurrent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run_concurrent(service_fn(|_: Request| async { Ok::<_, Infallible>(Response::new(Body::Empty)) })).await
}
