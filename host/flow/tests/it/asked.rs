//! What a host asks of a plan before it runs it: for chats, for reruns, for those who may not deploy.

use std::collections::HashMap;
use std::sync::Arc;

use lockgate_flow::{ChatTakes, Detour, Faults, FlowCatalog, FlowDocument, Plan, plan};
use lockgate_model::Kebab;

use crate::fakes::Fakes;

/// Flows by name.
struct Flows(HashMap<&'static str, String>);

impl FlowCatalog for Flows {
    fn find(&self, name: &Kebab) -> Result<Option<Arc<FlowDocument>>, Faults> {
        let text = self.0.get(name.as_str());
        let document = text.map(|text| FlowDocument::parse(name.as_str(), text));
        Ok(document.transpose()?.map(Arc::new))
    }

    fn names(&self) -> Vec<Kebab> {
        Vec::new()
    }
}

async fn planned(text: &str, flows: &[(&'static str, String)]) -> Plan {
    let document = FlowDocument::parse("t", text).expect("a document");
    let flows = Flows(flows.iter().cloned().collect());
    let planned = plan(&document, &Fakes::new(), &flows, &[]).await;
    let messages = |faults: Faults| -> Vec<_> {
        let messages = faults.iter().map(|fault| fault.message.clone());
        messages.collect()
    };
    planned.map_err(messages).expect("a plan")
}

async fn chat(schema: &str, node: &str, answer: &str) -> Plan {
    let text = format!(
        "flow: t\ninput: {schema}\nchat: {{ message: m, answer: reply }}\nnodes:\n  a: {node}\noutput: {{ other: a.text, reply: {answer} }}\n"
    );
    planned(&text, &[]).await
}

const SPEAK: &str = "{ use: test/speak, in: { prompt: \"first(input.m, 'x')\" } }";

#[tokio::test]
async fn a_chat_gives_text_where_it_can_and_messages_where_it_must() {
    use ChatTakes::{Messages, Text};
    for (schema, takes) in [
        ("{ type: object }", Text),
        ("{ properties: { m: true } }", Text),
        ("{ properties: { m: { type: string } } }", Text),
        ("{ properties: { m: { type: array } } }", Messages),
        ("{ properties: { m: { type: [array, string] } } }", Text),
        ("{ properties: { m: { type: [array, 'null'] } } }", Messages),
        (
            "{ properties: { m: { $ref: '#/$defs/all' } }, $defs: { all: { type: array } } }",
            Messages,
        ),
    ] {
        let node = "{ use: echo/echo, in: { value: input.m } }";
        let text = format!(
            "flow: t\ninput: {schema}\nchat: {{ message: m, answer: reply }}\nnodes:\n  a: {node}\noutput: {{ reply: a.value }}\n"
        );
        let plan = planned(&text, &[]).await;
        assert_eq!(plan.chat_takes(), Some(takes), "{schema}");
        assert_eq!(plan.chat_stream(), None, "an echo does not stream");
    }
}

#[tokio::test]
async fn an_answer_streams_where_it_is_a_streamed_text_and_nothing_else() {
    let any = "{ type: object }";
    let plan = chat(any, SPEAK, "a.text").await;
    let (node, port) = plan.chat_stream().expect("a stream");
    assert_eq!((node.as_str(), port.as_str()), ("a", "text"));
    for (node, answer) in [
        (SPEAK, "\"a.text + '!'\""),
        (SPEAK, "\"first(a.text)\""),
        (SPEAK, "input.m"),
        (
            "{ use: test/speak, each: input.m, in: { prompt: item } }",
            "a.text",
        ),
        (
            "{ use: test/speak, retry: {}, in: { prompt: \"'x'\" } }",
            "a.text",
        ),
        ("{ use: text/upper, in: { text: \"'x'\" } }", "a.text"),
    ] {
        let plan = chat(any, node, answer).await;
        assert_eq!(plan.chat_stream(), None, "{node} {answer}");
    }
}

#[tokio::test]
async fn a_rerun_runs_what_depends_on_a_node() {
    let text = "
flow: t
description: What depends on what.
vars: { tone: plain }
nodes:
  late: { use: text/upper, in: { text: \"b.text + c.text\" } }
  a: { use: text/upper, in: { text: input.t } }
  b: { use: text/upper, in: { text: a.text } }
  c: { use: text/upper, when: size(a.text) > 1, in: { text: vars.tone } }
  apart: { use: text/upper, in: { text: input.t } }
output: { x: late.text, y: apart.text }
";
    let plan = planned(text, &[]).await;
    let dependents = |node: &str| {
        let names = plan.dependents_of(node)?.into_iter();
        Some(
            names
                .map(|name| name.as_str())
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    assert_eq!(dependents("a").as_deref(), Some("b c late"));
    assert_eq!(dependents("b").as_deref(), Some("late"));
    assert_eq!(dependents("late").as_deref(), Some(""));
    assert_eq!(dependents("apart").as_deref(), Some(""));
    assert_eq!(dependents("nosuch"), None);
    assert_eq!(plan.description(), Some("What depends on what."));
    assert_eq!(plan.vars()["tone"], "plain");
}

#[tokio::test]
async fn variables_are_open_where_all_who_read_them_leave_them_open() {
    let inner = |name: &str, open: &str, text: &str| {
        format!(
            "flow: {name}\noverridable: {open}\nnodes: {{ n: {{ use: text/upper, in: {{ text: \"{text}\" }} }} }}\noutput: {{ text: n.text }}\n"
        )
    };
    let middle =
        "flow: middle\nnodes: { n: { use: 'flow:closed' } }\noutput: { text: n.text }\n".to_owned();
    let flows = [
        ("open", inner("open", "[vars]", "vars.x")),
        ("closed", inner("closed", "[until]", "vars.x")),
        ("other", inner("other", "[]", "'x'")),
        ("middle", middle),
    ];
    for (open, runs, expected) in [
        ("[vars]", "open", "vars"),
        ("[vars]", "other", "vars"),
        ("[vars]", "closed", ""),
        (
            "[vars, until, pinned, rerun]",
            "middle",
            "pinned until rerun",
        ),
        ("[until]", "open", "until"),
    ] {
        let text = format!(
            "flow: t\noverridable: {open}\nnodes:\n  a: {{ use: 'flow:{runs}' }}\noutput: {{ text: a.text }}\n"
        );
        let plan = planned(&text, &flows).await;
        let words: Vec<_> = plan.overridable().iter().map(Detour::word).collect();
        assert_eq!(words.join(" "), expected, "{open} {runs}");
    }
}
