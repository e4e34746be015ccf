//! Runs as the store has them, as they are told.

use lockgate_store::{RunRow, RunState as Stored, RunSummary as StoredSummary};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::lines::{self, Line};
use super::receipts::Receipts;
use super::{RunErrorView, RunState, RunSummary, RunView};
use crate::{Doc, Moment};

impl From<Stored> for RunState {
    fn from(state: Stored) -> Self {
        match state {
            Stored::Queued => Self::Queued,
            Stored::Running => Self::Running,
            Stored::Finished => Self::Finished,
        }
    }
}

impl From<StoredSummary> for RunSummary {
    fn from(row: StoredSummary) -> Self {
        Self {
            run: row.id,
            flow: row.flow,
            version: row.version,
            revision: row.revision,
            state: row.state.into(),
            outcome: row.outcome.map(Into::into),
            trigger: row.trigger.into(),
            key: row.key,
            session: row.session,
            parent: row.parent,
            batch: row.batch.map(|place| place.batch),
            line: row.batch.map(|place| place.index),
            labels: row.labels.as_deref().and_then(Doc::parse),
            created_at: Moment(row.created_at),
            started_at: row.started_at.map(Moment),
            finished_at: row.finished_at.map(Moment),
            duration_us: row.duration_us,
            lost_attempts: row.attempts,
            cut: row.cut,
            masked: row.masked,
            error: row.error,
            trace_id: row.trace_id,
        }
    }
}

/// A run as the store has it. Output, error and receipts are read from its journal.
pub(crate) fn view(row: RunRow) -> RunView {
    let mut receipts = Receipts::default();
    let mut output = None;
    let mut error = None;
    for line in lines::read(&row.events) {
        match &*line.kind {
            "node.finished" => receipts.read(&line),
            "run.finished" => {
                output = line.output.map(|text| Doc::from(text.to_owned()));
                error = run_error(&line);
            }
            _ => {}
        }
    }
    let summary = RunSummary::from(row.summary);
    // A run that was given up has no journal, but a reason.
    let given_up = || {
        let message = summary.error.clone()?;
        Some(RunErrorView {
            node: None,
            kind: None,
            message,
            detail: None,
        })
    };
    let error = error.or_else(given_up);
    let (receipts, receipts_left_out) = receipts.finish();
    RunView {
        summary,
        output,
        error,
        receipts,
        receipts_left_out,
        ahead: None,
    }
}

/// Why a run gave nothing, from its last line.
fn run_error(line: &Line<'_>) -> Option<RunErrorView> {
    #[derive(Deserialize)]
    struct Error {
        kind: String,
        message: String,
        detail: Option<Box<RawValue>>,
    }
    if let Some(reason) = line.reason {
        return Some(RunErrorView {
            node: None,
            kind: None,
            message: text(reason),
            detail: None,
        });
    }
    let raw = line.error?;
    let said: Option<Error> = serde_json::from_str(raw.get()).ok();
    Some(match said {
        Some(said) => RunErrorView {
            node: Some(line.node.to_string()),
            kind: Some(said.kind),
            message: said.message,
            detail: said.detail.map(Doc::from),
        },
        None => RunErrorView {
            node: Some(line.node.to_string()),
            kind: None,
            message: raw.get().to_owned(), // it was cut
            detail: None,
        },
    })
}

/// A JSON string's text; what is none as it is written.
pub(crate) fn text(raw: &RawValue) -> String {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}
