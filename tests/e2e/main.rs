//! End-to-end tests: the real function behind real sockets, a file for each behaviour.
//!
//! Each test has a harness of its own, with ports, table and keys of its own. Where a test needs the
//! clock to the millisecond, the function runs in the test's process; everywhere else it is the real
//! binary.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod endpoint_calls;
mod engine;
mod lines;
mod support;
mod visitor;

mod a_callback_is_what_was_agreed;
mod a_failed_delivery_stays_pending;
mod a_function_that_is_too_slow_is_killed;
mod a_lost_answer_is_not_a_conflict;
mod a_refusal_changes_nothing;
mod a_repeated_request_is_the_same_request;
mod a_trace_goes_on_to_the_services;
mod an_outsider_learns_nothing;
mod bad_events_go_to_the_dead_letter_queue;
mod clocks_that_disagree;
mod every_line_says_what_it_is_about;
mod every_state_but_purged_can_be_synced;
mod every_sync_leaves_an_audit_event;
mod hostile_requests;
mod hostile_tokens;
mod iam_decides_and_its_outage_lets_nobody_pass;
mod iam_logs_clients_in;
mod isolation_between_accounts;
mod keys_do_not_hold_each_other_up;
mod killed_at_every_step;
mod lifecycle_events_in_any_order;
mod many_services;
mod metrics_say_what_happened;
mod one_dead_service_holds_up_no_other;
mod one_of_many_wins;
mod placeholders_stand_for_one_attribute;
mod published_events;
mod redeliveries_do_not_disturb_each_other;
mod redelivery_finishes_what_was_begun;
mod services_acknowledge;
mod table_definition;
mod the_console_escapes_everything;
mod the_console_keeps_its_sessions;
mod the_console_says_what_went_wrong;
mod the_console_takes_no_forged_forms;
mod the_control_api_is_as_described;
mod the_control_api_is_for_no_web_page;
mod the_deployment_fits_the_code;
mod the_documents_name_what_there_is;
mod the_endpoint_dual_authorization;
mod the_endpoint_imports_keys;
mod the_endpoint_keeps_its_rules;
mod the_endpoint_key_lifecycle;
mod the_endpoint_key_rings_and_aliases;
mod the_endpoint_keys;
mod the_endpoint_lists_keys;
mod the_endpoint_policies;
mod the_endpoint_registrations;
mod the_endpoint_shows_keys_of_others;
mod the_endpoint_takes_what_clients_send;
mod the_endpoint_tells_what_happened;
mod the_endpoint_tells_when_a_sync_works;
mod the_endpoint_wraps_keys;
mod the_harness_is_a_product;
mod the_hosts_that_name_an_instance;
mod the_log_tells_no_secrets;
mod the_public_keys_are_published;
mod the_seeds_story;
mod the_signing_key_is_changed_without_downtime;
mod the_signing_key_is_fetched_from_a_secret;
mod the_windows_edge;
mod two_calls_to_dynamodb;
mod who_asks_too_often_is_told_to_wait;
mod write_conflicts_are_retried;
