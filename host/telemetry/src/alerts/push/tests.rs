use std::time::Duration;

use super::*;
use crate::alerts::tests::rule;

fn pushed(rules: &[Rule]) -> Pushed {
    pushed_in(false, rules)
}

fn pushed_in(is_raw: bool, rules: &[Rule]) -> Pushed {
    let metric = |instrument: &str| {
        let name = instrument.trim_start_matches("lockgate.");
        format!("custom_lockgate_{}", name.replace('.', "_"))
    };
    let names = CmsNames {
        metric: &metric,
        dimensions: BTreeMap::from([("instance".to_owned(), "i-1".to_owned())]),
        prefix: "lockgate".to_owned(),
        is_raw,
    };
    let config = CmsConfig {
        contact_groups: vec!["ops".to_owned()],
        webhook: None,
    };
    push(rules, &names, &config)
}

fn told(when: &str) -> Result<String, String> {
    let pushed = pushed(&[rule("slow", when)]);
    match (pushed.rules.as_slice(), pushed.left.as_slice()) {
        ([rule], []) => Ok(rule.to_string()),
        (_, left) => Err(left[0].1.clone()),
    }
}

#[test]
fn what_cms_can_say_is_said_there() {
    for (when, expected) in [
        (
            "P99 of node poem/write over 1500 ms for 5 min",
            "P99 of custom_lockgate_node_duration {flow=poem&instance=i-1&node=write&project=default} > 1.5, 1 times in 300 s",
        ),
        (
            "average of flow poem over 2 s for 1 min",
            "Average of custom_lockgate_flow_duration {flow=poem&instance=i-1&project=default} > 2, 1 times in 60 s",
        ),
        (
            "maximum of flow poem@3 over 2 s for 10 min",
            "Maximum of custom_lockgate_flow_duration {flow=poem&instance=i-1&project=default&version=3} > 2, 2 times in 300 s",
        ),
        (
            "runs of flow poem over 100 for 5 min",
            "SampleCount of custom_lockgate_flow_duration {flow=poem&instance=i-1&project=default} > 100, 1 times in 300 s",
        ),
        (
            "traps of node poem/write over 3 for 1 min",
            "Sum of custom_lockgate_node_trapped {flow=poem&instance=i-1&node=write&project=default} > 3, 1 times in 60 s",
        ),
        (
            "errors of poem over 5 for 5 min",
            "Sum of custom_lockgate_flow_errors {flow=poem&instance=i-1&project=default} > 5, 1 times in 300 s",
        ),
        (
            "queue age over 90 s for 3 min",
            "Average of custom_lockgate_queue_age {instance=i-1} > 90, 3 times in 60 s",
        ),
        (
            "queue depth over 90 for 5 min",
            "Average of custom_lockgate_queue_depth {instance=i-1} > 90, 5 times in 60 s",
        ),
    ] {
        let found = told(when).expect(when);
        assert_eq!(
            found,
            format!("lockgate.default.slow: {expected}, warning, tells ops")
        );
    }
}

#[test]
fn what_it_cannot_say_stays_here_with_a_reason() {
    for (when, reason) in [
        ("3 runs in a row of poem not ok", "single runs"),
        ("tokens of the day over 100", "a day"),
        ("error rate of poem over 5 % for 5 min", "a rate"),
        (
            "P99 of node poem@3/write over 1 s for 5 min",
            "leave the version out",
        ),
        ("P99 of all flows over 5 s for 5 min", "one series"),
        ("P75 of poem over 5 s for 5 min", "P50, P90, P95 and P99"),
        ("runs of poem over 1 for 1 h", "adds up a minute or five"),
        ("runs of flow poem below 1 for 5 min", "that it stopped"),
        (
            "calls of node poem/write below 1 for 1 min",
            "that it stopped",
        ),
        ("tokens of poem over 5 for 5 min", "by model"),
        (
            "retries of poem over 5 for 5 min",
            "write a rule for the node",
        ),
    ] {
        let why = told(when).expect_err(when);
        assert!(why.contains(reason), "{when}: {why}");
    }
    let names = CmsNames {
        metric: &str::to_owned,
        dimensions: BTreeMap::new(),
        prefix: "lockgate".to_owned(),
        is_raw: false,
    };
    let pushed = push(
        &[rule("r", "queue age over 1 s for 1 min")],
        &names,
        &CmsConfig::default(),
    );
    assert!(pushed.left[0].1.contains("contact_groups"));
}

#[test]
fn pushing_again_changes_and_what_differs_is_told() {
    let one = Rule {
        silence: Duration::from_secs(60),
        holds_for: Duration::from_secs(90),
        at_least: 20,
        ..rule("slow", "P99 of flow poem over 2 s for 1 min")
    };
    let other = Rule {
        when: "P99 of flow poem over 3 s for 1 min"
            .parse()
            .expect("a condition"),
        ..one.clone()
    };
    let (first, second) = (pushed(&[one]), pushed(&[other]));
    assert_eq!(first.rules[0].id, second.rules[0].id);
    assert_eq!(first.rules[0].silence_time, 300);
    assert_eq!(first.rules[0].evaluation_count, 3);
    let notes: Vec<_> = first.notes.iter().map(|(_, note)| note.as_str()).collect();
    assert_eq!(
        notes,
        [
            "CMS does not ask for at least 20 runs or calls",
            "CMS is silent for 300 s"
        ]
    );
}

#[test]
fn single_calls_are_no_series_that_a_rule_could_be_about() {
    for (when, is_left) in [
        ("P99 of node poem/write over 1 s for 5 min", true),
        ("P99 fuel of node poem/write over 1000 for 5 min", true),
        ("fuel of node poem/write over 1000 for 5 min", true),
        ("runs of poem over 5 for 5 min", true),
        ("errors of poem over 5 for 5 min", false),
        ("traps of node poem/write over 5 for 5 min", false),
        ("queue depth over 5 for 5 min", false),
    ] {
        let pushed = pushed_in(true, &[rule("slow", when)]);
        assert_eq!(pushed.rules.is_empty(), is_left, "{when}");
        let why = pushed.left.first().map_or("", |(_, why)| why);
        assert_eq!(why.contains("raw"), is_left, "{when}: {why}");
    }
}

#[test]
fn what_is_not_the_same_there_is_told() {
    for (when, expected) in [
        ("queue depth over 5 for 5 min", "the mean of each minute"),
        (
            "P99 of flow poem below 1 s for 5 min",
            "in which nothing ran",
        ),
        (
            "errors of flow poem below 1 for 1 min",
            "in which nothing ran",
        ),
    ] {
        let pushed = pushed(&[rule("slow", when)]);
        let notes: Vec<_> = pushed.notes.iter().map(|(_, note)| note.as_str()).collect();
        assert_eq!(notes.len(), 1, "{when}: {notes:?}");
        assert!(notes[0].contains(expected), "{when}: {notes:?}");
    }
    let of = |project: &str, name: &str| {
        let mut rule = rule(name, "errors of poem over 5 for 5 min");
        rule.project = project.parse().expect("a name");
        pushed(&[rule]).rules.remove(0).id
    };
    assert_ne!(of("a-b", "c"), of("a", "b-c"));
}
