//! Puts spans together while the events of a run pass by.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::SystemTime;

use lockgate_model::{
    At, CallError, Ident, LogLevel, NodeOutcome, NodeReceipt, Recorded, RunEvent, RunOutcome,
    SkipReason, Value,
};

use super::super::{Attributes, Span, SpanKind, SpanStatus, TraceConfig};
use super::open::{Call, Open, happened, parent, push};
use super::{RunFacts, attributes};

/// The spans of one run.
pub(super) struct Build<'a> {
    facts: &'a RunFacts,
    config: &'a TraceConfig,
    run: Span,
    /// Nodes, and elements of them, that have begun and not ended, by the way to them.
    open: HashMap<String, Open>,
    /// How often each way was gone: a flow that is tried again goes through its nodes again.
    begun: HashMap<String, u32>,
    done: Vec<Span>,
    /// How many spans there may still be.
    room: usize,
    spans_left_out: u64,
    events_left_out: u64,
}

impl<'a> Build<'a> {
    pub(super) fn begin(facts: &'a RunFacts, config: &'a TraceConfig, first: &Recorded) -> Self {
        let kind = match facts.queued {
            true => SpanKind::Consumer,
            false => SpanKind::Internal,
        };
        let name = match &facts.flow {
            Some(flow) => format!("run {flow}"),
            None => "run".to_owned(),
        };
        let run = Span {
            trace: facts.context.trace,
            id: facts.span,
            parent: facts.context.parent,
            // What waited was asked for by a request of this host, or by one that came to it: the queue does not say.
            has_remote_parent: (!facts.queued).then_some(false),
            flags: facts.context.flags,
            state: facts.context.state.clone(),
            name,
            kind,
            start: first.time,
            end: first.time,
            attributes: attributes::known(facts, first),
            events: Vec::new(),
            status: SpanStatus::Unset,
        };
        Self {
            facts,
            config,
            run,
            open: HashMap::new(),
            begun: HashMap::new(),
            done: Vec::new(),
            room: config.spans.saturating_sub(1),
            spans_left_out: 0,
            events_left_out: 0,
        }
    }

    pub(super) fn hear(&mut self, recorded: &Recorded) {
        let time = recorded.time;
        match &*recorded.event {
            RunEvent::RunStarted { input, labels, .. } => {
                attributes::labels(&mut self.run.attributes, labels);
                if self.config.content {
                    let input = attributes::document(input);
                    push(&mut self.run, "lockgate.input", input);
                }
            }
            RunEvent::NodeStarted {
                at,
                attempt,
                inputs,
                elements,
            } => {
                self.started(at, time, *elements);
                if *attempt > 0 && elements.is_none() {
                    self.call(at, time, *attempt, inputs);
                }
            }
            RunEvent::NodePart { .. } => {}
            RunEvent::NodeLog {
                at, level, line, ..
            } => self.log(at, time, *level, line),
            RunEvent::NodeRetrying {
                at,
                attempt,
                error,
                delay,
            } => {
                let delay = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
                self.retrying(at, time, *attempt, error, delay);
            }
            RunEvent::NodeSkipped { at, reason } => self.skipped(at, time, reason),
            RunEvent::NodeFinished {
                at,
                outcome,
                receipt,
            } => self.finished(at, time, outcome, receipt),
            RunEvent::RunFinished { outcome } => self.run_finished(outcome),
        }
    }

    /// All spans; what did not end ended with the run.
    pub(super) fn finish(mut self, last: SystemTime) -> Vec<Span> {
        for (_, open) in std::mem::take(&mut self.open) {
            let call = open.call.map(|call| call.finish());
            for mut span in call.into_iter().chain(open.span) {
                push(&mut span, "lockgate.outcome", "cancelled");
                self.end(span, last);
            }
        }
        let mut run = self.run;
        run.end = last.max(run.start);
        for (name, count) in [
            ("lockgate.spans_left_out", self.spans_left_out),
            ("lockgate.events_left_out", self.events_left_out),
        ] {
            if count > 0 {
                push(&mut run, name, count);
            }
        }
        let mut spans = Vec::with_capacity(self.done.len() + 1);
        spans.push(run);
        spans.extend(self.done);
        spans
    }

    /// A node begins, or another attempt at it.
    fn started(&mut self, at: &At, time: SystemTime, elements: Option<u32>) {
        if at.index.is_none() && !at.within.is_empty() {
            self.runs_flow(&at.within);
        }
        let way = at.to_string();
        if self.open.contains_key(&way) {
            return;
        }
        let parent = match parent(at) {
            None => Some(self.run.id),
            // One that there was no room for has nothing within it either.
            Some(parent) => match self.open.get(&parent) {
                Some(open) => open.span.as_ref().map(|span| span.id),
                None => Some(self.run.id),
            },
        };
        let times = self.begun.entry(way.clone()).or_default();
        *times += 1;
        let id = self.facts.span.within((&way, *times));
        let span = parent.filter(|_| self.takes_room()).map(|parent| {
            let mut span = self.span(format!("node {}", at.node), time);
            (span.id, span.parent) = (id, Some(parent));
            push(&mut span, "lockgate.node", way.as_str());
            if let Some(index) = at.index {
                push(&mut span, "lockgate.element", u64::from(index));
            }
            if let Some(elements) = elements {
                push(&mut span, "lockgate.elements", u64::from(elements));
            }
            span
        });
        if span.is_none() {
            self.spans_left_out += 1;
        }
        let open = Open {
            span,
            call: None,
            calls: 0,
            runs_flow: false,
        };
        self.open.insert(way, open);
    }

    /// The node at this way runs a flow: its attempt is no call.
    fn runs_flow(&mut self, way: &str) {
        let Some(open) = self.open.get_mut(way) else {
            return;
        };
        open.runs_flow = true;
        if open.call.take().is_some() {
            self.room += 1;
        }
    }

    /// An attempt begins.
    fn call(&mut self, at: &At, time: SystemTime, attempt: u32, inputs: &[(Ident, Value)]) {
        let way = at.to_string();
        let Some(open) = self.open.get_mut(&way).filter(|open| !open.runs_flow) else {
            return;
        };
        open.calls += 1;
        let number = open.calls;
        let node = open.span.as_ref().map(|span| span.id);
        // One whose end nobody told.
        if let Some(call) = open.call.take() {
            self.end(call.finish(), time);
        }
        let Some(node) = node.filter(|_| self.takes_room()) else {
            self.spans_left_out += 1;
            return;
        };
        let mut span = self.span(format!("call {}", at.node), time);
        (span.id, span.parent) = (node.within(("call", number)), Some(node));
        push(&mut span, "lockgate.node", way.as_str());
        push(&mut span, "lockgate.attempt", u64::from(attempt));
        if self.config.content {
            push(&mut span, "lockgate.inputs", attributes::ports(inputs));
        }
        if let Some(open) = self.open.get_mut(&way) {
            let log_lines = 0;
            open.call = Some(Call { span, log_lines });
        }
    }

    fn log(&mut self, at: &At, time: SystemTime, level: LogLevel, line: &str) {
        let open = self.open.get_mut(&at.to_string());
        let Some(call) = open.and_then(|open| open.call.as_mut()) else {
            return;
        };
        call.log_lines += 1;
        if self.config.content {
            let said: Attributes = vec![
                ("lockgate.log.level".into(), level.to_string().into()),
                ("lockgate.log.line".into(), attributes::line(line).into()),
            ];
            self.events_left_out += happened(&mut call.span, "log", time, said);
        }
    }

    fn retrying(&mut self, at: &At, time: SystemTime, attempt: u32, error: &CallError, delay: u64) {
        let Some(open) = self.open.get_mut(&at.to_string()) else {
            return;
        };
        if let Some(call) = open.call.take() {
            let mut span = call.finish();
            push(&mut span, "lockgate.outcome", error.outcome());
            push(&mut span, "lockgate.delay_us", delay);
            attributes::failed(&mut span, error, self.config.content);
            self.end(span, time);
        } else if let Some(span) = &mut open.span {
            let said: Attributes = vec![
                ("lockgate.attempt".into(), u64::from(attempt).into()),
                ("lockgate.delay_us".into(), delay.into()),
                ("error.type".into(), error.kind().into()),
            ];
            self.events_left_out += happened(span, "retry", time, said);
        }
    }

    fn skipped(&mut self, at: &At, time: SystemTime, reason: &SkipReason) {
        if at.index.is_none() && !at.within.is_empty() {
            self.runs_flow(&at.within);
        }
        let around = parent(at).and_then(|way| self.open.get_mut(&way));
        let span = match around {
            None => &mut self.run,
            Some(open) => match &mut open.span {
                Some(span) => span,
                None => return,
            },
        };
        let reason: Cow<'_, str> = match reason {
            SkipReason::When => "when".into(),
            SkipReason::Needs(node) => format!("needs {node}").into(),
        };
        let said: Attributes = vec![
            ("lockgate.node".into(), at.to_string().into()),
            ("lockgate.reason".into(), (&*reason).into()),
        ];
        self.events_left_out += happened(span, "node skipped", time, said);
    }

    fn finished(
        &mut self,
        at: &At,
        time: SystemTime,
        outcome: &NodeOutcome,
        receipt: &NodeReceipt,
    ) {
        let Some(mut open) = self.open.remove(&at.to_string()) else {
            return;
        };
        let mut usage = receipt.usage.as_ref();
        // A flow in which nothing had to be called.
        let was_called = receipt.attempts > 0;
        if !was_called && open.call.take().is_some() {
            self.room += 1;
        }
        if let Some(call) = open.call.take() {
            let mut span = call.finish();
            if let Some(usage) = usage.take() {
                span.name = attributes::model(&mut span.attributes, usage);
                span.kind = SpanKind::Client;
            }
            self.ended(&mut span, outcome);
            self.end(span, time);
        }
        if let Some(mut span) = open.span {
            attributes::receipt(&mut span.attributes, receipt);
            if let Some(usage) = usage {
                attributes::tokens(&mut span.attributes, usage);
            }
            self.ended(&mut span, outcome);
            self.end(span, time);
        }
    }

    /// Says how a node or a call ended.
    fn ended(&self, span: &mut Span, outcome: &NodeOutcome) {
        let content = self.config.content;
        push(span, "lockgate.outcome", outcome.word());
        match outcome {
            NodeOutcome::Ok(outputs) | NodeOutcome::Pinned(outputs) if content => {
                push(span, "lockgate.outputs", attributes::ports(outputs));
            }
            NodeOutcome::Failed(error) => attributes::failed(span, error, content),
            NodeOutcome::Ok(_) | NodeOutcome::Pinned(_) | NodeOutcome::Cancelled => {}
        }
    }

    fn run_finished(&mut self, outcome: &RunOutcome) {
        let (run, content) = (&mut self.run, self.config.content);
        push(run, "lockgate.outcome", outcome.word());
        match outcome {
            RunOutcome::Ok(output) if content => {
                push(run, "lockgate.output", attributes::document(output));
            }
            RunOutcome::Failed { node, error } => {
                push(run, "lockgate.failed_node", node.to_string());
                attributes::failed(run, error, content);
            }
            RunOutcome::Broken { reason } => {
                attributes::broken(run, "broken", content.then_some(&**reason));
            }
            RunOutcome::Ok(_) | RunOutcome::Cancelled => {}
        }
    }

    fn takes_room(&mut self) -> bool {
        let has_room = self.room > 0;
        self.room = self.room.saturating_sub(1);
        has_room
    }

    fn span(&self, name: String, start: SystemTime) -> Span {
        Span {
            trace: self.facts.context.trace,
            id: self.facts.span,
            parent: None,
            has_remote_parent: Some(false),
            flags: self.facts.context.flags,
            state: self.facts.context.state.clone(),
            name,
            kind: SpanKind::Internal,
            start,
            end: start,
            attributes: Vec::new(),
            events: Vec::new(),
            status: SpanStatus::Unset,
        }
    }

    /// A clock that was set back makes an empty span, not a negative one.
    fn end(&mut self, mut span: Span, time: SystemTime) {
        span.end = time.max(span.start);
        self.done.push(span);
    }
}
