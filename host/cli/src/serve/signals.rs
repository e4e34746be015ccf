//! SIGTERM and Ctrl-C: the first lets what goes on end, the second ends everything at once.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a server.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on they no longer end the process by themselves.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening to signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next of them: its number.
    pub(super) async fn next(&mut self) -> u8 {
        // Their numbers are the same on every system that there is.
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }

    /// Ends the process at the next of them, with the status that shells give.
    pub(super) fn end_at_next(mut self) {
        tokio::spawn(async move {
            let number = self.next().await;
            std::process::exit(i32::from(128 + number));
        });
    }
}
