//! What a run does, in which order, and what its journal hears.

use std::sync::Arc;
use std::time::Duration;

use lockgate_flow::{RunError, Site};
use proptest::prelude::*;
use serde_json::json;

use crate::fakes::{Fakes, Lines, run};

/// Another name for a node's use, to keep the documents short.
fn flow(nodes: &str, output: &str) -> String {
    format!("flow: t\nnodes:\n{nodes}\noutput: {{ {output} }}\n")
}

#[tokio::test]
async fn a_row_runs_in_its_order() {
    let text = flow(
        "  c: { use: echo/echo, in: { value: b.text } }\n  b: { use: text/upper, in: { text: a.text } }\n  a: { use: text/clean, in: { text: input.t } }",
        "out: c.value",
    );
    let (result, lines) = run(&text, json!({"t": "spring"})).await;
    assert_eq!(result.expect("an output"), json!({"out": "SPRING"}));
    assert_eq!(
        lines,
        [
            "run t", "start a", "ok a", "start b", "ok b", "start c", "ok c", "run ok"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn independent_nodes_run_at_the_same_time() {
    // Each of the two ends only once the other has begun.
    let text = flow(
        "  a: { use: test/meet }\n  b: { use: test/meet }\n  c: { use: text/join, in: { parts: '[a.value, b.value]' } }",
        "out: c.text",
    );
    let (result, lines) = run(&text, json!({})).await;
    assert_eq!(
        result.expect("an output"),
        json!({"out": r#"["met","met"]"#})
    );
    let mut begun = lines[1..3].to_vec();
    begun.sort();
    assert_eq!(begun, ["start a", "start b"]);
    assert_eq!(lines[5..], ["start c", "ok c", "run ok"]);
}

#[tokio::test]
async fn what_waits_starts_while_others_still_run() {
    let text = flow(
        "  forever: { use: test/forever }\n  a: { use: test/slow }\n  b: { use: test/fail, in: { after: a.value } }",
        "out: forever.value",
    );
    let (result, lines) = run(&text, json!({"t": "x"})).await;
    let error = result.expect_err("b fails");
    assert!(
        matches!(&error, RunError::Node { node, .. } if node.node.as_str() == "b"),
        "{error}"
    );
    assert_eq!(
        lines,
        [
            "run t",
            "start forever",
            "start a",
            "log a info slow begins",
            "part a.value",
            "ok a",
            "start b",
            "failed b upstream",
            "cancelled forever",
            "run failed b"
        ]
    );
}

#[tokio::test]
async fn the_first_failure_ends_the_run() {
    let text = flow(
        "  a: { use: test/fail }\n  b: { use: echo/echo, in: { value: a.value } }",
        "out: b.value",
    );
    let (result, lines) = run(&text, json!({})).await;
    let error = result.expect_err("a fails");
    assert!(
        error
            .to_string()
            .starts_with("the node `a` failed: upstream"),
        "{error}"
    );
    assert_eq!(
        lines,
        ["run t", "start a", "failed a upstream", "run failed a"]
    );
}

#[tokio::test]
async fn a_panic_is_a_fault_of_the_host() {
    for nodes in [
        "  a: { use: test/panic }",
        "  a: { use: test/panic }\n  b: { use: test/forever }",
    ] {
        let (result, lines) = run(&flow(nodes, "out: a.value"), json!({})).await;
        assert!(result.expect_err("a panics").to_string().contains("boom"));
        assert!(lines.contains(&"failed a host".to_owned()), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("run failed a"));
    }
}

#[tokio::test]
async fn dropping_a_run_cancels_it() {
    let text = flow(
        "  a: { use: test/forever }\n  b: { use: test/forever }\n  c: { use: test/slow }",
        "out: a.value",
    );
    let plan = Arc::new(Fakes::new().plan(&text).await.expect("a plan"));
    let journal = Arc::new(Lines::default());
    let run = crate::fakes::start(plan, json!({}), journal.clone());
    // Polled until everything has started, and then let go.
    assert!(
        tokio::time::timeout(Duration::from_millis(10), run)
            .await
            .is_err()
    );
    let lines = journal.take();
    assert_eq!(lines[..4], ["run t", "start a", "start b", "start c"]);
    assert_eq!(
        lines[lines.len() - 4..],
        ["cancelled c", "cancelled b", "cancelled a", "run cancelled"]
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        journal.take(),
        Vec::<String>::new(),
        "nothing is written after the end"
    );
}

#[tokio::test]
async fn logs_and_parts_stand_within_their_call() {
    let (result, lines) = run(&flow("  a: { use: test/slow }", "out: a.value"), json!({})).await;
    assert_eq!(result.expect("an output"), json!({"out": "slow"}));
    assert_eq!(
        lines,
        [
            "run t",
            "start a",
            "log a info slow begins",
            "part a.value",
            "ok a",
            "run ok"
        ]
    );
}

#[tokio::test]
async fn an_input_is_checked_before_anything_runs() {
    let text = format!(
        "input: {{ type: object, required: [t], properties: {{ n: {{ type: integer }} }} }}\n{}",
        flow(
            "  a: { use: text/clean, in: { text: input.t } }",
            "out: a.text"
        )
    );
    let (result, lines) = run(&text, json!({"n": "\u{1b}[31m"})).await;
    let Err(RunError::Input(faults)) = &result else {
        return assert!(result.is_ok(), "another error");
    };
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths.len(), 2);
    assert!(paths.contains(&"") && paths.contains(&"/n"));
    assert!(faults.iter().all(|fault| !fault.message.contains('\u{1b}')));
    assert_eq!(lines, Vec::<String>::new());
}

#[tokio::test]
async fn a_failing_expression_ends_the_run_and_says_where() {
    let text = flow(
        "  a: { use: text/clean, in: { text: input.t } }\n  b: { use: text/upper, in: { text: a.text + string(1 / input.zero) } }",
        "out: b.text",
    );
    let (result, lines) = run(&text, json!({"t": "x", "zero": 0})).await;
    let Err(RunError::Expression { site, place, .. }) = &result else {
        return assert!(result.is_ok(), "another error");
    };
    assert_eq!(
        site,
        &Site::Input {
            node: crate::fakes::name("b"),
            port: crate::fakes::name("text")
        }
    );
    assert_eq!((place.line, place.column), (4, 37));
    assert_eq!(
        lines.last().map(String::as_str),
        Some("run broken the input `text` of the node `b`: it divides by zero")
    );

    let (result, _) = run(
        &flow(
            "  a: { use: text/clean, in: { text: input.t } }",
            "out: a.text + input.nosuch",
        ),
        json!({"t": "x"}),
    )
    .await;
    assert_eq!(
        result.expect_err("nothing there").to_string(),
        "the output `out` of the flow: `input.nosuch` is not there"
    );
    let (result, _) = run(
        &flow(
            "  a: { use: text/clean, in: { text: input.nosuch } }",
            "out: a.text",
        ),
        json!({}),
    )
    .await;
    assert_eq!(
        result.expect_err("nothing there").to_string(),
        "the input `text` of the node `a`: `input.nosuch` is not there"
    );
}

#[tokio::test]
async fn what_a_run_holds_and_gives_is_bounded() {
    let (result, lines) = run(&flow("  a: { use: test/large }", "out: a.value"), json!({})).await;
    assert!(
        matches!(result, Err(RunError::OutputTooLarge)),
        "{result:.100?}"
    );
    assert!(
        lines
            .last()
            .is_some_and(|line| line.starts_with("run broken the output has more than"))
    );

    let nodes: Vec<_> = (0..14)
        .map(|node| format!("  n{node}: {{ use: test/large }}"))
        .collect();
    let all: Vec<_> = (0..14)
        .map(|node| format!("o{node}: n{node}.value"))
        .collect();
    let (result, _) = run(&flow(&nodes.join("\n"), &all.join(", ")), json!({})).await;
    assert!(
        matches!(result, Err(RunError::TooMuchHeld { .. })),
        "{result:.100?}"
    );

    // A row of as many lets each go when the next has read it.
    let row: Vec<_> = (0..14)
        .map(|node| match node {
            0 => "  n0: { use: test/large }".to_owned(),
            node => format!(
                "  n{node}: {{ use: test/large, in: {{ after: n{}.value }} }}",
                node - 1
            ),
        })
        .collect();
    let (result, _) = run(&flow(&row.join("\n"), "out: 'has(n13.value)'"), json!({})).await;
    assert_eq!(result.expect("an output"), json!({"out": true}));
}

/// A graph without cycles: for each node, which of those before it in a shuffled order it needs.
fn graph() -> impl Strategy<Value = Vec<(usize, Vec<usize>)>> {
    (1..25_usize).prop_flat_map(|count| {
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        let needs = prop::collection::vec(
            prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            count,
        );
        (order, needs).prop_map(|(order, needs)| {
            let pick = |(at, wanted): (usize, &Vec<prop::sample::Index>)| {
                let mut needs: Vec<_> = wanted
                    .iter()
                    .filter(|_| at > 0)
                    .map(|index| order[index.index(at)])
                    .collect();
                needs.sort_unstable();
                needs.dedup();
                (order[at], needs)
            };
            let mut graph: Vec<_> = needs.iter().enumerate().map(pick).collect();
            graph.sort_unstable();
            graph
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every node runs once, after all that it needs, and sees what they gave.
    #[test]
    fn every_node_runs_once_after_what_it_needs(graph in graph()) {
        let list = |needs: &[usize]| needs.iter().map(|need| format!("n{need}.value")).collect::<Vec<_>>().join(", ");
        let nodes: Vec<_> = graph.iter().map(|(node, needs)| format!("  n{node}: {{ use: echo/echo, in: {{ value: '[{}]' }} }}", list(needs))).collect();
        let outputs: Vec<_> = graph.iter().map(|(node, _)| format!("o{node}: n{node}.value")).collect();
        let text = flow(&nodes.join("\n"), &outputs.join(", "));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        let (result, lines) = runtime.block_on(run(&text, json!({})));
        let output = result.expect("an output");
        let at = |line: String| lines.iter().position(|other| *other == line).expect("an event");
        for (node, needs) in &graph {
            prop_assert_eq!(lines.iter().filter(|line| **line == format!("start n{node}")).count(), 1);
            prop_assert_eq!(output[format!("o{node}")].as_array().map(Vec::len), Some(needs.len()));
            for need in needs {
                let (ended, started) = (at(format!("ok n{need}")), at(format!("start n{node}")));
                prop_assert!(ended < started);
            }
        }
        prop_assert_eq!(lines.len(), graph.len() * 2 + 2);
    }
}
