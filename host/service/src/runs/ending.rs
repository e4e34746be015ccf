//! How a run ends: its row is stored, and those who wait are told.

use std::sync::Arc;
use std::time::Duration;

use lockgate_model::{Clock, RunOutcome};
use lockgate_store::FinishedRun;

use super::conduct::{Conductor, Room, draining};
use super::lines::{self, Lines};
use super::live::{Birth, Ended, Live, StopReason};
use super::receipts::Receipts;
use super::recorder::{Recorder, Seen};
use super::{RunErrorView, RunState, RunSummary, RunView};
use crate::{Doc, Moment, ServiceError, alerts};

/// The longest short reason that a row has beside its journal, in bytes.
const MAX_REASON_BYTES: usize = 500;

/// The end of a run, which is told once: at the latest when this is dropped.
pub(crate) struct Ending {
    conductor: Arc<Conductor>,
    live: Arc<Live>,
    /// What the run occupies.
    _room: Room,
}

impl Ending {
    pub(crate) fn new(conductor: &Arc<Conductor>, live: &Arc<Live>, room: Room) -> Self {
        Self {
            conductor: Arc::clone(conductor),
            live: Arc::clone(live),
            _room: room,
        }
    }

    pub(crate) fn conductor(&self) -> &Arc<Conductor> {
        &self.conductor
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Tells those who wait.
    pub(crate) fn tell(self, ended: Ended) {
        let _ = self.live.ended.set(ended); // only here, and on dropping
    }

    /// Stores what the journal has, and tells those who wait once that is committed. Whoever calls this does not wait for
    /// it: the store tells them, which saves a turn between threads.
    pub(crate) async fn store(self, recorder: &Recorder) {
        let seen = std::mem::take(&mut *recorder.seen());
        let reason = self.live.stop.reason();
        let is_cancelled = matches!(seen.outcome, Some(RunOutcome::Cancelled) | None);
        if is_cancelled && reason > StopReason::Cancelled {
            if reason == StopReason::Requeued {
                let conductor = Arc::clone(&self.conductor);
                conductor.spawn(self.release());
            } else {
                self.tell(Err(draining()));
            }
            return;
        }
        let mut receipts = Receipts::default();
        let lines = lines::write(&self.live.journal, &mut receipts).await;
        let clock = self.conductor.engine.clock();
        let row = row(&self.live, &seen, lines, &*clock);
        let alerts = self.conductor.alerts.clone();
        let ended = alerts.and_then(|alerts| {
            let ended = alerts::just_ended(&self.live.birth, &row, seen.kept.as_ref())?;
            Some((alerts, ended))
        });
        let view = view(&self.live.birth, seen, &row, receipts);
        let has_failed = row.outcome != "ok" && !is_cancelled;
        let conductor = Arc::clone(&self.conductor);
        let told = move |stored: Result<(), lockgate_store::StoreError>| {
            self.conductor.stored(stored.is_ok());
            let live = Arc::clone(&self.live);
            let traces = &self.conductor.traces;
            traces.ended(&live, has_failed);
            if let Some((alerts, ended)) = ended {
                alerts.run_ended(ended);
            }
            let fault = |error| fault(&live.birth, error);
            self.tell(stored.map(|()| Arc::new(view)).map_err(fault));
        };
        conductor.store.finish_run_then(row, told).await;
    }

    /// Gives it back to the queue.
    async fn release(self) {
        let (queue, owner) = (&self.conductor.queue, &self.conductor.owner);
        let released = queue.release(owner, vec![self.live.birth.id]).await;
        let failed = released.err().map(|error| fault(&self.live.birth, error));
        self.tell(Err(failed.unwrap_or_else(draining)));
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.live.ended.initialized() {
            let lost = "the host stopped before the run was stored";
            let _ = self
                .live
                .ended
                .set(Err(ServiceError::Internal(lost.into())));
        }
        self.conductor.live.remove(&self.live.birth.id);
        if let Some(row) = &self.live.birth.idempotency {
            let in_flight = &self.conductor.in_flight;
            in_flight.remove(&self.live.birth.project, row);
        }
    }
}

fn fault(birth: &Birth, error: lockgate_store::StoreError) -> ServiceError {
    let (run, trace) = (birth.id, birth.trace.id());
    tracing::error!(%error, %run, %trace, "a run that ended could not be stored");
    error.into()
}

fn row(live: &Live, seen: &Seen, lines: Lines, clock: &dyn Clock) -> FinishedRun {
    let birth = &live.birth;
    let outcome = seen.kept.as_ref().unwrap_or(&RunOutcome::Cancelled);
    let started = seen.started;
    let took = started.map_or(Duration::ZERO, |started| {
        clock.now().saturating_sub(started.clock)
    });
    let labels = (!seen.labels.is_empty()).then(|| {
        let labels = seen
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        serde_json::to_string(&labels.collect::<std::collections::BTreeMap<_, _>>())
    });
    FinishedRun {
        project: birth.project.clone(),
        id: birth.id,
        flow: birth.flow.clone(),
        version: birth.version,
        revision: birth.revision,
        outcome: outcome.word(),
        trigger: birth.trigger.clone(),
        key: birth.key,
        session: birth.session.clone(),
        parent: birth.parent,
        batch: birth.batch,
        labels: labels.and_then(Result::ok),
        created_at: birth.created_at,
        started_at: started.map(|started| started.at.0),
        finished_at: Moment::of(clock.wall()).0,
        duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        events: lines.bytes,
        cut: lines.cut,
        masked: live.is_masked(),
        error: reason(outcome),
        trace_id: Some(birth.trace.id()),
        queued: birth.queued,
        idempotency: birth.idempotency.clone(),
    }
}

/// Why a run failed, in short.
fn reason(outcome: &RunOutcome) -> Option<String> {
    let mut reason = match outcome {
        RunOutcome::Failed { node, error } => format!("the node `{node}` failed: {error}"),
        RunOutcome::Broken { reason } => reason.to_string(),
        RunOutcome::Ok(_) | RunOutcome::Cancelled => return None,
    };
    reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    Some(reason)
}

/// What a run that goes on is told as in a list.
pub(crate) fn summary(birth: &Birth) -> RunSummary {
    RunSummary {
        run: birth.id,
        flow: birth.flow.clone(),
        version: birth.version,
        revision: birth.revision,
        state: RunState::Running,
        outcome: None,
        trigger: birth.trigger.clone(),
        key: birth.key,
        session: birth.session.clone(),
        parent: birth.parent,
        batch: birth.batch.map(|place| place.batch),
        line: birth.batch.map(|place| place.index),
        labels: None,
        created_at: Moment(birth.created_at),
        started_at: None,
        finished_at: None,
        duration_us: None,
        lost_attempts: birth.lost_attempts,
        cut: false,
        masked: false,
        error: None,
        trace_id: Some(birth.trace.id()),
    }
}

/// The answer for whoever waits for a run that just ended, from memory: output and error are as they are, whatever is kept.
fn view(birth: &Birth, seen: Seen, row: &FinishedRun, receipts: Receipts) -> RunView {
    let (receipts, receipts_left_out) = receipts.finish();
    let (output, error) = match seen.outcome {
        Some(RunOutcome::Ok(output)) => (Some(Doc::Tree(output)), None),
        Some(RunOutcome::Failed { node, error }) => {
            let detail = error.failure().and_then(|failure| failure.detail.as_ref());
            let error = RunErrorView {
                node: Some(node.to_string()),
                kind: Some(error.kind().to_owned()),
                message: error.message(),
                detail: detail.and_then(Doc::of),
            };
            (None, Some(error))
        }
        Some(RunOutcome::Broken { reason }) => {
            let error = RunErrorView {
                node: None,
                kind: None,
                message: reason.to_string(),
                detail: None,
            };
            (None, Some(error))
        }
        Some(RunOutcome::Cancelled) | None => (None, None),
    };
    RunView {
        summary: RunSummary {
            state: RunState::Finished,
            outcome: Some(row.outcome.into()),
            labels: row.labels.as_deref().and_then(Doc::parse),
            started_at: row.started_at.map(Moment),
            finished_at: Some(Moment(row.finished_at)),
            duration_us: Some(row.duration_us),
            cut: row.cut,
            masked: row.masked,
            error: row.error.clone(),
            ..summary(birth)
        },
        output,
        error,
        receipts,
        receipts_left_out,
        ahead: None,
    }
}
