//! What the function does whichever way it runs.

mod callers;
mod keys;
mod outages;
mod requests;
mod services;
mod window;

use futures_util::future::LocalBoxFuture;

use crate::way::World;

/// A behaviour: it fails by panicking.
type Behaviour = for<'a> fn(&'a World<'a>) -> LocalBoxFuture<'a, ()>;

macro_rules! behaviours {
    ($($module:ident::$name:ident,)*) => {
        &[$((stringify!($name), |world| Box::pin($module::$name(world)))),*]
    };
}

/// All of them, by name.
pub(crate) const ALL: &[(&str, Behaviour)] = behaviours![
    window::the_first_gets_204_and_the_second_409,
    window::an_hour_later_it_works_again,
    window::the_same_request_gets_its_204_again_and_nobody_is_told_twice,
    keys::by_alias,
    keys::in_its_ring_and_in_no_other,
    keys::a_standard_key,
    keys::an_unknown_key,
    keys::a_deleted_key,
    callers::without_a_token,
    callers::with_a_token_that_is_none,
    callers::with_a_token_of_a_stranger,
    callers::without_the_role,
    callers::of_another_instance,
    services::one_that_is_down_is_told_later,
    services::one_that_wants_no_more_is_not_told_again,
    outages::iam_is_out,
    outages::dynamodbs_answer_is_lost,
    requests::another_method,
    requests::a_body_that_is_too_large,
    requests::odd_ids,
    requests::another_path,
    requests::for_the_public_keys,
];
