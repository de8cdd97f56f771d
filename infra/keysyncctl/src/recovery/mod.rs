//! One key and its notification: shown, and replayed to chosen services.

mod replay;
mod show;

pub(crate) use replay::{ReplayArgs, run as replay};
pub(crate) use show::{ShowArgs, run as show};
