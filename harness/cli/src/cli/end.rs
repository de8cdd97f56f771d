//! When a command that runs on ends.

use std::io;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

/// The signals that end a command, listened for from when this is made: whoever reads that a command is
/// ready may end it at once.
pub(super) struct End {
    interrupted: Signal,
    terminated: Signal,
}

impl End {
    pub(super) fn listen() -> io::Result<Self> {
        let (interrupted, terminated) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupted, terminated })
    }

    /// Waits until this process is told to end, or with `until_eof` until its standard input ends.
    pub(super) async fn wait(mut self, until_eof: bool) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
            () = input_ended(), if until_eof => {}
        }
    }
}

/// Read by a thread of its own: the runtime would wait for one of its own before it ends.
async fn input_ended() {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}
