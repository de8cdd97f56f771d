//! Model of the protocol of claims, leases and confirmations.
//! [stateright](https://docs.rs/stateright) explores every state and checks the guarantees
//! G1–G10.
//!
//! - `state.rs`: the state
//! - `protocol.rs`, `actions.rs`: the possible actions
//! - `writes.rs`, `process.rs`, `deadline.rs`: their effects
//! - `guarantees.rs`, `liveness.rs`: the properties
//! - `bounds.rs`, `reductions.rs`: the size of the state space, and which states count as equal
//! - `guards.rs`: the guards that can be removed from the protocol
//! - `invariants.rs`: the protocol keeps all guarantees in every state of every configuration
//! - `counterexamples.rs`, `trace_format.rs`: the violations without a guard, as readable traces
//! - `late_requests.rs`: the defect that the model found in the first version of the protocol
//! - `operator_replays.rs`: an operator replays a notification while it is delivered
//!
//! `docs/explanation/model.md` compares the model's transitions with the code.

mod actions;
mod bounds;
mod counterexamples;
mod deadline;
mod guarantees;
mod guards;
mod invariants;
mod late_requests;
mod liveness;
mod operator_replays;
mod process;
mod protocol;
mod reductions;
mod state;
mod trace_format;
mod writes;
