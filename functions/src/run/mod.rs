//! The functions as programs: read the settings, connect, and serve invocations until the process
//! is ended. Each binary in `bin/` runs one; the command `harness` can run all three.

mod lifecycle;
mod redeliver;
mod sync;

pub use lifecycle::lifecycle;
pub use redeliver::redeliver;
pub use sync::sync;
