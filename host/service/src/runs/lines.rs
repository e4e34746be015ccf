//! A journal as lines of JSON: written once, when the run ends, and read from then on.

use std::borrow::Cow;
use std::sync::Arc;

use lockgate_flow::{CUT_MARK, RunJournal};
use lockgate_model::{Recorded, RunEvent};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Tree, json};

use super::receipts::Receipts;

/// How many bytes are written before others have a turn.
const TURN_BYTES: usize = 256 << 10;

/// From here on, values of events are cut: what is JSON may be six times as long as what a journal holds of it.
const CUT_FROM: usize = (lockgate_store::MAX_JOURNAL_BYTES - (16 << 20)) as usize;

/// From here on, events are left out, but for the last one.
const LEAVE_OUT_FROM: usize = (lockgate_store::MAX_JOURNAL_BYTES - (4 << 20)) as usize;

/// The longest line that is never cut.
const SMALL_LINE: usize = 4 << 10;

/// A journal as it is stored.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The events, each as a line of JSON.
    pub(crate) bytes: Vec<u8>,
    /// Whether a value was cut, or an event left out.
    pub(crate) cut: bool,
}

/// Writes a journal that is complete, and hands each of its events to `receipts`. Long ones are written in turns, because a
/// thread that serves others writes them.
pub(crate) async fn write(journal: &RunJournal, receipts: &mut Receipts) -> Lines {
    let mut lines = Lines {
        bytes: Vec::with_capacity(4 << 10),
        cut: journal.is_cut(),
    };
    let mut seq = 0;
    let mut turn = 0;
    loop {
        let events = journal.after(seq);
        let Some(last) = events.last() else {
            return lines;
        };
        seq = last.seq;
        for event in &events {
            receipts.hear(&event.event);
            lines.push(event, CUT_FROM, LEAVE_OUT_FROM);
            if lines.bytes.len() - turn > TURN_BYTES {
                turn = lines.bytes.len();
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Lines {
    fn push(&mut self, event: &Recorded, cut_from: usize, leave_out_from: usize) {
        let start = self.bytes.len();
        let is_last = matches!(*event.event, RunEvent::RunFinished { .. });
        if start > leave_out_from && !is_last {
            self.cut = true;
            return;
        }
        if serde_json::to_writer(&mut self.bytes, event).is_err() {
            // Values of a run are JSON, each known to be written. What is half written is taken back.
            self.bytes.truncate(start);
            self.cut = true;
            return;
        }
        let written = self.bytes.len() - start;
        if self.bytes.len() > cut_from && written > SMALL_LINE {
            let short = cut(&self.bytes[start..]);
            self.bytes.truncate(start);
            self.bytes.extend_from_slice(short.as_bytes());
            self.cut = true;
        }
        self.bytes.push(b'\n');
    }
}

/// An event whose values are marks of what they were.
fn cut(line: &[u8]) -> String {
    let mut event: Tree = serde_json::from_slice(line).unwrap_or_default();
    if let Some(fields) = event.as_object_mut() {
        for key in [
            "input", "vars", "inputs", "outputs", "part", "output", "error", "reason", "line",
        ] {
            if let Some(value) = fields.get_mut(key) {
                *value = json!({ CUT_MARK: { "bytes": value.to_string().len() } });
            }
        }
    }
    event.to_string()
}

/// The word for an event's sort.
pub(crate) fn kind(event: &RunEvent) -> &'static str {
    match event {
        RunEvent::RunStarted { .. } => "run.started",
        RunEvent::NodeStarted { .. } => "node.started",
        RunEvent::NodePart { .. } => "node.part",
        RunEvent::NodeLog { .. } => "node.log",
        RunEvent::NodeRetrying { .. } => "node.retrying",
        RunEvent::NodeSkipped { .. } => "node.skipped",
        RunEvent::NodeFinished { .. } => "node.finished",
        RunEvent::RunFinished { .. } => "run.finished",
    }
}

/// One line as it is read: what of it somebody asks for, the values as text.
#[derive(Debug, Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(default)]
    pub(crate) seq: u64,
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) at: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) within: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) node: Cow<'a, str>,
    #[serde(default)]
    pub(crate) index: Option<u32>,
    #[serde(default)]
    pub(crate) attempt: u32,
    #[serde(default)]
    pub(crate) elements: Option<u32>,
    #[serde(borrow, default)]
    pub(crate) outcome: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) vars: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) inputs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) outputs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) output: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) receipt: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) port: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) part: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) level: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) line: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) delay_us: Option<u64>,
}

/// The lines of what is stored. One that does not parse is left out: it was not written by this host.
pub(crate) fn read(bytes: &[u8]) -> impl DoubleEndedIterator<Item = Line<'_>> {
    let lines = bytes.split(|&byte| byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok())
}

/// What goes on of a journal, as lines, but only the events that fit.
pub(crate) fn so_far(journal: &Arc<RunJournal>, fits: impl Fn(&RunEvent) -> bool) -> Vec<u8> {
    let mut lines = Lines::default();
    let mut seq = 0;
    loop {
        let events = journal.after(seq);
        let Some(last) = events.last() else {
            return lines.bytes;
        };
        seq = last.seq;
        for event in events.iter().filter(|event| fits(&event.event)) {
            lines.push(event, CUT_FROM, LEAVE_OUT_FROM);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use lockgate_model::{LogLevel, RunOutcome};

    use super::*;

    fn recorded(event: RunEvent) -> Recorded {
        Recorded {
            v: 1,
            run: "r".into(),
            seq: 1,
            time: SystemTime::UNIX_EPOCH,
            event: Arc::new(event),
        }
    }

    fn log(bytes: usize) -> Recorded {
        recorded(RunEvent::NodeLog {
            at: lockgate_model::At {
                within: "".into(),
                node: "a".parse().expect("a name"),
                index: None,
            },
            attempt: 1,
            level: LogLevel::Info,
            line: "x".repeat(bytes),
        })
    }

    #[test]
    fn what_is_too_long_to_be_stored_is_cut_and_then_left_out_but_for_the_end() {
        let mut lines = Lines::default();
        lines.push(&log(10_000), 20_000, 22_000);
        assert!(!lines.cut);
        lines.push(&log(15_000), 20_000, 22_000);
        assert!(lines.cut, "it is beyond where values are cut");
        let after = lines.bytes.len();
        assert!(after < 11_000, "{after}");
        lines.push(&log(100), 0, 100);
        assert_eq!(lines.bytes.len(), after, "it is left out");
        lines.push(
            &recorded(RunEvent::RunFinished {
                outcome: RunOutcome::Cancelled,
            }),
            0,
            100,
        );
        let read: Vec<_> = read(&lines.bytes)
            .map(|line| line.kind.into_owned())
            .collect();
        assert_eq!(read, ["node.log", "node.log", "run.finished"]);
    }
}
