//! The HTTP API of `sync`: function URL events to requests, results to responses. No I/O; with the
//! audit events, the only code that knows status codes.

mod error_response;
mod function_url;
mod jwks;
mod openapi;
mod operation;
mod request;
mod response;
mod status;

pub use error_response::{ErrorResponse, ReasonCode};
pub use function_url::{FunctionUrlEvent, to_lambda_response};
pub use jwks::jwks_response;
pub use openapi::openapi;
pub use operation::{JWKS_PATH, Operation};
pub use request::{BadRequest, correlation_id, parse_key_request};
pub use response::{error, no_content};
pub use status::notification_status;
