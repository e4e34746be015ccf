//! Where the parts of a node's outputs go: into the pipes of those who read them.

use std::sync::atomic::{AtomicBool, Ordering};

use lockgate_model::{CallError, Failure, FailureKind, Ident, Outputs, Value};
use tokio::sync::Notify;

use super::pipe::Inlet;

/// Each with the output whose parts go into it.
type Pipes = Vec<(Ident, Inlet)>;

/// The pipes of a node's outputs.
pub(super) struct Feed {
    pipes: Pipes,
    /// Whether somebody reads an output of the node whole: then it goes on though nobody reads parts.
    read_whole: bool,
    /// The node was told once that nobody reads.
    told: AtomicBool,
    unread: Notify,
}

impl Feed {
    pub(super) fn new(pipes: Pipes, read_whole: bool) -> Self {
        Self {
            pipes,
            read_whole,
            told: AtomicBool::new(false),
            unread: Notify::new(),
        }
    }

    /// Sends a part to all who read the output; false if nobody does. A node that goes on sending after it heard so is
    /// ended, if nobody reads anything of it.
    pub(super) async fn send(&self, port: &Ident, part: &Value) -> bool {
        let mut has_pipe = false;
        let mut is_read = false;
        for (_, pipe) in self.pipes.iter().filter(|(name, _)| name == port) {
            has_pipe = true;
            is_read |= pipe.send(part.clone()).await;
        }
        let goes_on = is_read || self.read_whole || !has_pipe;
        if !goes_on && self.is_unread() && self.told.swap(true, Ordering::Relaxed) {
            self.unread.notify_one();
            // The call is dropped with this future.
            return std::future::pending().await;
        }
        goes_on
    }

    /// Resolves when the node is to be ended because nobody reads anything of it.
    pub(super) async fn unread(&self) {
        self.unread.notified().await;
    }

    /// Whether nobody reads anything of the node any more.
    fn is_unread(&self) -> bool {
        !self.read_whole && self.pipes.iter().all(|(_, pipe)| pipe.is_closed())
    }

    /// Whether somebody reads an output of the node whole.
    pub(super) fn is_read_whole(&self) -> bool {
        self.read_whole
    }

    /// Whether a part went to somebody.
    pub(super) fn is_used(&self) -> bool {
        self.pipes.iter().any(|(_, pipe)| pipe.is_used())
    }

    /// Says to all who read the node that it gave all its outputs. One that was not sent in parts is sent now: whole, or
    /// as the elements of a list.
    pub(super) async fn finish(&self, outputs: &Outputs) {
        let sends = self.pipes.iter().map(async |(port, pipe)| {
            let whole = outputs.iter().find(|(name, _)| name == port);
            if let Some((_, value)) = whole.filter(|_| !pipe.is_used()) {
                send_whole(pipe, value).await;
            }
            pipe.finish(Ok(()));
        });
        futures::future::join_all(sends).await;
    }

    /// Says to all who read the node that it failed.
    pub(super) fn fail(&self, error: &CallError) {
        for (_, pipe) in &self.pipes {
            pipe.finish(Err(told_to_readers(error)));
        }
    }
}

async fn send_whole(pipe: &Inlet, value: &Value) {
    let elements = match value {
        Value::Json(json) => json.elements(),
        _ => None,
    };
    match elements {
        None => {
            pipe.send(value.clone()).await;
        }
        Some(elements) => {
            for element in elements {
                if !pipe.send(Value::Json(element)).await {
                    break;
                }
            }
        }
    }
}

/// What readers hear of a producer that failed: its own failure, or that there is one.
fn told_to_readers(error: &CallError) -> Failure {
    error.failure().cloned().unwrap_or_else(|| {
        let message = format!("the node that makes this input failed: {error}");
        Failure::new(FailureKind::Internal, message)
    })
}
