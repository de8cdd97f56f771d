//! Model of the protocol of claims, leases and confirmations.
//!
//! - `state`, `process_id`: the state
//! - `protocol`, `actions`: the possible actions
//! - `writes`, `process`, `deadline`, `acknowledgement`: their effects
//! - `guarantees`, `liveness`: the properties
//! - `bounds`, `reductions`: the size of the state space, and which states count as equal
//! - `guards`: the guards that can be removed from the protocol
//! - `trace`: what a run of the code did, replayed through the model
//! - `trace_format`: paths as text
//!
//! The tests of this package explore it: [stateright](https://docs.rs/stateright) takes every
//! possible action in every state, and checks the guarantees G1–G10. The tests in
//! `tests/model_conformance` and `tests/fault_injection` compare the code with it
//! (`docs/explanation/model.md`).

#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "a panic is a defect of the model")]

pub mod acknowledgement;
mod actions;
pub mod bounds;
mod deadline;
pub mod guarantees;
pub mod guards;
mod liveness;
mod process;
mod process_id;
pub mod protocol;
mod reductions;
mod settlement;
pub mod state;
pub mod trace;
pub mod trace_format;
mod writes;
