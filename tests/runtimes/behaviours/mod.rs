//! The behaviour of the function on every runtime.

mod callers;
mod keys;
mod outages;
mod requests;
mod services;
mod window;

use futures_util::future::LocalBoxFuture;

use crate::runtime::Context;

/// A test of one behaviour, which fails by panicking.
type Behaviour = for<'a> fn(&'a Context<'a>) -> LocalBoxFuture<'a, ()>;

macro_rules! behaviours {
    ($($module:ident::$name:ident,)*) => {
        &[$((stringify!($name), |context| Box::pin($module::$name(context)))),*]
    };
}

/// All behaviours by name.
pub(crate) const ALL: &[(&str, Behaviour)] = behaviours![
    window::second_sync_within_an_hour_returns_409,
    window::sync_after_an_hour_returns_204,
    window::repeated_request_returns_204_without_second_callback,
    keys::sync_by_alias_closes_window_of_key,
    keys::sync_outside_key_ring_returns_404,
    keys::sync_of_standard_key_returns_400,
    keys::sync_of_unknown_key_returns_404,
    keys::deleted_key_can_be_synchronized_after_an_hour,
    callers::sync_without_token_returns_401,
    callers::sync_with_malformed_token_returns_400,
    callers::sync_with_unknown_signing_key_returns_401,
    callers::sync_without_role_returns_401,
    callers::sync_for_another_instance_returns_401,
    services::failing_service_is_notified_by_redelivery,
    services::service_responding_410_gets_no_retry,
    outages::sync_during_iam_outage_returns_503,
    outages::lost_dynamodb_response_is_recovered,
    requests::other_methods_return_405,
    requests::oversized_body_returns_413,
    requests::malformed_ids_return_400,
    requests::unknown_paths_return_404,
    requests::public_key_set_is_published,
];
