//! Services, paused and resumed.

mod change;
mod list;

pub(crate) use change::{ChangeArgs, PauseArgs, pause, resume};
pub(crate) use list::{PausedArgs, run as list};
