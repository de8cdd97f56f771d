//! The functions as programs: read the settings, connect, and serve invocations until the process
//! is ended. Each binary in `bin/` runs one; the command `harness` can run all three.

mod lifecycle;
mod redeliver;
mod sync;

pub use lifecycle::lifecycle;
pub use redeliver::redeliver;
pub use sync::sync;

use lambda_http::Error;

/// Serves invocations in a task of its own. On a runtime of one thread, waking the root future
/// takes a system call, and waking a task takes none.
async fn serve(invocations: impl Future<Output = Result<(), Error>> + Send + 'static) -> Result<(), Error> {
    tokio::spawn(invocations).await?
}
