use super::*;
use crate::live::script::Script;

fn row<'s>(script: &'s Script, name: &str) -> &'s Row {
    let rows = script.nodes.rows();
    let found = rows.into_iter().find(|(_, row)| row.name == name);
    found.expect("a row of that name").1
}

#[test]
fn a_node_goes_through_its_stages() {
    let mut script = Script::begin();
    script.start("a", 1);
    assert_eq!(row(&script, "a").stage(), Stage::Running);
    script.retry("a");
    assert_eq!(row(&script, "a").stage(), Stage::Retrying);
    script.start("a", 2);
    assert_eq!(row(&script, "a").stage(), Stage::Running);
    script.ok("a");
    let a = row(&script, "a");
    assert_eq!((a.stage(), a.retries, a.times()), (Stage::Ok, 1, None));
    assert_eq!(a.took(script.now()), Some(Duration::from_millis(3)));
}

#[test]
fn how_a_node_ended_is_told_apart() {
    let mut script = Script::begin();
    let cached = NodeReceipt {
        cache_hits: 1,
        ..NodeReceipt::default()
    };
    let nothing = NodeReceipt::default;
    for (name, outcome, receipt) in [
        ("cached", NodeOutcome::Ok(Vec::new()), cached),
        ("pinned", NodeOutcome::Pinned(Vec::new()), nothing()),
        ("cut", NodeOutcome::Cancelled, nothing()),
    ] {
        script.start(name, 0);
        script.finish(name, outcome, receipt);
    }
    script.start("failed", 1);
    script.fail("failed");
    script.skip("left", SkipReason::Needs("failed".parse().expect("a name")));
    for (name, stage) in [
        ("cached", Stage::Cached),
        ("pinned", Stage::Pinned),
        ("cut", Stage::Cancelled),
        ("failed", Stage::Failed),
        ("left", Stage::Skipped),
    ] {
        assert_eq!(row(&script, name).stage(), stage, "{name}");
    }
    assert_eq!(row(&script, "failed").failure, Some("upstream"));
    assert_eq!(row(&script, "left").took(script.now()), None);
}

#[test]
fn elements_are_one_row() {
    let mut script = Script::begin();
    script.start_each("a", 0, Some(3));
    for element in ["a[0]", "a[1]", "a[2]"] {
        script.start(element, 1);
    }
    script.ok("a[1]");
    script.retry("a[2]");
    script.fail("a[2]");
    assert_eq!(script.nodes.rows().len(), 1);
    let a = row(&script, "a");
    let expected = Elements {
        total: 3,
        done: 2,
        failed: 1,
    };
    assert_eq!((a.elements, a.times()), (Some(expected), Some(3)));
    assert_eq!(a.stage(), Stage::Retrying, "until the whole ends");
    script.ok("a[0]");
    script.ok("a");
    assert_eq!(row(&script, "a").stage(), Stage::Ok);
}

#[test]
fn nodes_of_other_flows_are_below_the_node_that_runs_them() {
    let mut script = Script::begin();
    script.start_each("outer", 0, Some(2));
    for element in ["outer[0]", "outer[1]"] {
        script.start(element, 1);
        script.start(&format!("{element}/inner"), 1);
    }
    script.ok("outer[1]/inner");
    script.start("after", 1);
    let rows = script.nodes.rows();
    let names: Vec<_> = rows
        .iter()
        .map(|(depth, row)| (*depth, &*row.name))
        .collect();
    assert_eq!(names, [(0, "outer"), (1, "inner"), (0, "after")]);
    assert_eq!(row(&script, "inner").stage(), Stage::Running);
    script.fail("outer[0]/inner");
    let inner = row(&script, "inner");
    assert_eq!((inner.stage(), inner.times()), (Stage::Failed, Some(2)));
    assert_eq!(
        script.nodes.total().attempts,
        0,
        "it is in the outer node's receipt"
    );
}

#[test]
fn what_a_node_streams_is_one_escaped_line_of_bounded_length() {
    let mut script = Script::begin();
    script.start("a", 1);
    script.part("a", "one\ntwo\t");
    script.part("a", "\u{1b}[31m\u{202e}three");
    assert_eq!(
        row(&script, "a").tail(),
        "one two \\u{1b}[31m\\u{202e}three"
    );
    script.part("a[1]", "another's");
    assert_eq!(row(&script, "a").tail(), "another's");
    for _ in 0..1000 {
        script.part("a[1]", &"春".repeat(1000));
    }
    let tail = row(&script, "a").tail();
    assert!(
        tail.len() <= TAIL_BYTES && tail.ends_with('春'),
        "{}",
        tail.len()
    );
}
