use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Condition, String> {
    text.parse().map_err(|error: NoCondition| error.to_string())
}

#[test]
fn sentences_are_read_as_people_write_them() {
    for (written, told) in [
        ("3 runs in a row of flow poem over 5 s", ""),
        (
            "3 runs in a row of poem over 5s",
            "3 runs in a row of flow poem over 5 s",
        ),
        ("2 runs in a row of all flows not ok", ""),
        ("10 runs in a row of flow poem@3 trapped", ""),
        (
            "error rate of summarize over 5 % for 5 min",
            "error rate of flow summarize over 5 % for 5 min",
        ),
        ("P99 of node summarize/summary over 2 s for 5 min", ""),
        (
            " p99.9 time of  node summarize@2/summary over 0.0015 h for 1h",
            "P99.9 of node summarize@2/summary over 5400 ms for 1 h",
        ),
        ("average of flow poem over 1 min for 2 min", ""),
        (
            "maximum fuel of node poem/write over 50_000_000 for 1 min",
            "maximum fuel of node poem/write over 50000000 for 1 min",
        ),
        ("tokens of the day over 80 % of the budget", ""),
        ("tokens of the day of flow poem over 200000", ""),
        ("tokens of flow the over 1 for 1 h", ""),
        (
            "runs of flow poem below 1 for 1d",
            "runs of flow poem below 1 for 24 h",
        ),
        ("calls of node poem/write below 10 for 30 min", ""),
        ("trap rate of all flows over 0.5 % for 10 min", ""),
        ("retry rate of node poem/write over 150 % for 10 min", ""),
        ("retries of flow poem over 10 for 10 min", ""),
        ("queue depth over 1000 for 5 min", ""),
        (
            "queue age over 90 s for 1 min",
            "queue age over 90 s for 1 min",
        ),
        ("fuel of all flows over 9000000000 for 24 h", ""),
    ] {
        let told = if told.is_empty() { written } else { told };
        let condition = read(written).unwrap_or_else(|error| panicked(written, &error));
        assert_eq!(condition.to_string(), told);
        assert_eq!(read(told).as_ref(), Ok(&condition));
    }
}

fn panicked(written: &str, error: &str) -> Condition {
    unreachable!("{written}: {error}")
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (written, column, part) in [
        ("", 1, "found the end"),
        ("often", 1, "`error rate`"),
        ("3 runs in row of poem", 11, "expected `a`, found `row`"),
        ("0 runs in a row of poem not ok", 1, "from 1 to 1000"),
        ("3 runs in a row of Poem over 5 s", 20, "kebab-case"),
        ("3 runs in a row of poem slow", 25, "`over` or `below`"),
        (
            "3 runs in a row of poem over 5",
            31,
            "`ms`, `s`, `min` or `h`",
        ),
        (
            "3 runs in a row of poem over 5 s always",
            34,
            "the end of the condition",
        ),
        ("error rate of poem over 5 for 5 min", 27, "expected `%`"),
        ("error rate of poem over 5 % for 5", 34, "`min`, `h` or `d`"),
        (
            "error rate of poem over 5 % for 2 d",
            33,
            "from 1 min to 1440 min",
        ),
        ("P99 of poem over 1 s for 2 h", 26, "from 1 min to 60 min"),
        ("P100 of poem over 1 s for 2 min", 1, "P0.1 to P99.9"),
        ("P99 fuel of poem over 1 for 2 min", 1, "of nodes"),
        ("retry rate of poem over 1 % for 2 min", 1, "of a node"),
        ("calls of poem over 1 for 2 min", 1, "flows have `runs`"),
        (
            "runs of node poem/a over 1 for 2 min",
            1,
            "flows have `runs`",
        ),
        ("errors of node poem over 1 for 2 min", 16, "`FLOW/NODE`"),
        (
            "errors of node poem/B over 1 for 2 min",
            16,
            "a node's name",
        ),
        ("errors of poem@0 over 1 for 2 min", 11, "no version"),
        ("errors of poem over 1.5 for 2 min", 21, "whole number"),
        (
            "errors of poem over 99999999999999999999 for 2 min",
            21,
            "whole number",
        ),
        (
            "error rate of poem over 0.00001 % for 2 min",
            25,
            "four digits",
        ),
        ("queue length over 1 for 2 min", 7, "`depth` or `age`"),
        ("tokens of the day over 80 %", 28, "expected `of`"),
        ("tokens of the week over 80 %", 15, "expected `day`"),
        ("errors of poem\u{1b}[2J over 1 for 2 min", 11, "u{1b}"),
        ("错误 of poem", 1, "found `错误`"),
    ] {
        let error = written.parse::<Condition>().expect_err(written);
        assert!(error.message.contains(part), "{written}: {error}");
        assert_eq!(error.column, column, "{written}: {error}");
    }
    assert!("1".repeat(501).parse::<Condition>().is_err());
}

fn flow() -> impl Strategy<Value = Subject> {
    let name = "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4}){0,2}".prop_map(|name| name.parse::<Kebab>());
    let name = name.prop_filter_map("a name", Result::ok);
    prop_oneof![
        Just(Subject::All),
        (name, prop::option::of(1_u32..)).prop_map(|(name, version)| Subject::Flow(name, version)),
    ]
}

fn node() -> impl Strategy<Value = Subject> {
    let names = ("[a-z][a-z0-9]{0,5}", "[a-z][a-z0-9_]{0,8}");
    let names = (names, prop::option::of(1_u32..));
    names.prop_filter_map("names", |((flow, node), version)| {
        Some(Subject::Node(
            flow.parse().ok()?,
            version,
            node.parse().ok()?,
        ))
    })
}

fn side() -> impl Strategy<Value = Comparison> {
    prop::sample::select(SIDES.to_vec())
}

fn bound(unit: Unit) -> impl Strategy<Value = Quantity> {
    prop_oneof![
        any::<u64>(),
        0..10_000_u64,
        (0..1_000_u64).prop_map(|n| n * 1_000_000)
    ]
    .prop_map(move |amount| Quantity { unit, amount })
}

fn minutes(most: u64) -> impl Strategy<Value = Window> {
    (1..=most).prop_filter_map("a window", Window::new)
}

fn statistics() -> impl Strategy<Value = Statistic> {
    prop_oneof![
        (1_u16..1000).prop_map(Statistic::Percentile),
        Just(Statistic::Average),
        Just(Statistic::Maximum),
    ]
}

fn measured(
    measure: Measure,
    of: impl Strategy<Value = Subject>,
    most: u64,
) -> impl Strategy<Value = Condition> {
    let parts = (of, side(), bound(measure.unit()), minutes(most));
    parts.prop_map(move |(of, comparison, bound, window)| Condition::Measured {
        measure,
        of,
        comparison,
        bound,
        window,
    })
}

/// Every condition that there is.
pub(in crate::alerts) fn conditions() -> impl Strategy<Value = Condition> {
    let test = prop_oneof![
        Just(RunTest::NotOk),
        prop::sample::select(BAD.to_vec()).prop_map(RunTest::Ended),
        (side(), bound(Unit::Time)).prop_map(|(side, bound)| RunTest::Time(side, bound)),
    ];
    let in_a_row = (1_u32..=1000, flow(), test);
    let in_a_row = in_a_row.prop_map(|(count, of, test)| Condition::InARow { count, of, test });
    let times = statistics()
        .prop_flat_map(|one| measured(Measure::Time(one), prop_oneof![flow(), node()], 60));
    let fuel = statistics().prop_flat_map(|one| measured(Measure::Fuel(one), node(), 60));
    let summed = prop::sample::select(Summed::ALL.to_vec());
    let sums =
        summed.prop_flat_map(|one| measured(Measure::Sum(one), prop_oneof![flow(), node()], 1440));
    let depth = (side(), bound(Unit::Count), minutes(1440));
    let depth = depth.prop_map(|(comparison, bound, window)| Condition::Queue {
        measure: QueueMeasure::Depth,
        comparison,
        bound,
        window,
    });
    let age = (side(), bound(Unit::Time), minutes(1440));
    let age = age.prop_map(|(comparison, bound, window)| Condition::Queue {
        measure: QueueMeasure::Age,
        comparison,
        bound,
        window,
    });
    let day = (flow(), prop_oneof![bound(Unit::Share), bound(Unit::Count)]);
    let day = day.prop_map(|(of, bound)| Condition::TokensOfDay { of, bound });
    prop_oneof![
        in_a_row,
        times,
        fuel,
        sums,
        measured(Measure::ErrorRate, prop_oneof![flow(), node()], 1440),
        measured(Measure::TrapRate, prop_oneof![flow(), node()], 1440),
        measured(Measure::RetryRate, node(), 1440),
        depth,
        age,
        day
    ]
}

proptest! {
    #[test]
    fn what_is_written_out_reads_as_the_same(condition in conditions()) {
        let told = condition.to_string();
        prop_assert_eq!(read(&told), Ok(condition), "{}", told);
    }

    #[test]
    fn any_text_is_read_or_refused_in_place(text in "\\PC{0,80}") {
        if let Err(error) = text.parse::<Condition>() {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column));
        }
    }

    #[test]
    fn sentences_that_are_cut_or_mixed_do_no_harm(
        condition in conditions(), from in 0_usize..12, other in conditions(),
    ) {
        let other = other.to_string();
        let words = other.split(' ').skip(from);
        let mixed: Vec<_> = condition.to_string().split(' ').take(from).map(str::to_owned).chain(words.map(str::to_owned)).collect();
        let mixed = mixed.join(" ");
        if let Ok(read) = mixed.parse::<Condition>() {
            prop_assert_eq!(read.to_string().parse(), Ok(read));
        }
    }
}
