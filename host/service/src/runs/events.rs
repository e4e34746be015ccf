//! The events of a run as lines of JSON, whether it waits, goes on, or ended long ago.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use lockgate_flow::Follower;
use lockgate_model::{Kebab, Recorded};
use lockgate_store::RunState as Stored;
use uuid::Uuid;

use super::conduct::Conductor;
use super::lines::{self, Line};
use super::live::Live;
use crate::ServiceError;

/// One event of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLine {
    /// Its number, from 1.
    pub seq: u64,
    /// What sort of event, such as `node.finished`.
    pub kind: String,
    /// The event in its envelope, as JSON without a line break.
    pub json: String,
}

/// The events of a run, in order, each once; it ends with the run's last.
///
/// Dropping it ends nothing but itself.
pub struct RunEvents(BoxStream<'static, Result<EventLine, ServiceError>>);

type Lines = Vec<Result<EventLine, ServiceError>>;

impl RunEvents {
    /// Those of a run that goes on: what was, and then what comes.
    pub(crate) fn of_live(live: Arc<Live>, after: u64) -> Self {
        // A number that the journal does not have is one of an attempt that was lost: everything is new then.
        let after = match after {
            0 => 0,
            seq if live.journal.after(seq - 1).is_empty() => 0,
            seq => seq,
        };
        let follow = Follow {
            follower: live.journal.follow(after),
            after,
            live,
            is_over: false,
        };
        let pieces = stream::unfold(follow, |mut follow| async move {
            let piece = follow.next().await?;
            Some((stream::iter(piece), follow))
        });
        Self(pieces.flatten().boxed())
    }

    /// Those of a run that ended.
    pub(crate) fn of_stored(events: Vec<u8>, after: u64) -> Self {
        let last = lines::read(&events).next_back().map_or(0, |line| line.seq);
        let after = if after > last { 0 } else { after };
        // Positions of the lines, so that a long journal is held once and not as thousands of texts.
        let mut at = 0;
        let next = move || {
            loop {
                let rest = events.get(at..).filter(|rest| !rest.is_empty())?;
                let end = rest.iter().position(|&byte| byte == b'\n');
                let line = &rest[..end.unwrap_or(rest.len())];
                at += line.len() + 1;
                if let Some(line) = kept(line).filter(|line| line.seq > after) {
                    return Some(Ok(line));
                }
            }
        };
        Self(stream::iter(std::iter::from_fn(next)).boxed())
    }

    /// Those of a run that may still wait: once it begins.
    pub(crate) async fn of(
        conductor: Arc<Conductor>,
        project: Kebab,
        run: Uuid,
        after: u64,
    ) -> Result<Self, ServiceError> {
        if let Some(live) = conductor.live.get(&project, &run) {
            return Ok(Self::of_live(live, after));
        }
        let row = conductor.store.run(&project, &run).await?;
        let row = row.ok_or_else(|| ServiceError::not_found("run", run))?;
        if row.summary.state == Stored::Finished {
            return Ok(Self::of_stored(row.events, after));
        }
        Ok(Self::later(begun(conductor, project, run, after)))
    }

    /// Those that are known later.
    pub(crate) fn later(
        events: impl Future<Output = Result<Self, ServiceError>> + Send + 'static,
    ) -> Self {
        Self(stream::once(events).try_flatten().boxed())
    }
}

/// The events of a run that waits, when it does not any more.
async fn begun(
    conductor: Arc<Conductor>,
    project: Kebab,
    run: Uuid,
    after: u64,
) -> Result<RunEvents, ServiceError> {
    let notify = conductor.live.await_one(&run);
    let events = loop {
        let mut changed = std::pin::pin!(notify.notified());
        changed.as_mut().enable(); // before anything is looked at, so that nothing is missed
        if let Some(live) = conductor.live.get(&project, &run) {
            break Ok(RunEvents::of_live(live, after));
        }
        match conductor.store.run(&project, &run).await {
            Ok(Some(row)) if row.summary.state == Stored::Finished => {
                break Ok(RunEvents::of_stored(row.events, after));
            }
            Ok(Some(_)) => changed.await,
            Ok(None) => break Err(ServiceError::not_found("run", run)),
            Err(error) => break Err(error.into()),
        }
    };
    conductor.live.forget(&run, notify);
    events
}

struct Follow {
    live: Arc<Live>,
    follower: Follower,
    /// The number of the last event that was given.
    after: u64,
    is_over: bool,
}

impl Follow {
    /// The next lines; None: there are no more.
    async fn next(&mut self) -> Option<Lines> {
        if self.is_over {
            return None;
        }
        // A run can end without a last event: it was refused, or goes on in another process.
        let events = tokio::select! {
            biased;
            events = self.follower.next() => events,
            () = self.live.broken_off() => {
                self.is_over = true;
                Some(self.live.journal.after(self.after))
            }
        }?;
        self.after = events.last().map_or(self.after, |last| last.seq);
        Some(events.iter().map(made).collect())
    }
}

/// An event as it was made.
fn made(event: &Recorded) -> Result<EventLine, ServiceError> {
    let json = serde_json::to_string(event)
        .map_err(|error| ServiceError::Internal(format!("an event is no JSON: {error}")))?;
    Ok(EventLine {
        seq: event.seq,
        kind: lines::kind(&event.event).to_owned(),
        json,
    })
}

/// An event as it was kept.
fn kept(line: &[u8]) -> Option<EventLine> {
    let event: Line<'_> = serde_json::from_slice(line).ok()?;
    Some(EventLine {
        seq: event.seq,
        kind: event.kind.into_owned(),
        json: String::from_utf8(line.to_vec()).ok()?,
    })
}

impl Stream for RunEvents {
    type Item = Result<EventLine, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl std::fmt::Debug for RunEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunEvents")
    }
}
