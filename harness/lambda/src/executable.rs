//! An executable that contains the functions, such as the command `harness`, and runs each one as a
//! process of itself.

use std::{
    ffi::{OsStr, OsString},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use keysync::run;
use lambda_http::Error;

use super::{FunctionError, LIFECYCLE, REDELIVER, SYNC};

/// The first argument, before the function's name.
const FUNCTION: &str = "function";

/// Whether this executable contains the functions.
static CONTAINS_FUNCTIONS: AtomicBool = AtomicBool::new(false);

/// Runs a function if the command line is `function NAME`, and returns when it ends; `None` for any
/// other command line. An executable that calls this first in `main` contains the functions:
/// [`command`](super::command()) then runs them with it.
pub fn run_requested_function() -> Option<Result<(), Error>> {
    CONTAINS_FUNCTIONS.store(true, Relaxed);
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [command, function] = arguments.as_slice() else { return None };
    if command != FUNCTION {
        return None;
    }
    // As in the functions' binaries.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Some(Err(error.into())),
    };
    match function.to_str()? {
        SYNC => Some(runtime.block_on(run::sync())),
        LIFECYCLE => Some(runtime.block_on(run::lifecycle())),
        REDELIVER => Some(runtime.block_on(run::redeliver())),
        _ => None,
    }
}

/// The command line that runs a function with this executable; `None` if it contains none.
pub(super) fn command(function: &str) -> Result<Option<Vec<OsString>>, FunctionError> {
    if !CONTAINS_FUNCTIONS.load(Relaxed) {
        return Ok(None);
    }
    let this = std::env::current_exe().map_err(FunctionError::Executable)?;
    Ok(Some(vec![this.into(), OsStr::new(FUNCTION).into(), OsStr::new(function).into()]))
}
