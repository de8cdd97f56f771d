//! A web console for the keys of a key-management service.
#![forbid(unsafe_code)]

pub mod view;
