use std::time::Duration;

use super::*;
use crate::Tokens;
use crate::alerts::moment::Moment;
use crate::alerts::tests::rule;

const SECOND: u64 = TICKS_PER_SECOND;

/// What was counted in a minute: how many ended how, and after how many seconds.
fn counts(ends: &[(Outcome, u64)]) -> NodeCounts {
    let mut counts = NodeCounts::default();
    for (outcome, seconds) in ends {
        let mut sketch = Sketch::new();
        sketch.record(seconds * SECOND);
        counts.durations.add_to(*outcome, &sketch);
    }
    counts
}

/// What a condition comes to after minutes; None is a minute in which nobody counted.
fn after(when: &str, minutes: &[Option<NodeCounts>]) -> Reading {
    after_with(&rule("r", when), minutes)
}

fn after_with(rule: &Rule, minutes: &[Option<NodeCounts>]) -> Reading {
    let mut memory = Memory::of(rule);
    let mut last = Reading::Unknown;
    for (number, counts) in (1_000..).zip(minutes) {
        let gauges = counts.as_ref().map(|_| Gauges::default());
        last = memory.minute(rule, Minute(number), 0, gauges.as_ref(), counts.as_ref());
    }
    last
}

fn known(value: f64, holds: bool) -> Reading {
    Reading::Known { value, holds }
}

fn run(outcome: Outcome, seconds: u64) -> RunEnded {
    RunEnded {
        run: uuid::Uuid::nil(),
        project: "default".into(),
        flow: "poem".into(),
        version: 1,
        outcome,
        took: Duration::from_secs(seconds),
        at: Moment::default(),
        failed_node: None,
    }
}

#[test]
fn a_rate_is_of_the_whole_window_and_without_those_that_were_cancelled() {
    use Outcome::{Cancelled, Denied, Failed, Ok as Fine, Rejected, Trapped};
    let when = "error rate of poem over 50 % for 2 min";
    let good = counts(&[(Fine, 1), (Fine, 1), (Cancelled, 1)]);
    let bad = counts(&[(Failed, 1), (Rejected, 1), (Trapped, 1), (Denied, 1)]);
    let found = after(when, &[Some(good.clone()), Some(bad.clone())]);
    assert_eq!(found, known(4.0 / 6.0, true));
    // The first minute is out of the window.
    let found = after(when, &[Some(bad.clone()), Some(good.clone()), Some(good)]);
    assert_eq!(found, known(0.0, false));
    let found = after("trap rate of poem over 25 % for 2 min", &[Some(bad)]);
    assert_eq!(found, known(0.25, false));
}

#[test]
fn a_rate_of_nothing_or_of_too_few_is_not_known() {
    let when = "error rate of poem over 50 % for 2 min";
    let nothing = NodeCounts::default();
    assert_eq!(
        after(when, &[Some(nothing.clone()), Some(nothing)]),
        Reading::Unknown
    );
    assert_eq!(after(when, &[None]), Reading::Unknown);
    let one = counts(&[(Outcome::Failed, 1)]);
    let of_two = Rule {
        at_least: 2,
        ..rule("r", when)
    };
    assert_eq!(after_with(&of_two, &[Some(one.clone())]), Reading::Unknown);
    let found = after_with(&of_two, &[Some(one.clone()), Some(one)]);
    assert_eq!(found, known(1.0, true));
}

#[test]
fn retries_are_for_each_call() {
    let mut minute = counts(&[(Outcome::Ok, 1), (Outcome::Ok, 1)]);
    minute.retries = 3;
    let found = after(
        "retry rate of node poem/a over 100 % for 5 min",
        &[Some(minute.clone())],
    );
    assert_eq!(found, known(1.5, true));
    let found = after("retries of flow poem over 3 for 5 min", &[Some(minute)]);
    assert_eq!(found, known(3.0, false));
}

#[test]
fn statistics_are_of_all_values_of_the_window() {
    let slow: Vec<_> = (0..10).map(|_| (Outcome::Ok, 9)).collect();
    let quick: Vec<_> = (0..990).map(|_| (Outcome::Ok, 1)).collect();
    let minutes = [Some(counts(&slow)), Some(counts(&quick))];
    let value = |when: &str| match after(when, &minutes) {
        Reading::Known { value, holds } => (value, holds),
        Reading::Unknown => (f64::NAN, false),
    };
    let (p99, holds) = value("P99 of node poem/a over 2 s for 5 min");
    assert!((p99 - 1.0).abs() < 0.05 && !holds, "{p99}");
    let (p999, holds) = value("P99.9 of node poem/a over 2 s for 5 min");
    assert!((p999 - 9.0).abs() < 0.45 && holds, "{p999}");
    let (maximum, _) = value("maximum of poem over 2 s for 5 min");
    assert_eq!(maximum, 9.0);
    let (average, _) = value("average of poem over 2 s for 5 min");
    assert!((average - 1.08).abs() < 1e-9, "{average}");
}

#[test]
fn fuel_of_calls_and_of_all() {
    let mut minute = NodeCounts::default();
    for fuel in [10, 1_000, 20] {
        minute.fuel.record(fuel);
    }
    let minutes = [Some(minute)];
    let found = after("maximum fuel of node poem/a over 999 for 1 min", &minutes);
    assert_eq!(found, known(1_000.0, true));
    let found = after("fuel of flow poem over 1030 for 1 min", &minutes);
    assert_eq!(found, known(1_030.0, false));
}

#[test]
fn too_few_is_known_only_where_somebody_counted_all_the_time() {
    let when = "runs of poem below 1 for 3 min";
    let nothing = || Some(NodeCounts::default());
    assert_eq!(after(when, &[nothing(), nothing()]), Reading::Unknown);
    let found = after(when, &[nothing(), nothing(), nothing()]);
    assert_eq!(found, known(0.0, true));
    assert_eq!(after(when, &[nothing(), None, nothing()]), Reading::Unknown);
    let found = after(
        when,
        &[Some(counts(&[(Outcome::Ok, 1)])), nothing(), nothing()],
    );
    assert_eq!(found, known(1.0, false));
    // Too many is too many, whatever was missed.
    let many = Some(counts(&[(Outcome::Ok, 1), (Outcome::Failed, 1)]));
    let found = after("runs of poem over 1 for 3 min", &[None, many]);
    assert_eq!(found, known(2.0, true));
}

#[test]
fn a_queue_is_long_if_it_was_at_the_end_of_each_minute() {
    let rule = rule("r", "queue depth over 10 for 3 min");
    let mut memory = Memory::of(&rule);
    let mut read = |depth: Option<u64>| {
        let gauges = depth.map(|queue_depth| Gauges {
            queue_depth,
            ..Gauges::default()
        });
        memory.minute(&rule, Minute(1), 0, gauges.as_ref(), None)
    };
    assert_eq!(read(Some(11)), known(11.0, false));
    assert_eq!(read(Some(12)), known(12.0, false));
    assert_eq!(read(Some(13)), known(13.0, true));
    assert_eq!(read(None), Reading::Unknown);
    assert_eq!(read(Some(14)), known(14.0, false));
    let aged = self::rule("r", "queue age over 90 s for 1 min");
    let gauges = Gauges {
        queue_age_s: 91.5,
        ..Gauges::default()
    };
    let mut memory = Memory::of(&aged);
    let found = memory.minute(&aged, Minute(1), 0, Some(&gauges), None);
    assert_eq!(found, known(91.5, true));
}

fn rule_of_day(when: &str, budget: u64) -> Rule {
    Rule {
        budget: Some(budget),
        ..rule("r", when)
    }
}

#[test]
fn a_days_tokens_begin_anew_at_midnight_where_people_are() {
    let rule = rule_of_day("tokens of the day over 80 % of the budget", 1_000);
    assert_eq!(rule.bound(), 800.0);
    let tokens = NodeCounts {
        tokens: Tokens {
            input: 300,
            output: 101,
        },
        ..NodeCounts::default()
    };
    let mut memory = Memory::of(&rule);
    let mut at = |hour: u64, counts: Option<&NodeCounts>| {
        memory.minute(&rule, Minute(24 * 60 + hour * 60), 8 * 60, None, counts)
    };
    assert_eq!(at(10, Some(&tokens)), known(401.0, false));
    assert_eq!(at(11, None), known(401.0, false));
    assert_eq!(at(12, Some(&tokens)), known(802.0, true));
    // Midnight in UTC+8.
    assert_eq!(at(16, Some(&tokens)), known(401.0, false));
}

#[test]
fn runs_in_a_row_are_those_that_ended_by_themselves() {
    let rule = rule("r", "3 runs in a row of flow poem over 5 s");
    let mut memory = Memory::of(&rule);
    let mut ended = |outcome, seconds| memory.run(&rule, &run(outcome, seconds));
    assert_eq!(ended(Outcome::Ok, 6), Some(known(6.0, false)));
    assert_eq!(ended(Outcome::Failed, 7), Some(known(7.0, false)));
    assert_eq!(ended(Outcome::Cancelled, 1), None);
    assert_eq!(ended(Outcome::Ok, 8), Some(known(8.0, true)));
    assert_eq!(ended(Outcome::Ok, 9), Some(known(9.0, true)));
    assert_eq!(ended(Outcome::Ok, 5), Some(known(5.0, false)));
    assert_eq!(ended(Outcome::Ok, 6), Some(known(6.0, false)));
}

#[test]
fn runs_in_a_row_by_how_they_ended() {
    for (when, outcomes, holds) in [
        (
            "2 runs in a row of poem not ok",
            [Outcome::Failed, Outcome::Trapped],
            true,
        ),
        (
            "2 runs in a row of poem not ok",
            [Outcome::Failed, Outcome::Ok],
            false,
        ),
        (
            "2 runs in a row of poem denied",
            [Outcome::Denied, Outcome::Denied],
            true,
        ),
        (
            "2 runs in a row of poem denied",
            [Outcome::Denied, Outcome::Failed],
            false,
        ),
    ] {
        let rule = rule("r", when);
        let mut memory = Memory::of(&rule);
        let last = outcomes.map(|outcome| memory.run(&rule, &run(outcome, 1)))[1];
        let found = matches!(last, Some(Reading::Known { holds: true, .. }));
        assert_eq!(found, holds, "{when} {outcomes:?}");
    }
}
