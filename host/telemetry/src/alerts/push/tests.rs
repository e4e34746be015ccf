use std::time::Duration;

use super::*;
use crate::alerts::tests::rule;

fn pushed(rules: &[Rule]) -> Pushed {
    let metric = |instrument: &str| {
        let name = instrument.trim_start_matches("lockgate.");
        format!("custom_lockgate_{}", name.replace('.', "_"))
    };
    let names = CmsNames {
        metric: &metric,
        dimensions: BTreeMap::from([("instance".to_owned(), "i-1".to_owned())]),
        prefix: "lockgate".to_owned(),
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
            "runs of flow poem below 1 for 5 min",
            "SampleCount of custom_lockgate_flow_duration {flow=poem&instance=i-1&project=default} < 1, 1 times in 300 s",
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
    ] {
        let found = told(when).expect(when);
        assert_eq!(
            found,
            format!("lockgate-default-slow: {expected}, warning, tells ops")
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
        ("runs of poem below 1 for 1 h", "adds up a minute or five"),
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
