//! The binary of the function `lifecycle`.

#![forbid(unsafe_code)]

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    keysync::run::lifecycle().await
}
