//! Proof by model: the protocol of claims, leases and confirmations, explored state by state with
//! [stateright](https://docs.rs/stateright), against the guarantees G1–G8 and G10.
//!
//! - `state.rs`: what there is
//! - `protocol.rs`, `actions.rs`: what may happen to it
//! - `writes.rs`, `process.rs`: what that does
//! - `guarantees.rs`, `calm.rs`: what must always hold
//! - `bounds.rs`, `reductions.rs`: how large a world is explored, and which states are taken for one
//! - `guards.rs`: what can be removed from the protocol
//! - `holds.rs`: the protocol keeps all guarantees, in every state of every configuration
//! - `breaks.rs`, `words.rs`: without a guard it does not, and this is how
//! - `stragglers.rs`: what the model found in the protocol itself
//!
//! `docs/explanation/model.md` lays the model's transitions beside the code's.

mod actions;
mod bounds;
mod breaks;
mod calm;
mod guarantees;
mod guards;
mod holds;
mod process;
mod protocol;
mod reductions;
mod state;
mod stragglers;
mod words;
mod writes;
