//! Test cases of flows: their faults as a terminal shows them, each a document in `tests/case-faults` with its report beside it;
//! and the judgement of runs.

use std::path::Path;
use std::sync::Arc;

use lockgate_flow::{CaseDocument, Course, Engine, EngineConfig, Faults, Mismatch, Plan};
use serde_json::{Value as Tree, json};

use crate::fakes::Fakes;
use crate::faults::render;

/// The flow that the cases here are of.
const FLOW: &str = "\
flow: cased
vars: { tone: plain }
nodes:
  source: { use: test/source }
  quiet: { use: text/clean, in: { text: input.text } }
  loud: { use: text/upper, when: vars.tone == 'loud', in: { text: quiet.text } }
  down: { use: test/fail, when: has(input.fail), on_failure: continue }
  broken: { use: test/fail, when: has(input.break) }
  words: { use: text/upper, each: input.words, in: { text: item } }
output:
  quiet: quiet.text
  loud: loud.text
  shouted: words.text
  list: source.json
  reason: down.failure.message
";

async fn plan() -> Arc<Plan> {
    Arc::new(Fakes::new().plan(FLOW).await.expect("a flow"))
}

fn faults_of(text: &str, plan: &Plan) -> Faults {
    match CaseDocument::parse("flow.test.yaml", text) {
        Ok(document) => document.check(plan).expect_err("faults"),
        Err(faults) => faults,
    }
}

#[tokio::test]
async fn every_fault_is_shown_with_its_place() {
    let plan = plan().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/case-faults");
    for name in ["empty", "no-map", "unknown", "unreadable"] {
        let text = std::fs::read_to_string(folder.join(name).with_extension("yaml"));
        let report = render(&faults_of(&text.expect("a document"), &plan));
        insta::with_settings!({ snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, report);
        });
    }
}

#[tokio::test]
async fn a_faulty_flow_keeps_no_fault_of_its_cases_back() {
    let read = |text| CaseDocument::parse("flow.test.yaml", text).expect("a document");
    let unknown = "cases: [{ name: a, until: nowhere, expect: { ran: [nowhere] } }]";
    assert!(read(unknown).check_alone().is_ok());
    let unreadable = "cases: [{ name: a }]";
    assert!(read(unreadable).check_alone().is_err());
}

/// Runs the one case of a document, and gives what did not come true.
async fn mismatches(case: &str) -> Vec<Tree> {
    let document = format!("cases:\n  - name: it\n{case}");
    let plan = plan().await;
    let read = CaseDocument::parse("flow.test.yaml", &document).expect("a document");
    let cases = read.check(&plan).unwrap_or_else(|faults| {
        std::panic::resume_unwind(Box::new(render(&faults)));
    });
    let course = Arc::new(Course::default());
    let engine = Engine::new(EngineConfig::default());
    let ended = engine
        .run(plan, cases[0].request("r"), Arc::clone(&course) as _)
        .await;
    let found = cases[0].judge(&ended, &course);
    let tree = |mismatch: &Mismatch| serde_json::to_value(mismatch).expect("JSON");
    found.iter().map(tree).collect()
}

/// Cases that have to pass: the lines of a case below its name.
#[tokio::test]
async fn what_comes_true_passes() {
    let input = "    input: { text: ' a ', words: [b, c] }\n";
    for case in [
        format!("{input}    vars: {{ tone: loud }}\n    expect: {{ where: output.loud == ' A ' }}\n"),
        format!("{input}    expect: {{ where: [\"!has(output.loud)\", size(output.shouted) == 2, \"input.words[1] == 'c'\"] }}\n"),
        format!("{input}    expect: {{ skipped: [loud, down, broken], ran: [words, source] }}\n"),
        format!("{input}    until: words\n    expect: {{ output: {{ text: [B, C] }}, ran: [words] }}\n"),
        // What nobody reads need not be pinned, though every call gives it.
        format!("{input}    pinned: {{ source: {{ json: {{ a: 1 }} }} }}\n    expect: {{ where: output.list.a == 1 }}\n"),
        "    input: { text: a, words: [], fail: 1 }\n    expect: { where: output.reason.contains('down'), ran: [down] }\n".to_owned(),
        "    input: { text: a, words: [], break: 1 }\n    expect: { failure: { node: broken, kind: upstream, message: is down } }\n".to_owned(),
        "    input: { text: a, words: [], break: 1 }\n    expect: { failure: { kind: upstream } }\n".to_owned(),
        // An element's failure is its node's, and where no node is at fault none is named.
        "    expect: { failure: { kind: invalid-input, message: input.text } }\n".to_owned(),
    ] {
        assert_eq!(mismatches(&case).await, [Tree::Null; 0], "{case}");
    }
}

#[tokio::test]
async fn what_does_not_come_true_is_told() {
    let input = "    input: { text: a, words: [b] }\n";
    let list = json!({"s": "str", "n": 5, "b": true, "list": [1, "two"], "big": u64::MAX});
    let output = json!({"quiet": "a", "shouted": ["B"], "list": list});
    for (expect, expected) in [
        (
            "output: { quiet: b }",
            json!([{"mismatch": "output", "expected": {"quiet": "b"}, "actual": output}]),
        ),
        (
            "where: [output.quiet == 'a', \"output.quiet == input.words[0]\"]",
            json!([{
                "mismatch": "where",
                "expression": "output.quiet == input.words[0]",
                "line": 4,
                "reason": "it is false",
                "values": {"output.quiet": "a", "input.words[0]": "b"},
            }]),
        ),
        (
            "where: output.loud == 'A'",
            json!([{
                "mismatch": "where",
                "expression": "output.loud == 'A'",
                "line": 4,
                "reason": "`output.loud` is not there",
                "values": {},
            }]),
        ),
        (
            "where: output.quiet",
            json!([{
                "mismatch": "where",
                "expression": "output.quiet",
                "line": 4,
                "reason": "it is text, and has to be true or false",
                "values": {"output.quiet": "a"},
            }]),
        ),
        (
            "failure: { kind: rejected }",
            json!([{"mismatch": "not-failed", "output": output}]),
        ),
        (
            "{ ran: [loud], skipped: [quiet, down] }",
            json!([
                {"mismatch": "node", "node": "loud", "expected": "run", "actual": "was skipped: its `when` is false"},
                {"mismatch": "node", "node": "quiet", "expected": "be skipped", "actual": "ran"},
            ]),
        ),
    ] {
        let expect = match expect.starts_with('{') {
            true => expect.to_owned(),
            false => format!("{{ {expect} }}"),
        };
        let found = mismatches(&format!("{input}    expect: {expect}\n")).await;
        assert_eq!(Tree::Array(found), expected, "{expect}");
    }
}

#[tokio::test]
async fn a_failure_is_held_against_the_one_that_was_expected() {
    let input = "    input: { text: a, words: [], break: 1 }\n";
    let actual =
        json!({"node": "broken", "kind": "upstream", "message": "the service\u{1b} is down"});
    let failed = mismatches(&format!("{input}    expect: {{ ran: [broken, quiet] }}\n")).await;
    let mut expected = actual.clone();
    expected["mismatch"] = json!("failed");
    assert_eq!(failed[0], expected);
    for (expect, words) in [
        ("{ node: down }", "a failure of the node `down`"),
        (
            "{ node: broken, kind: rejected }",
            "a failure of the node `broken`, of the kind rejected",
        ),
        ("{ message: up }", "a failure with the words `up`"),
    ] {
        let found = mismatches(&format!("{input}    expect: {{ failure: {expect} }}\n")).await;
        let expected = json!([{"mismatch": "other-failure", "expected": words, "actual": actual}]);
        assert_eq!(Tree::Array(found), expected, "{expect}");
    }
}

#[tokio::test]
async fn what_was_pinned_or_not_reached_did_not_run() {
    let input = "    input: { text: a, words: [] }\n";
    let case = format!(
        "{input}    pinned: {{ quiet: {{ text: b }} }}\n    until: words\n    expect: {{ ran: [quiet, loud] }}\n"
    );
    let actual: Vec<_> = mismatches(&case)
        .await
        .iter()
        .map(|mismatch| mismatch["actual"].clone())
        .collect();
    assert_eq!(actual, ["was not reached", "was not reached"]);
    let case = format!(
        "{input}    pinned: {{ quiet: {{ text: b }} }}\n    expect: {{ ran: [quiet], where: output.quiet == 'b' }}\n"
    );
    let found = mismatches(&case).await;
    assert_eq!(found[0]["actual"], "was pinned");
    assert_eq!(found.len(), 1);
}
