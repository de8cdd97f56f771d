//! The least that answers a request behind a function URL. `harness bench` measures it beside `sync`: what it
//! takes to start and to answer is Lambda's part, and not ours.

#![forbid(unsafe_code)]

use std::convert::Infallible;

use lambda_http::{Body, Error, Request, Response, run_concurrent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run_concurrent(service_fn(|_: Request| async { Ok::<_, Infallible>(Response::new(Body::Empty)) })).await
}
