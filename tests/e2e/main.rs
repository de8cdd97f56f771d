//! End-to-end tests of the functions: the real binaries behind real sockets. A file is a topic.
//!
//! Each test has a harness with its own ports, table and keys. A test that needs the clock to the
//! millisecond runs the function in its own process; every other test runs the real binary. The
//! package `keysync-emulator-tests` tests the emulators.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "../shared/binaries.rs"]
mod binaries;
#[path = "../shared/emf.rs"]
mod emf;
#[path = "../shared/engine.rs"]
mod engine;
mod log_lines;
mod model_trace;
mod support;
#[path = "../shared/trace.rs"]
mod trace;
#[path = "../shared/world.rs"]
mod world;

mod account_isolation;
mod acknowledgement_deadline;
mod acknowledgements;
mod audit_events;
mod bulkheads;
mod callback_format;
mod clock_skew;
mod concurrent_claims;
mod concurrent_redelivery;
mod contradicting_acknowledgements;
mod crash_recovery;
mod deployment_matches_code;
mod docs_reference_existing_tests;
mod dynamodb_call_budget;
mod dynamodb_clients;
mod error_responses;
mod failed_delivery_stays_pending;
mod function_timeout;
mod harness_modes;
mod hostile_requests;
mod hostile_tokens;
mod iam_authorization;
mod idempotent_replay;
mod instance_host;
mod key_independence;
mod lifecycle_event_ordering;
mod log_line_fields;
mod lost_notification_story;
mod lost_response_is_idempotent;
mod malformed_events_go_to_dlq;
mod metrics;
mod no_existence_oracle;
mod no_secret_exposure;
mod notification_status;
mod operator_replay;
mod paused_services;
mod public_key_set;
mod published_events;
mod random_deadlines;
mod rate_limiting;
mod redelivery;
mod service_limit;
mod service_registry;
mod signing_key_from_secret;
mod signing_key_rotation;
mod superseded_notifications;
mod symmetric_signatures;
mod sync_api_document;
mod sync_by_key_state;
mod sync_window_boundary;
mod table_definition;
mod trace_propagation;
mod update_expression_placeholders;
mod write_conflict_retries;
