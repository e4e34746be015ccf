use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lockgate_model::{At, NodeOutcome, NodeReceipt, RunOutcome};
use serde_json::json;

use super::*;

struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

fn journal() -> Arc<RunJournal> {
    RunJournal::new("r", Arc::new(Still))
}

fn at(node: &str) -> At {
    At {
        within: "".into(),
        node: node.parse().expect("a name"),
        index: None,
    }
}

fn part(node: &str, part: impl Into<Value>) -> RunEvent {
    RunEvent::NodePart {
        at: at(node),
        attempt: 1,
        port: "text".parse().expect("a name"),
        part: part.into(),
    }
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn end() -> RunEvent {
    RunEvent::RunFinished {
        outcome: RunOutcome::Cancelled,
    }
}

/// The parts, as `node:text`.
fn parts(events: &[Recorded]) -> Vec<String> {
    let parts = events.iter().filter_map(|recorded| match &*recorded.event {
        RunEvent::NodePart { at, part, .. } => Some(format!(
            "{at}:{}",
            serde_json::to_value(part).expect("a value")
        )),
        _ => None,
    });
    parts.collect()
}

#[test]
fn parts_that_pile_up_are_joined_until_somebody_reads_them() {
    let journal = journal();
    for (node, word) in [("a", "one "), ("b", "x"), ("a", "two "), ("b", "y")] {
        journal.record(part(node, text(word)));
    }
    assert_eq!(parts(&journal.after(0)), [r#"a:"one two ""#, r#"b:"xy""#]);
    journal.record(part("a", text("three")));
    assert_eq!(parts(&journal.after(2)), [r#"a:"three""#]);
    assert_eq!(journal.after(0).len(), 3, "what was read stays as it was");
}

#[test]
fn documents_and_what_other_events_separate_are_not_joined() {
    let journal = journal();
    let one = || Value::Json(lockgate_model::Json::parse("1").expect("json"));
    journal.record(part("a", one()));
    journal.record(part("a", one()));
    journal.record(part("b", text("x")));
    journal.record(RunEvent::NodeFinished {
        at: at("a"),
        outcome: NodeOutcome::Cancelled,
        receipt: NodeReceipt::default(),
    });
    journal.record(part("b", text("y")));
    assert_eq!(
        parts(&journal.after(0)),
        ["a:1", "a:1", r#"b:"x""#, r#"b:"y""#]
    );
    let large = "x".repeat(MAX_JOINED_BYTES);
    journal.record(part("b", text(&large)));
    assert_eq!(journal.after(5).len(), 1, "no part grows without end");
}

#[test]
fn values_are_cut_with_a_mark_and_events_are_not_left_out() {
    let journal = journal();
    journal.record(part("a", text(&"x".repeat(MAX_VALUE_BYTES + 1))));
    let cut = format!(r#"a:{{"$cut":{{"bytes":{}}}}}"#, MAX_VALUE_BYTES + 1);
    assert_eq!(parts(&journal.after(0)), [cut]);
    let whole = || text(&"x".repeat(MAX_VALUE_BYTES));
    for _ in 0..MAX_JOURNAL_BYTES / MAX_VALUE_BYTES + 5 {
        journal.record(part("a", whole()));
    }
    journal.record(part("b", text("small")));
    let events = journal.after(1);
    assert_eq!(events.len(), MAX_JOURNAL_BYTES / MAX_VALUE_BYTES + 6);
    let held = parts(&events).iter().map(String::len).sum::<usize>();
    assert!(held < MAX_JOURNAL_BYTES + (1 << 20), "{held}");
    assert_eq!(
        parts(&events).last().map(String::as_str),
        Some(r#"b:"small""#)
    );
}

#[tokio::test]
async fn followers_hear_of_everything_once_and_of_the_end() {
    let journal = journal();
    let mut follower = journal.follow(0);
    assert!(follower.next().now_or_never().is_none());
    for _ in 0..3 {
        journal.record(part("a", text("x")));
        journal.record(end());
    }
    let events = follower.next().await.expect("events");
    let numbers: Vec<_> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert!(follower.next().await.is_none());
    let mut late = journal.follow(4);
    assert_eq!(late.next().await.map(|events| events.len()), Some(2));
    let mut beyond = journal.follow(100);
    assert!(beyond.next().now_or_never().is_none());
}

#[test]
fn an_event_is_one_flat_object() {
    let journal = journal();
    journal.record(part("a", text("x")));
    journal.record(RunEvent::NodeFinished {
        at: At {
            within: "outer[3]".into(),
            index: Some(1),
            ..at("b")
        },
        outcome: NodeOutcome::Ok(vec![("text".parse().expect("a name"), text("y"))]),
        receipt: NodeReceipt::default(),
    });
    journal.record(end());
    let events = serde_json::to_value(journal.after(0)).expect("events");
    assert_eq!(
        events[0],
        json!({
            "v": 1, "run": "r", "seq": 1, "at": "1970-01-01T00:00:00.000000Z",
            "type": "node.part", "node": "a", "attempt": 1, "port": "text", "part": "x",
        })
    );
    assert_eq!(events[1]["within"], "outer[3]");
    assert_eq!(events[1]["index"], 1);
    assert_eq!(events[1]["outcome"], "ok");
    assert_eq!(events[1]["outputs"], json!({"text": "y"}));
    assert_eq!(events[1]["receipt"]["attempts"], 0);
    assert_eq!(events[2]["type"], "run.finished");
    assert_eq!(events[2]["outcome"], "cancelled");
}

#[test]
fn a_journal_is_written_as_lines_and_says_if_it_is_cut() {
    let journal = journal();
    for index in 0..1_000 {
        journal.record(part("a", Value::Json((&json!(index)).into())));
    }
    assert!(!journal.is_cut());
    let mut lines = b"before\n".to_vec();
    journal.write_lines(&mut lines).expect("lines");
    let written = String::from_utf8(lines).expect("text");
    let lines: Vec<_> = written.lines().collect();
    assert_eq!((lines.len(), lines[0]), (1_001, "before"));
    let last: serde_json::Value = serde_json::from_str(lines[1_000]).expect("an event");
    assert_eq!((&last["seq"], &last["part"]), (&json!(1_000), &json!(999)));
    assert_eq!(journal.all().len(), 1_000);

    journal.record(part("b", text(&"x".repeat(MAX_VALUE_BYTES + 1))));
    assert!(journal.is_cut());
}

#[test]
fn what_was_written_as_lines_does_not_change() {
    let journal = journal();
    journal.record(part("a", text("one")));
    let all = journal.all();
    journal.record(part("a", text("two")));
    assert_eq!((all.len(), journal.all().len()), (1, 2));
}
