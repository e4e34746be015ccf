//! Traces of runs: which are recorded, and that a run that waited goes on in its own.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lockgate_service::ServiceConfig;
use lockgate_service::runs::RerunAsk;
use lockgate_telemetry::trace::{
    AttributeValue, RequestHead, RequestSpan, Span, SpanId, SpanKind, SpanSink, SpanStatus,
    TraceConfig, TraceContext, TraceId, Tracer,
};
use lockgate_telemetry::{DROPPED, Own};
use tokio::sync::Notify;

use crate::world::{World, ask, flow, outcome};

const FAIL: &str = "a: { use: t/fail, in: { text: input.text } }";

#[derive(Default)]
struct Spans {
    spans: Mutex<Vec<Span>>,
    came: Notify,
}

impl SpanSink for Spans {
    fn take(&self, spans: Vec<Span>) {
        self.spans.lock().unwrap().extend(spans);
        self.came.notify_one();
    }
}

impl Spans {
    fn all(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    /// The spans of a trace, once there are so many.
    async fn of(&self, trace: TraceId, count: usize) -> Vec<Span> {
        loop {
            let mut spans = self.all();
            spans.retain(|span| span.trace == trace);
            if spans.len() >= count {
                assert_eq!(spans.len(), count, "{spans:?}");
                return spans;
            }
            self.came.notified().await;
        }
    }
}

fn traced(sample: f64, keep_failed: bool) -> (ServiceConfig, Arc<Spans>) {
    let spans = Arc::new(Spans::default());
    let config = TraceConfig {
        sample,
        keep_failed,
        ..TraceConfig::default()
    };
    let sink: Arc<dyn SpanSink> = spans.clone();
    let config = ServiceConfig {
        tracer: Tracer::new(config, sink, Own::default()),
        ..ServiceConfig::default()
    };
    (config, spans)
}

/// A request that came with a trace.
fn request(world: &World, is_sampled: bool) -> Arc<RequestSpan> {
    let came = TraceContext {
        state: Some("a=1".into()),
        ..TraceContext::begin().below(SpanId([9; 8]))
    };
    let head = RequestHead {
        method: "POST",
        route: "/runs",
        came: SystemTime::UNIX_EPOCH,
    };
    let tracer = world.service.tracer();
    RequestSpan::begin(tracer, Some(came.sampled(is_sampled)), head)
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

#[tokio::test]
async fn every_run_has_a_trace_and_those_that_are_recorded_have_spans() {
    let (config, spans) = traced(1.0, true);
    let world = World::with(config).await;
    let view = world.run("echo", "x").await;
    let trace = view.summary.trace_id.unwrap();
    assert_eq!(
        world.get(view.summary.run).await.summary.trace_id,
        Some(trace)
    );
    let spans = spans.of(trace, 3).await;
    assert_eq!(names(&spans), ["run echo", "call a", "node a"]);
    assert_eq!((spans[0].parent, spans[0].kind), (None, SpanKind::Internal));
    let other = world.run("echo", "x").await.summary.trace_id;
    assert_ne!(other, Some(trace));
}

#[tokio::test]
async fn elements_sub_flows_and_attempts_are_where_they_belong() {
    let (config, spans) = traced(1.0, true);
    let world = World::with(config).await;
    world
        .save(&flow(
            "inner",
            &["a: { use: t/flaky, in: { text: input.text }, retry: { attempts: 2, backoff: 1ms } }"],
        ))
        .await;
    world
        .save(&flow(
            "outer",
            &[
                "say: { use: t/talk, in: { text: input.text } }",
                "parts: { use: t/split, in: { text: say.text } }",
                "each: { use: 'flow:inner', each: parts.parts, in: { text: item } }",
                "last: { use: t/echo, in: { text: \"each.text[1]\" } }",
            ],
        ))
        .await;
    let view = world.run("outer", "a b").await;
    assert_eq!(outcome(&view), "ok");
    let spans = spans.of(view.summary.trace_id.unwrap(), 16).await;
    let way = |span: &Span| {
        let named = span
            .attributes
            .iter()
            .find(|(name, _)| name == "lockgate.node");
        let kind = span.name.split(' ').next().unwrap_or_default();
        match named {
            Some((_, AttributeValue::Text(way))) => format!("{kind} {way}"),
            _ => kind.to_owned(),
        }
    };
    let mut shown: Vec<_> = spans
        .iter()
        .map(|span| {
            let parent = spans.iter().find(|other| Some(other.id) == span.parent);
            format!("{} > {}", parent.map_or_else(String::new, way), way(span))
        })
        .collect();
    shown.sort_unstable();
    assert_eq!(
        shown,
        [
            " > run",
            "node each > node each[0]",
            "node each > node each[1]",
            "node each[0] > node each[0]/a",
            "node each[0]/a > call each[0]/a",
            "node each[0]/a > call each[0]/a",
            "node each[1] > node each[1]/a",
            "node each[1]/a > call each[1]/a",
            "node each[1]/a > call each[1]/a",
            "node last > call last",
            "node parts > call parts",
            "node say > call say",
            "run > node each",
            "run > node last",
            "run > node parts",
            "run > node say",
        ]
    );
}

#[tokio::test]
async fn where_nobody_traces_runs_have_traces_all_the_same() {
    let world = World::new().await;
    let mut asked = ask("echo", "x");
    let request = request(&world, true);
    asked.trace = Some(Arc::clone(&request));
    let view = world.service.runs().run(&world.me, asked).await.unwrap();
    assert_eq!(view.summary.trace_id, Some(request.context().trace));
    let own = world.run("echo", "x").await.summary.trace_id;
    assert!(own.is_some() && own != view.summary.trace_id);
}

#[tokio::test]
async fn of_those_that_are_not_recorded_only_the_failed_are_kept() {
    for (keep_failed, expected) in [(true, 1), (false, 0)] {
        let (config, spans) = traced(0.0, keep_failed);
        let world = World::with(config).await;
        world.save(&flow("bad", &[FAIL])).await;
        let request = request(&world, false);
        let mut asked = ask("bad", "x");
        asked.trace = Some(Arc::clone(&request));
        let runs = world.service.runs();
        let failed = runs.run(&world.me, asked).await.unwrap();
        assert_eq!(outcome(&failed), "rejected");
        world.run("echo", "x").await;
        let held = runs.start(&world.me, ask("hold", "x")).await.unwrap();
        world.holding(1).await;
        held.cancel();
        assert_eq!(outcome(&held.ended().await.unwrap()), "cancelled");
        request.answered(Some(200), SystemTime::UNIX_EPOCH);
        // It has what ended before made.
        world.service.drain(Duration::from_secs(60)).await;
        let spans = spans.all();
        let runs: Vec<_> = spans
            .iter()
            .filter(|span| span.name.starts_with("run "))
            .collect();
        assert_eq!(runs.len(), expected, "{spans:?}");
        if let Some(run) = runs.first() {
            assert_eq!(run.status, SpanStatus::Error("rejected".into()));
            assert_eq!(run.parent, Some(request.id()));
            let asked = spans.iter().find(|span| span.id == request.id());
            assert_eq!(asked.unwrap().parent, Some(SpanId([9; 8])));
        } else {
            assert!(spans.is_empty());
        }
    }
}

#[tokio::test]
async fn a_queued_run_goes_on_in_its_trace_in_another_process() {
    let (config, _) = traced(1.0, false);
    let world = World::with(config).await;
    let queue = world.service.queue();
    // Whatever the ratio is by then: the decision is the request's.
    let (sampled, not) = (request(&world, true), request(&world, false));
    let mut runs = Vec::new();
    for request in [&sampled, &not] {
        let mut asked = ask("hold", "x");
        asked.trace = Some(Arc::clone(request));
        runs.push(queue.enqueue(&world.me, asked, 0).await.unwrap().run);
    }
    let waiting = world.get(runs[0]).await.summary.trace_id;
    assert_eq!(waiting, Some(sampled.context().trace));
    world.holding(2).await;
    let (config, spans) = traced(0.0, false);
    let world = world.killed(config).await;
    world.holding(2).await;
    world.let_go(2);
    for (run, request) in runs.iter().zip([&sampled, &not]) {
        let view = world.ended(*run).await;
        assert_eq!(view.summary.trace_id, Some(request.context().trace));
    }
    let there = spans.of(sampled.context().trace, 3).await;
    assert_eq!(names(&there), ["run hold", "call a", "node a"]);
    assert_eq!(there[0].kind, SpanKind::Consumer);
    assert_eq!(there[0].parent, Some(sampled.id()));
    world.service.drain(Duration::from_secs(60)).await;
    assert_eq!(spans.all().len(), 3, "the other is not recorded");
}

#[tokio::test]
async fn a_queued_run_that_fails_is_kept_below_what_came_before_its_request() {
    let (config, spans) = traced(0.0, true);
    let world = World::with(config).await;
    world.save(&flow("bad", &[FAIL])).await;
    let request = request(&world, false);
    let mut asked = ask("bad", "x");
    asked.trace = Some(Arc::clone(&request));
    let queue = world.service.queue();
    let run = queue.enqueue(&world.me, asked, 0).await.unwrap().run;
    assert_eq!(outcome(&*world.ended(run).await), "rejected");
    let there = spans.of(request.context().trace, 3).await;
    assert_eq!(there[0].parent, Some(SpanId([9; 8])));
}

#[tokio::test]
async fn the_lines_of_a_batch_are_in_one_trace_and_a_rerun_is_in_another() {
    let (config, spans) = traced(1.0, true);
    let world = World::with(config).await;
    let request = request(&world, true);
    let mut asked = crate::batches::batch("echo", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");
    asked.trace = Some(Arc::clone(&request));
    let batch = world.service.batches().accept(&world.me, asked).await;
    let batch = batch.unwrap().batch;
    let trace = request.context().trace;
    let there = spans.of(trace, 6).await;
    let runs = there.iter().filter(|span| span.name == "run echo");
    let of_batch = |span: &Span| {
        let said = ("lockgate.batch".into(), batch.to_string().into());
        span.attributes.contains(&said) && span.parent == Some(request.id())
    };
    assert_eq!(runs.filter(|span| of_batch(span)).count(), 2);
    let first = world.run("echo", "x").await.summary.clone();
    let again = RerunAsk::default();
    let again = world.service.runs().rerun(&world.me, first.run, again);
    let again = again.await.unwrap().ended().await.unwrap();
    let trace = again.summary.trace_id.unwrap();
    assert_ne!(Some(trace), first.trace_id);
    let run = spans.of(trace, 3).await.remove(0);
    let parent = ("lockgate.parent".into(), first.run.to_string().into());
    assert!(run.attributes.contains(&parent), "{run:?}");
}

/// Takes its first spans when it is told to.
struct Slow(Mutex<Option<std::sync::mpsc::Receiver<()>>>);

impl SpanSink for Slow {
    fn take(&self, _: Vec<Span>) {
        if let Some(told) = self.0.lock().unwrap().take() {
            let _ = told.recv();
        }
    }
}

#[tokio::test]
async fn runs_that_end_faster_than_their_spans_are_made_are_counted() {
    let (tell, told) = std::sync::mpsc::channel();
    let own = Own::default();
    let config = TraceConfig {
        sample: 1.0,
        ..TraceConfig::default()
    };
    let sink = Arc::new(Slow(Mutex::new(Some(told))));
    let config = ServiceConfig {
        tracer: Tracer::new(config, sink, own.clone()),
        ..ServiceConfig::default()
    };
    let world = World::with(config).await;
    for _ in 0..100 {
        assert_eq!(outcome(&*world.run("echo", "x").await), "ok");
    }
    let dropped = own.all();
    assert!(
        dropped
            .iter()
            .any(|count| count.name == DROPPED && count.total >= 100 - 64 - 16),
        "{dropped:?}"
    );
    tell.send(()).unwrap();
}
