//! The tasks, one module each.

pub(crate) mod alarms;
pub(crate) mod browser;
pub(crate) mod cargo_lambda;
pub(crate) mod ci;
pub(crate) mod clients;
pub(crate) mod deployment;
pub(crate) mod docs_site;
pub(crate) mod faults;
pub(crate) mod format;
pub(crate) mod fuzz;
pub(crate) mod infra;
pub(crate) mod links;
pub(crate) mod mutants;
pub(crate) mod openapi;
pub(crate) mod packages;
pub(crate) mod performance;
pub(crate) mod pictures;
pub(crate) mod properties;
pub(crate) mod receivers;
pub(crate) mod sbom;
pub(crate) mod second_engine;
pub(crate) mod simulate;
pub(crate) mod supply_chain;
pub(crate) mod test;
pub(crate) mod tools;
pub(crate) mod words;
