use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use lockgate_model::{
    At, CallError, Failure, FailureKind, Ident, Json, LogLevel, NodeOutcome, NodeReceipt, Receipt,
    RunEvent, RunOutcome, SkipReason, Usage, Value,
};
use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};
use serde_json::json;

use super::super::{AttributeValue, SpanKind, SpanStatus};
use super::*;

/// What no span may hold unless it is asked for.
const SECRET: &str = "top-secret";

/// Events, a millisecond after one another.
#[derive(Default)]
struct Script(Vec<Recorded>);

fn at(way: &str) -> At {
    let (within, node) = way.rsplit_once('/').unwrap_or(("", way));
    let (node, index) = match node.split_once('[') {
        Some((node, index)) => (node, index.trim_end_matches(']').parse().ok()),
        None => (node, None),
    };
    At {
        within: within.into(),
        node: ident(node),
        index,
    }
}

fn ident(name: &str) -> Ident {
    name.parse().expect("a name")
}

fn secret() -> Vec<(Ident, Value)> {
    vec![
        (ident("text"), Value::text(SECRET)),
        (ident("list"), Value::Json(Json::from(&json!([SECRET])))),
    ]
}

fn error() -> Arc<CallError> {
    let mut failure = Failure::new(FailureKind::Upstream, format!("it said \u{1b}{SECRET}"));
    failure.detail = Some(Json::from(&json!({ "body": SECRET })));
    Arc::new(CallError::Failed(failure))
}

fn receipt(attempts: u32) -> NodeReceipt {
    NodeReceipt {
        attempts,
        calls: Receipt {
            queue: Duration::from_micros(3),
            fuel: 7,
            ..Receipt::default()
        },
        ..NodeReceipt::default()
    }
}

fn time(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

impl Script {
    fn hear(mut self, event: RunEvent) -> Self {
        let seq = self.0.len() as u64 + 1;
        self.0.push(Recorded {
            v: 1,
            run: "r1".into(),
            seq,
            time: time(seq),
            event: Arc::new(event),
        });
        self
    }

    fn begin() -> Self {
        let mut vars = serde_json::Map::new();
        vars.insert("key".into(), SECRET.into());
        Self::default().hear(RunEvent::RunStarted {
            flow: "poem".parse().expect("a name"),
            input: Arc::new(json!({ "topic": SECRET })),
            vars,
            labels: vec![(ident("topic"), Value::text("sea\u{7}"))],
            trace_id: None,
        })
    }

    fn start(self, way: &str, attempt: u32) -> Self {
        self.hear(RunEvent::NodeStarted {
            at: at(way),
            attempt,
            inputs: secret(),
            elements: None,
        })
    }

    fn start_each(self, way: &str, elements: u32) -> Self {
        self.hear(RunEvent::NodeStarted {
            at: at(way),
            attempt: 0,
            inputs: secret(),
            elements: Some(elements),
        })
    }

    fn retry(self, way: &str, attempt: u32) -> Self {
        self.hear(RunEvent::NodeRetrying {
            at: at(way),
            attempt,
            error: error(),
            delay: Duration::from_millis(1),
        })
    }

    fn say(self, way: &str, attempt: u32) -> Self {
        let part = Value::text(SECRET);
        self.hear(RunEvent::NodePart {
            at: at(way),
            attempt,
            port: ident("text"),
            part,
        })
        .hear(RunEvent::NodeLog {
            at: at(way),
            attempt,
            level: LogLevel::Warn,
            line: format!("{SECRET}\u{1b}]0;x"),
        })
    }

    fn skip(self, way: &str, reason: SkipReason) -> Self {
        self.hear(RunEvent::NodeSkipped {
            at: at(way),
            reason,
        })
    }

    fn end_as(self, way: &str, outcome: NodeOutcome, receipt: NodeReceipt) -> Self {
        self.hear(RunEvent::NodeFinished {
            at: at(way),
            outcome,
            receipt,
        })
    }

    fn end(self, way: &str, attempts: u32) -> Self {
        self.end_as(way, NodeOutcome::Ok(secret()), receipt(attempts))
    }

    fn over(self) -> Self {
        let outcome = RunOutcome::Ok(Arc::new(json!({ "text": SECRET })));
        self.hear(RunEvent::RunFinished { outcome })
    }

    fn spans(&self) -> Vec<Span> {
        self.spans_with(&TraceConfig::default())
    }

    fn spans_with(&self, config: &TraceConfig) -> Vec<Span> {
        run_spans(&facts(), &self.0, config)
    }
}

fn facts() -> RunFacts {
    let name = |name: &str| name.parse().expect("a name");
    RunFacts {
        context: TraceContext::begin().below(SpanId([1; 8])).sampled(true),
        span: SpanId([2; 8]),
        project: name("default"),
        flow: Some(name("poem")),
        version: Some(3),
        revision: Some(1),
        trigger: "api".into(),
        queued: false,
        lost_attempts: 0,
        parent: None,
        batch: None,
        asked_at: time(0),
    }
}

/// Each span, with the ways to its parent and its times: `run poem > node a 2-5`.
fn shown(spans: &[Span]) -> Vec<String> {
    let name = |span: &Span| {
        let way = text(span, "lockgate.node");
        match (way, span.name.split_once(' ')) {
            (Some(way), Some((kind, _))) => format!("{kind} {way}"),
            _ => span.name.clone(),
        }
    };
    let ms = |time: SystemTime| time.duration_since(UNIX_EPOCH).expect("later").as_millis();
    let show = |span: &Span| {
        let parent = spans.iter().find(|other| Some(other.id) == span.parent);
        let parent = parent.map_or_else(String::new, |parent| format!("{} > ", name(parent)));
        format!("{parent}{} {}-{}", name(span), ms(span.start), ms(span.end))
    };
    spans.iter().map(show).collect()
}

fn attribute<'s>(span: &'s Span, name: &str) -> Option<&'s AttributeValue> {
    let mut named = span.attributes.iter().filter(|(known, _)| known == name);
    let found = named.next().map(|(_, value)| value);
    assert!(named.next().is_none(), "{name} is there twice");
    found
}

fn text<'s>(span: &'s Span, name: &str) -> Option<&'s str> {
    match attribute(span, name)? {
        AttributeValue::Text(text) => Some(text),
        _ => None,
    }
}

fn number(span: &Span, name: &str) -> Option<i64> {
    match attribute(span, name)? {
        AttributeValue::Int(number) => Some(*number),
        _ => None,
    }
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    found
        .next()
        .unwrap_or_else(|| unreachable!("no {name}: {:?}", shown(spans)))
}

/// The span of the node at this way.
fn node<'s>(spans: &'s [Span], way: &str) -> &'s Span {
    let is_it =
        |span: &&Span| span.name.starts_with("node ") && text(span, "lockgate.node") == Some(way);
    let mut found = spans.iter().filter(is_it);
    found
        .next()
        .unwrap_or_else(|| unreachable!("no {way}: {:?}", shown(spans)))
}

#[test]
fn a_run_is_a_tree_of_its_nodes_and_their_attempts() {
    let script = Script::begin() // 1
        .start("a", 1) // 2
        .retry("a", 1) // 3
        .start("b", 0) // 4, from the cache
        .start("a", 2) // 5
        .end("b", 0) // 6
        .end("a", 2) // 7
        .over(); // 8
    let spans = script.spans();
    assert_eq!(
        shown(&spans),
        [
            "run poem 1-8",
            "node a > call a 2-3",
            "run poem > node b 4-6",
            "node a > call a 5-7",
            "run poem > node a 2-7",
        ]
    );
    let run = &spans[0];
    assert_eq!((run.id, run.parent), (SpanId([2; 8]), Some(SpanId([1; 8]))));
    assert_eq!(
        (run.kind, &run.status),
        (SpanKind::Internal, &SpanStatus::Unset)
    );
    assert_eq!(text(run, "lockgate.run"), Some("r1"));
    assert_eq!(text(run, "lockgate.flow"), Some("poem"));
    assert_eq!(number(run, "lockgate.flow_version"), Some(3));
    assert_eq!(text(run, "lockgate.outcome"), Some("ok"));
    assert_eq!(text(run, "lockgate.label.topic"), Some("sea\\u{7}"));
    let failed = &spans[1];
    assert_eq!(failed.status, SpanStatus::Error("upstream".into()));
    assert_eq!(text(failed, "error.type"), Some("upstream"));
    assert_eq!(number(failed, "lockgate.delay_us"), Some(1_000));
    let a = node(&spans, "a");
    assert_eq!(a.status, SpanStatus::Unset);
    assert_eq!(number(a, "lockgate.fuel"), Some(7));
    assert_eq!(number(a, "lockgate.queue_us"), Some(3));
    let ids: std::collections::HashSet<_> = spans.iter().map(|span| span.id).collect();
    assert_eq!(ids.len(), spans.len());
    let again = script.spans();
    assert!(
        again.iter().all(|span| ids.contains(&span.id)),
        "spans can be named before"
    );
}

#[test]
fn elements_and_nodes_of_flows_are_within_what_they_belong_to() {
    let script = Script::begin() // 1
        .start_each("each", 2) // 2
        .start("each[0]", 1) // 3
        .start("each[1]", 1) // 4
        .start("each[0]/inner", 1) // 5
        .skip("each[0]/other", SkipReason::When) // 6
        .end("each[0]/inner", 1) // 7
        .start_each("each[0]/list", 1) // 8
        .start("each[0]/list[0]", 1) // 9
        .end("each[0]/list[0]", 1) // 10
        .end("each[0]/list", 1) // 11
        .end("each[0]", 2) // 12
        .end("each[1]", 0) // 13
        .end("each", 2) // 14
        .skip("last", SkipReason::Needs(ident("each"))) // 15
        .over(); // 16
    let spans = script.spans();
    assert_eq!(
        shown(&spans),
        [
            "run poem 1-16",
            "node each[0]/inner > call each[0]/inner 5-7",
            "node each[0] > node each[0]/inner 5-7",
            "node each[0]/list[0] > call each[0]/list[0] 9-10",
            "node each[0]/list > node each[0]/list[0] 9-10",
            "node each[0] > node each[0]/list 8-11",
            "node each > node each[0] 3-12",
            "node each > node each[1] 4-13",
            "run poem > node each 2-14",
        ]
    );
    let skipped = &spans[0].events[0];
    assert_eq!(skipped.name, "node skipped");
    assert_eq!(skipped.attributes[1].1, "needs each".into());
    let element = node(&spans, "each[0]");
    assert_eq!(element.events[0].attributes[0].1, "each[0]/other".into());
    assert_eq!(number(element, "lockgate.element"), Some(0));
    assert_eq!(number(node(&spans, "each"), "lockgate.elements"), Some(2));
}

#[test]
fn a_flow_that_is_tried_again_goes_through_its_nodes_again() {
    let failed = || NodeOutcome::Failed(error());
    let script = Script::begin()
        .start("sub", 1)
        .start("sub/a", 1)
        .end_as("sub/a", failed(), receipt(1))
        .retry("sub", 1)
        .start("sub", 2)
        .start("sub/a", 1)
        .end("sub/a", 1)
        .end("sub", 2)
        .over();
    let spans = script.spans();
    assert_eq!(
        shown(&spans),
        [
            "run poem 1-10",
            "node sub/a > call sub/a 3-4",
            "node sub > node sub/a 3-4",
            "node sub/a > call sub/a 7-8",
            "node sub > node sub/a 7-8",
            "run poem > node sub 2-9",
        ]
    );
}

#[test]
fn a_call_of_a_model_is_said_as_the_conventions_say_it() {
    let usage = Usage {
        provider: "openai\n".into(),
        model: "gpt-4".into(),
        input_tokens: 11,
        output_tokens: 22,
        cached_tokens: Some(5),
    };
    let used = NodeReceipt {
        usage: Some(usage),
        ..receipt(2)
    };
    let script = Script::begin()
        .start_each("each", 1)
        .start("each[0]", 1)
        .retry("each[0]", 1)
        .start("each[0]", 2)
        .end_as("each[0]", NodeOutcome::Ok(secret()), used.clone())
        .end_as("each", NodeOutcome::Ok(secret()), used)
        .over();
    let spans = script.spans();
    let call = named(&spans, "chat gpt-4");
    assert_eq!(call.kind, SpanKind::Client);
    assert_eq!(text(call, "gen_ai.operation.name"), Some("chat"));
    assert_eq!(text(call, "gen_ai.provider.name"), Some("_other"));
    assert_eq!(text(call, "gen_ai.request.model"), Some("gpt-4"));
    assert_eq!(number(call, "gen_ai.usage.input_tokens"), Some(11));
    assert_eq!(number(call, "gen_ai.usage.output_tokens"), Some(22));
    assert_eq!(
        number(call, "gen_ai.usage.cache_read.input_tokens"),
        Some(5)
    );
    // Tokens are said once by the conventions' names, so that sums are true.
    let said = spans
        .iter()
        .filter(|span| attribute(span, "gen_ai.usage.input_tokens").is_some());
    assert_eq!(said.count(), 1);
    let first = named(&spans, "call each");
    assert_eq!(first.kind, SpanKind::Internal);
    assert_eq!(
        number(node(&spans, "each"), "lockgate.input_tokens"),
        Some(11)
    );
}

#[test]
fn what_the_run_ends_with_it_has_ended_too() {
    let cancelled = Script::begin()
        .start("a", 1)
        .start("b", 1)
        .end_as("b", NodeOutcome::Cancelled, receipt(1))
        .hear(RunEvent::RunFinished {
            outcome: RunOutcome::Cancelled,
        });
    let spans = cancelled.spans();
    assert_eq!(spans.len(), 5);
    for span in &spans {
        assert_eq!(
            text(span, "lockgate.outcome"),
            Some("cancelled"),
            "{span:?}"
        );
        assert_eq!(span.status, SpanStatus::Unset);
    }
    // The task vanished: nobody said how its node ended.
    let a = node(&spans, "a");
    assert_eq!((a.start, a.end), (time(2), time(5)));
}

#[test]
fn why_a_run_failed_is_said_by_its_kind() {
    let failed = Script::begin()
        .start("sub", 1)
        .start("sub/a", 1)
        .end_as("sub/a", NodeOutcome::Failed(error()), receipt(1))
        .end_as("sub", NodeOutcome::Failed(error()), receipt(1))
        .hear(RunEvent::RunFinished {
            outcome: RunOutcome::Failed {
                node: at("sub/a"),
                error: error(),
            },
        });
    let spans = failed.spans();
    assert_eq!(spans.len(), 4);
    assert!(
        spans
            .iter()
            .all(|span| span.status == SpanStatus::Error("upstream".into()))
    );
    assert_eq!(text(&spans[0], "lockgate.failed_node"), Some("sub/a"));
    // One that was refused has no other event.
    let refused = Script::default().hear(RunEvent::RunFinished {
        outcome: RunOutcome::Broken {
            reason: SECRET.into(),
        },
    });
    let spans = refused.spans();
    assert_eq!(shown(&spans), ["run poem 1-1"]);
    assert_eq!(spans[0].status, SpanStatus::Error("broken".into()));
    assert!(!format!("{spans:?}").contains(SECRET));
}

#[test]
fn a_queued_run_is_taken_up_and_says_how_long_it_waited() {
    let mut facts = facts();
    (facts.queued, facts.lost_attempts) = (true, 2);
    (facts.parent, facts.batch) = (Some("r0".into()), Some("b0".into()));
    let mut script = Script::begin().over();
    for event in &mut script.0 {
        event.time += Duration::from_secs(2);
    }
    let spans = run_spans(&facts, &script.0, &TraceConfig::default());
    let run = &spans[0];
    assert_eq!(run.kind, SpanKind::Consumer);
    assert_eq!(number(run, "lockgate.queue.wait_ms"), Some(2_001));
    assert_eq!(number(run, "lockgate.queue.lost_attempts"), Some(2));
    assert_eq!(text(run, "lockgate.parent"), Some("r0"));
    assert_eq!(text(run, "lockgate.batch"), Some("b0"));
}

/// Everything in which somebody's text can be.
fn talkative() -> Script {
    Script::begin()
        .start("a", 1)
        .say("a", 1)
        .retry("a", 1)
        .start("a", 2)
        .say("a", 2)
        .end("a", 2)
        .start("sub", 1)
        .start("sub/b", 1)
        .end_as("sub/b", NodeOutcome::Failed(error()), receipt(1))
        .retry("sub", 1)
        .start("sub", 2)
        .end_as("sub", NodeOutcome::Failed(error()), receipt(1))
        .start("pinned", 0)
        .end_as("pinned", NodeOutcome::Pinned(secret()), receipt(0))
        .over()
}

#[test]
fn what_users_and_nodes_said_is_in_no_span_unless_it_is_asked_for() {
    let spans = talkative().spans();
    assert!(spans.len() > 6);
    assert!(!format!("{spans:?}").contains(SECRET));
    assert_eq!(
        number(named(&spans, "call a"), "lockgate.log_lines"),
        Some(1)
    );
    let content = TraceConfig {
        content: true,
        ..TraceConfig::default()
    };
    let spans = talkative().spans_with(&content);
    let run = &spans[0];
    assert_eq!(
        text(run, "lockgate.input"),
        Some("{\"topic\":\"top-secret\"}")
    );
    assert_eq!(
        text(run, "lockgate.output"),
        Some("{\"text\":\"top-secret\"}")
    );
    let call = named(&spans, "call a");
    let values = "{\"text\":\"top-secret\",\"list\":[\"top-secret\"]}";
    assert_eq!(text(call, "lockgate.inputs"), Some(values));
    assert_eq!(text(node(&spans, "a"), "lockgate.outputs"), Some(values));
    let message = "upstream: it said \\u{1b}top-secret";
    assert_eq!(call.status, SpanStatus::Error(message.into()));
    assert_eq!(call.events[0].name, "log");
    assert_eq!(
        call.events[0].attributes[1].1,
        "top-secret\\u{1b}]0;x".into()
    );
}

#[test]
fn content_is_escaped_and_cut() {
    let large = "é\u{1b}".repeat(1 << 18);
    let script = Script::default()
        .hear(RunEvent::RunStarted {
            flow: "poem".parse().expect("a name"),
            input: Arc::new(json!(large)),
            vars: serde_json::Map::new(),
            labels: vec![
                (ident("text"), Value::text(large.clone())),
                (ident("json"), Value::Json(Json::from(&json!([large])))),
            ],
            trace_id: None,
        })
        .hear(RunEvent::NodeStarted {
            at: at("a"),
            attempt: 1,
            inputs: vec![(ident("text"), Value::text(large.clone()))],
            elements: None,
        })
        .hear(RunEvent::RunFinished {
            outcome: RunOutcome::Broken {
                reason: large.as_str().into(),
            },
        });
    let content = TraceConfig {
        content: true,
        ..TraceConfig::default()
    };
    for span in script.spans_with(&content) {
        for (name, value) in &span.attributes {
            let AttributeValue::Text(text) = value else {
                continue;
            };
            let most = match name.starts_with("lockgate.label") {
                true => 256,
                false => 8 << 10,
            };
            assert!(text.len() <= most, "{name}: {}", text.len());
            assert!(!text.contains('\u{1b}'), "{name}");
        }
        if let SpanStatus::Error(message) = &span.status {
            assert!(message.len() <= 8 << 10 && message.ends_with('…'));
        }
    }
}

#[test]
fn a_large_run_has_so_many_spans_and_says_how_many_more_there_were() {
    let mut script = Script::begin().start_each("each", 5_000);
    for index in 0..5_000 {
        let way = format!("each[{index}]");
        script = script.start(&way, 1);
    }
    for index in 0..5_000 {
        let way = format!("each[{index}]");
        script = script.say(&way, 1).end(&way, 1);
    }
    for index in 0..200 {
        script = script.skip(&format!("s{index}"), SkipReason::When);
    }
    let spans = script.end("each", 5_000).over().spans();
    assert_eq!(spans.len(), 1_000);
    let run = &spans[0];
    // 5,000 elements and 5,000 calls, the list and the run.
    assert_eq!(number(run, "lockgate.spans_left_out"), Some(10_002 - 1_000));
    assert_eq!(run.events.len(), 128);
    assert_eq!(number(run, "lockgate.events_left_out"), Some(72));
    for span in &spans[1..] {
        let parent = spans.iter().find(|other| Some(other.id) == span.parent);
        assert!(parent.is_some(), "{span:?}");
    }
    let one = TraceConfig {
        spans: 0,
        ..TraceConfig::default()
    };
    assert_eq!(talkative().spans_with(&one).len(), 1);
}

#[test]
fn a_clock_that_goes_back_makes_no_span_that_ends_before_it_begins() {
    let mut script = Script::begin().start("a", 1).end("a", 1).over();
    for (event, ms) in script.0.iter_mut().zip([50, 40, 30, 20]) {
        event.time = time(ms);
    }
    for span in script.spans() {
        assert!(span.end >= span.start, "{span:?}");
    }
}

/// Events in any order, whether a run could have them or not.
fn any_event() -> impl Strategy<Value = RunEvent> {
    let ways = [
        "a", "a[0]", "a[1]", "a/b", "a[0]/b", "a/b[3]", "a[0]/b/c", "d",
    ];
    let way = proptest::sample::select(ways.to_vec());
    (way, 0_u8..8, 0_u32..3, 0_u32..3).prop_map(|(way, kind, attempt, attempts)| {
        let at = at(way);
        match kind {
            0 | 1 => RunEvent::NodeStarted {
                at,
                attempt,
                inputs: secret(),
                elements: None,
            },
            2 => RunEvent::NodeStarted {
                at,
                attempt: 0,
                inputs: secret(),
                elements: Some(2),
            },
            3 => RunEvent::NodeLog {
                at,
                attempt,
                level: LogLevel::Info,
                line: SECRET.into(),
            },
            4 => RunEvent::NodeRetrying {
                at,
                attempt,
                error: error(),
                delay: Duration::ZERO,
            },
            5 => RunEvent::NodeSkipped {
                at,
                reason: SkipReason::When,
            },
            _ => RunEvent::NodeFinished {
                at,
                outcome: NodeOutcome::Failed(error()),
                receipt: receipt(attempts),
            },
        }
    })
}

proptest! {
    #[test]
    fn whatever_the_events_are_the_spans_are_a_tree(
        events in proptest::collection::vec(any_event(), 0..60),
        most in 1_usize..40,
    ) {
        let script = events.into_iter().fold(Script::begin(), Script::hear).over();
        let config = TraceConfig { spans: most, ..TraceConfig::default() };
        let spans = script.spans_with(&config);
        prop_assert!(!spans.is_empty() && spans.len() <= most);
        for (index, span) in spans.iter().enumerate() {
            let same = spans.iter().filter(|other| other.id == span.id);
            prop_assert_eq!(same.count(), 1, "{:?}", span);
            prop_assert!(span.end >= span.start);
            let parent = spans.iter().find(|other| Some(other.id) == span.parent);
            prop_assert_eq!(parent.is_some(), index > 0, "{:?}", span);
            if let Some(parent) = parent {
                prop_assert!(parent.start <= span.start);
            }
        }
        let told = format!("{spans:?}");
        prop_assert!(!told.contains(SECRET));
    }
}
