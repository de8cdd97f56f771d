//! Policies of one key, and policies of an instance, which apply to its new keys.

mod attributes;
mod defaults;
mod fields;
mod instance;
mod key;

pub(super) use defaults::{Defaults, defaults};
pub(super) use fields::PolicyFields;
pub(super) use instance::{list as list_of_instance, set as set_of_instance};
pub(super) use key::{list as list_of_key, set as set_of_key};

use super::ApiError;

/// Validates the interval of a rotation policy, in months of 30 days.
fn check_interval(months: i64) -> Result<u8, ApiError> {
    u8::try_from(months).ok().filter(|months| (1..=12).contains(months)).ok_or_else(|| {
        ApiError::field("interval_month", format!("must be an integer from 1 to 12 (months): got {months}"))
    })
}

fn mismatch() -> ApiError {
    ApiError::new(
        axum::http::StatusCode::BAD_REQUEST,
        "BODY_QUERY_PARAM_MISMATCH_ERR",
        "Data in body does not match data required by query parameter",
    )
}
