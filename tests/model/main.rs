//! Explores the model in every state.
//!
//! - `invariants.rs`: the protocol keeps all guarantees in every state of every configuration
//! - `counterexamples.rs`: the violations without a guard, as readable traces
//! - `late_requests.rs`: the defect that the model found in the first version of the protocol
//! - `operator_replays.rs`: an operator replays a notification while it is delivered
//! - `traces.rs`: the checker of traces

mod counterexamples;
mod invariants;
mod late_requests;
mod operator_replays;
mod traces;
