//! The binary of the function `redeliver`.

#![forbid(unsafe_code)]

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    keysync::run::redeliver().await
}
