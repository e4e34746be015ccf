//! Flows as large as a document can hold. Nothing here asserts a time: what grows with the square of a flow's size does
//! not end before somebody looks.

use std::fmt::Write as _;
use std::sync::Arc;

use lockgate_flow::{Code, MAX_FAULTS};
use lockgate_model::Ident;
use serde_json::json;

use crate::fakes::{Fakes, Nothing};

const NODES: usize = 10_000;

fn flow(node: impl Fn(usize) -> String, output: &str) -> String {
    let mut text = String::from("flow: large\nnodes:\n");
    for index in 0..NODES {
        let _ = writeln!(
            text,
            "  n{index}: {{ use: echo/echo, in: {{ value: {} }} }}",
            node(index)
        );
    }
    text + "output: { out: " + output + " }\n"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_nodes_in_a_row() {
    let text = flow(
        |index| {
            if index == 0 {
                "input.x".into()
            } else {
                format!("n{}.value", index - 1)
            }
        },
        "n9999.value",
    );
    let fakes = Fakes::new();
    let plan = fakes.plan(&text).await.expect("a plan");
    assert_eq!(
        fakes.configured("echo/echo"),
        1,
        "equal nodes are configured once"
    );
    let output =
        crate::fakes::start(Arc::new(plan), json!({"x": "through"}), Arc::new(Nothing)).await;
    assert_eq!(output.expect("an output"), json!({"out": "through"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_nodes_beside_each_other() {
    let text = flow(|_| "input.x".into(), "n9999.value");
    let plan = Fakes::new().plan(&text).await.expect("a plan");
    let names: Vec<_> = plan
        .nodes()
        .iter()
        .map(|node| node.name().to_string())
        .collect();
    assert!(
        (0..NODES).all(|index| names[index] == format!("n{index}")),
        "the document's order"
    );
    let output = crate::fakes::start(Arc::new(plan), json!({"x": 1}), Arc::new(Nothing)).await;
    assert_eq!(output.expect("an output"), json!({"out": 1}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_nodes_in_one_line_of_json() {
    let node = |index: usize| {
        let text = format!(r#"[input.x, "{index}"].size() + 1"#);
        (
            format!("n{index}"),
            json!({"use": "echo/echo", "in": {"value": text}}),
        )
    };
    let nodes: serde_json::Map<_, _> = (0..NODES).map(node).collect();
    let text = json!({"flow": "line", "nodes": nodes, "output": {"out": "n0.value"}}).to_string();
    let plan = Fakes::new().plan(&text).await.expect("a plan");
    let input = json!({"x": 1});
    let output = crate::fakes::start(Arc::new(plan), input, Arc::new(Nothing)).await;
    assert_eq!(output.expect("an output"), json!({"out": 3}));
}

#[tokio::test]
async fn ten_thousand_faults_are_counted_and_the_first_shown() {
    let text = flow(|index| format!("m{index}.value"), "n0.value");
    let faults = Fakes::new().plan(&text).await.expect_err("faults");
    assert_eq!(faults.total(), NODES);
    assert_eq!(faults.iter().count(), MAX_FAULTS);
    assert!(faults.iter().all(|fault| fault.code == Code::UnknownName));
    let report = format!("{:?}", miette::Report::new(faults));
    assert!(report.len() < 200_000, "{}", report.len());
}

#[tokio::test]
async fn a_cycle_of_ten_thousand_nodes_is_one_fault() {
    let text = flow(
        |index| format!("n{}.value", (index + 1) % NODES),
        "n0.value",
    );
    let faults = Fakes::new().plan(&text).await.expect_err("a cycle");
    assert_eq!(faults.total(), 1);
    let fault = faults.iter().next().expect("a fault");
    assert_eq!(fault.code, Code::Cycle);
    assert!(fault.message.len() < 300, "{}", fault.message);
}

#[tokio::test]
async fn a_million_bytes_in_one_line_show_one_window() {
    let text = format!(
        "{{\"flow\": \"x\", \"nodes\": {{}}, \"output\": {{}}, \"description\": \"{}\", \"bad\": 1}}",
        "诗".repeat(300_000)
    );
    let faults = Fakes::new().plan(&text).await.expect_err("faults");
    let report = format!("{:?}", miette::Report::new(faults));
    assert!(
        report.contains("bad") && report.len() < 10_000,
        "{}",
        report.len()
    );
}

#[test]
fn names_of_cycles_of_every_size_are_told() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    for size in 1..=20_usize {
        let mut text = String::from("flow: c\nnodes:\n");
        for index in 0..size {
            let name: Ident = format!("n{index}").parse().expect("a name");
            let _ = writeln!(
                text,
                "  {name}: {{ use: echo/echo, in: {{ value: n{}.value }} }}",
                (index + 1) % size
            );
        }
        text += "output: { out: n0.value }\n";
        let faults = runtime
            .block_on(Fakes::new().plan(&text))
            .expect_err("a cycle");
        assert_eq!(faults.total(), 1, "{size}");
        let message = &faults.iter().next().expect("a fault").message;
        assert!(
            message.contains("`n0`") || message.contains("n0 → "),
            "{size}: {message}"
        );
    }
}
