//! What a document says is what its structures hold.

use std::time::Duration;

use lockgate_model::Limit;
use serde_json::json;

use super::*;

const WHOLE: &str = r#"
format: 1
flow: whole
description: Everything that the format has.
input: { type: object, properties: { messages: { type: array } } }
vars: { tone: plain, limit: 5, nested: { deep: [1, null] } }
labels: { tone: vars.tone, first: "first(input.topic, vars.tone)", team: "'search'" }
chat: { message: messages, answer: reply }
ui: { anything: [goes] }
nodes:
  parts:
    use: acme:text/split@~1.2.3
    in: { text: input.text }
    with: { max_chars: 1500 }
    limits: { memory: 16MiB }
    timeout: 5s
    cache: off
  each_part:
    use: flow:summary
    when: size(parts.parts) > vars.limit
    each: parts.parts
    concurrency: 64
    batch: 1000
    in: { text: item, nth: index }
    timeout: 1h
    on_failure: continue
    retry: { attempts: 4, backoff: 1s, max_backoff: 1m, kinds: [trap, upstream] }
    cache: 30d
  plain:
    use: text/upper
    when: false
    in: { text: "first(each_part.text, parts.first)" }
    on_failure: fail
    cache: false
output: { reply: plain.text, why: each_part.failure.kind }
"#;

fn document(text: &str) -> FlowDocument {
    let document = FlowDocument::parse("test", text).expect("a document");
    let findings = document.findings.clone().into_result(&document.source);
    if let Err(faults) = findings {
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, [""; 0]);
    }
    document
}

#[test]
fn a_flow_has_all_that_is_written() {
    let document = document(WHOLE);
    let vars = document.vars.iter();
    let vars: Vec<_> = vars.map(|var| (var.name.as_str(), &var.value)).collect();
    let nested = json!({"deep": [1, null]});
    assert_eq!(
        vars,
        [
            ("tone", &json!("plain")),
            ("limit", &json!(5)),
            ("nested", &nested)
        ]
    );
    let place = |span: &std::ops::Range<usize>| &document.source.text[span.clone()];
    let labels: Vec<_> = document
        .labels
        .iter()
        .map(|label| label.name.as_str())
        .collect();
    assert_eq!(labels, ["tone", "first", "team"]);
    let chat = document.chat.as_ref().expect("a chat");
    assert_eq!(
        (chat.message.as_str(), chat.answer.as_str()),
        ("messages", "reply")
    );
    assert_eq!(place(&chat.answer_span), "reply");
    assert_eq!(place(&chat.message_span), "messages");
}

#[test]
fn a_node_has_all_that_is_written() {
    let document = document(WHOLE);
    let [parts, each_part, plain] = document.nodes.as_slice() else {
        return assert_eq!(document.nodes.len(), 3);
    };
    let reference = parts.reference().map(ToString::to_string);
    assert_eq!(reference.as_deref(), Some("acme:text/split@~1.2.3"));
    assert_eq!(parts.cache, Some(CacheRule::Off));
    assert!(parts.when.is_none() && parts.each.is_none() && parts.retry.is_none());
    assert_eq!(parts.on_failure, OnFailure::Fail);
    assert_eq!(parts.limit_spans.len(), 2);

    assert_eq!(
        each_part.uses,
        Some(Uses::Flow("summary".parse().expect("a name")))
    );
    assert_eq!(each_part.reference(), None);
    let roots: Vec<_> = each_part
        .exprs()
        .filter_map(|expr| expr.expression.as_ref())
        .flat_map(|expression| expression.references.iter().map(|one| &*one.root))
        .collect();
    assert_eq!(roots, ["item", "index", "parts", "vars", "parts"]);
    assert_eq!(
        (each_part.concurrency, each_part.batch),
        (Some(64), Some(1000))
    );
    assert_eq!(each_part.on_failure, OnFailure::Continue);
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    assert_eq!(each_part.cache, Some(CacheRule::For(month)));
    let retry = each_part.retry.as_ref().expect("a retry");
    assert_eq!(retry.attempts, 4);
    assert_eq!(retry.backoff, Duration::from_secs(1));
    assert_eq!(retry.max_backoff, Duration::from_secs(60));
    assert!(retry.repeats("trap") && !retry.repeats("timeout"));
    assert_eq!(each_part.limit_spans[0].0, Limit::Timeout);

    assert!(plain.when.as_ref().is_some_and(|when| {
        let constant = when.constant().map(|constant| constant.truth(&[]));
        constant == Some(Ok(false))
    }));
    assert_eq!(plain.cache, Some(CacheRule::Off));
}

#[test]
fn a_chat_may_name_what_a_schema_has_elsewhere() {
    for input in [
        "",
        "input: { type: object }",
        "input: { properties: { a: true }, allOf: [{ properties: { messages: true } }] }",
        "input: { $ref: '#/$defs/it', $defs: { it: { properties: { messages: true } } } }",
    ] {
        let text = format!(
            "flow: t\n{input}\nchat: {{ message: messages, answer: out }}\nnodes: {{ a: {{ use: a/b }} }}\noutput: {{ out: a.b }}\n"
        );
        assert!(document(&text).chat.is_some(), "{input}");
    }
}

#[test]
fn what_a_flow_needs_is_known_before_it_is_planned() {
    let document = document(WHOLE);
    let uses = document.uses();
    let uses: Vec<_> = uses
        .map(|(name, uses)| match uses {
            Uses::Node(reference) => format!("{name} {reference}"),
            Uses::Flow(flow) => format!("{name} the flow {flow}"),
        })
        .collect();
    let expected = [
        "parts acme:text/split@~1.2.3",
        "each_part the flow summary",
        "plain text/upper",
    ];
    assert_eq!(uses, expected);
    assert_eq!(document.text(), WHOLE);
}

#[test]
fn what_is_overridable_is_what_is_written() {
    let open = |written: &str| {
        let text =
            format!("flow: t\n{written}\nnodes: {{ a: {{ use: a/b }} }}\noutput: {{ o: a.b }}\n");
        let words = document(&text).overridable().iter().map(Detour::word);
        words.collect::<Vec<_>>()
    };
    assert_eq!(open(""), [""; 0]);
    assert_eq!(open("overridable: []"), [""; 0]);
    assert_eq!(open("overridable: [until]"), ["until"]);
    assert_eq!(open("overridable: [rerun, vars]"), ["vars", "rerun"]);
    let all = Detour::ALL.map(Detour::word).join(", ");
    assert_eq!(open(&format!("overridable: [{all}]")).join(", "), all);
}
