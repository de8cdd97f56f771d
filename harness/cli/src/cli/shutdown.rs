//! Shutdown of commands that run until they are stopped.

use std::io;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

/// Listener for the signals that stop a command. Create it before the command reports that it is
/// ready: the process that reads the report may send a signal at once.
pub(super) struct Shutdown {
    sigint: Signal,
    sigterm: Signal,
}

impl Shutdown {
    /// Starts listening for SIGINT and SIGTERM.
    pub(super) fn listen() -> io::Result<Self> {
        let (sigint, sigterm) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { sigint, sigterm })
    }

    /// Waits for SIGINT or SIGTERM, or with `until_eof` for the end of standard input.
    pub(super) async fn wait(mut self, until_eof: bool) {
        tokio::select! {
            _ = self.sigint.recv() => {}
            _ = self.sigterm.recv() => {}
            () = input_ended(), if until_eof => {}
        }
    }
}

/// Reads standard input to its end on a detached thread: the runtime would wait for one of its
/// blocking threads before it shuts down.
async fn input_ended() {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}
