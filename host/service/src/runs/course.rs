//! The course of one node, from the lines of a journal.

use std::collections::BTreeMap;

use lockgate_model::RunEvent;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Tree};
use uuid::Uuid;

use super::lines::Line;
use super::stored::text;
use super::{AttemptView, CourseView, ElementView, LogView, MAX_ATTEMPTS, MAX_LOG_LINES, NodeView};
use crate::Doc;

/// Which node of a run: its name, and the way to the sub-flow that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way<'a> {
    within: &'a str,
    node: &'a str,
}

impl<'a> Way<'a> {
    /// Reads `chapters[3]/clean`.
    pub(crate) fn read(way: &'a str) -> Self {
        let (within, node) = way.rsplit_once('/').unwrap_or(("", way));
        Self { within, node }
    }

    /// Whether an event is one of this node.
    pub(crate) fn is_at(&self, event: &RunEvent) -> bool {
        let at = event.at();
        at.is_some_and(|at| *at.within == *self.within && at.node.as_str() == self.node)
    }

    fn is_of(&self, line: &Line<'_>) -> bool {
        line.node == self.node && line.within == self.within && line.kind.starts_with("node.")
    }
}

/// Collects the course of one node.
pub(crate) struct Collect<'a> {
    way: Way<'a>,
    after: Option<u32>,
    limit: usize,
    seen: bool,
    whole: Course,
    elements: BTreeMap<u32, Course>,
    elements_total: Option<u32>,
    skipped: Option<Doc>,
}

#[derive(Default)]
struct Course {
    view: CourseView,
    /// Of the last attempts, what each port sent.
    parts: BTreeMap<u32, Map<String, Tree>>,
}

impl<'a> Collect<'a> {
    /// Of the elements after `after`, at most `limit`.
    pub(crate) fn new(way: Way<'a>, after: Option<u32>, limit: u32) -> Self {
        Self {
            way,
            after,
            limit: limit as usize,
            seen: false,
            whole: Course::default(),
            elements: BTreeMap::new(),
            elements_total: None,
            skipped: None,
        }
    }

    /// Reads a line of the run's journal.
    pub(crate) fn read(&mut self, line: &Line<'_>) {
        if !self.way.is_of(line) {
            return;
        }
        self.seen = true;
        let course = match line.index {
            None => &mut self.whole,
            Some(index) if self.after.is_some_and(|after| index <= after) => return,
            Some(index) => {
                let is_beyond = |(&last, _): (&u32, _)| index > last;
                let is_full = self.elements.len() > self.limit;
                if is_full && self.elements.last_key_value().is_some_and(is_beyond) {
                    return;
                }
                if is_full && !self.elements.contains_key(&index) {
                    self.elements.pop_last();
                }
                self.elements.entry(index).or_default()
            }
        };
        if line.index.is_none() {
            self.elements_total = self.elements_total.or(line.elements);
            if line.kind == "node.skipped" {
                self.skipped = doc(line.reason);
            }
        }
        course.read(line);
    }

    /// What happened; None: nothing at such a node.
    pub(crate) fn finish(mut self, run: Uuid, node: String) -> Option<NodeView> {
        if !self.seen {
            return None;
        }
        let is_more = self.elements.len() > self.limit;
        if is_more {
            self.elements.pop_last();
        }
        let last = self.elements.last_key_value().map(|(&index, _)| index);
        let elements = self
            .elements
            .into_iter()
            .map(|(index, course)| ElementView {
                index,
                course: course.finish(),
            });
        Some(NodeView {
            run,
            node,
            course: self.whole.finish(),
            skipped: self.skipped,
            elements_total: self.elements_total,
            elements: elements.collect(),
            next: last.filter(|_| is_more),
        })
    }
}

impl Course {
    fn read(&mut self, line: &Line<'_>) {
        match &*line.kind {
            "node.started" => {
                let at = line.at.to_string();
                self.view.started_at.get_or_insert_with(|| at.clone());
                let attempt = self.attempt(line.attempt);
                attempt.started_at = Some(at);
                attempt.inputs = doc(line.inputs);
            }
            "node.part" => self.part(line),
            "node.log" => {
                let log = &mut self.attempt(line.attempt).log;
                if log.len() >= MAX_LOG_LINES {
                    log.remove(0);
                }
                log.push(LogView {
                    at: line.at.to_string(),
                    level: line.level.as_deref().unwrap_or_default().to_owned(),
                    line: line.line.map(text).unwrap_or_default(),
                });
            }
            "node.retrying" => {
                let attempt = self.attempt(line.attempt);
                attempt.error = doc(line.error);
                attempt.delay_us = line.delay_us;
            }
            "node.finished" => {
                self.view.finished_at = Some(line.at.to_string());
                self.view.outcome = line.outcome.as_deref().map(str::to_owned);
                self.view.outputs = doc(line.outputs);
                self.view.error = doc(line.error);
                self.view.receipt = doc(line.receipt);
            }
            _ => {}
        }
    }

    /// The attempt of this number; those before the last ones go.
    fn attempt(&mut self, number: u32) -> &mut AttemptView {
        let attempts = &mut self.view.attempts;
        let at = match attempts.iter().position(|one| one.attempt == number) {
            Some(at) => at,
            None => {
                if attempts.len() >= MAX_ATTEMPTS {
                    let gone = attempts.remove(0);
                    self.parts.remove(&gone.attempt);
                }
                attempts.push(AttemptView {
                    attempt: number,
                    ..AttemptView::default()
                });
                attempts.len() - 1
            }
        };
        &mut attempts[at]
    }

    /// Text is joined, documents become a list.
    fn part(&mut self, line: &Line<'_>) {
        let (Some(port), Some(part)) = (&line.port, line.part) else {
            return;
        };
        self.attempt(line.attempt);
        let ports = self.parts.entry(line.attempt).or_default();
        let part: Tree = serde_json::from_str(part.get()).unwrap_or_default();
        match (ports.get_mut(&**port), part) {
            (Some(Tree::String(text)), Tree::String(part)) => text.push_str(&part),
            (Some(Tree::Array(list)), part) => list.push(part),
            (Some(before), part) => *before = Tree::Array(vec![before.take(), part]),
            (None, Tree::String(text)) => {
                ports.insert(port.to_string(), Tree::String(text));
            }
            (None, part) => {
                ports.insert(port.to_string(), Tree::Array(vec![part]));
            }
        }
    }

    fn finish(mut self) -> CourseView {
        for attempt in &mut self.view.attempts {
            let parts = self.parts.remove(&attempt.attempt);
            attempt.parts = parts.map(|ports| Doc::from(Tree::Object(ports)));
        }
        self.view
    }
}

fn doc(raw: Option<&RawValue>) -> Option<Doc> {
    raw.map(|raw| Doc::from(raw.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::lines;
    use super::*;

    fn told(way: &str, after: Option<u32>, limit: u32, events: &[Tree]) -> Tree {
        let mut collect = Collect::new(Way::read(way), after, limit);
        let text: String = events.iter().map(|event| format!("{event}\n")).collect();
        lines::read(text.as_bytes()).for_each(|line| collect.read(&line));
        let view = collect.finish(Uuid::nil(), way.to_owned());
        serde_json::to_value(view).expect("a view")
    }

    #[test]
    fn attempts_parts_and_log_lines_are_told_apart() {
        let at = "2026-01-01T00:00:00Z";
        let told = told(
            "outer[3]/a",
            None,
            10,
            &[
                json!({"type": "node.started", "at": at, "node": "a", "attempt": 9}),
                json!({"type": "node.started", "at": at, "within": "outer[3]", "node": "a", "attempt": 1, "inputs": {"x": 1}}),
                json!({"type": "node.part", "within": "outer[3]", "node": "a", "attempt": 1, "port": "text", "part": "春"}),
                json!({"type": "node.part", "within": "outer[3]", "node": "a", "attempt": 1, "port": "text", "part": "天"}),
                json!({"type": "node.part", "within": "outer[3]", "node": "a", "attempt": 1, "port": "list", "part": 1}),
                json!({"type": "node.part", "within": "outer[3]", "node": "a", "attempt": 1, "port": "list", "part": [2]}),
                json!({"type": "node.log", "at": at, "within": "outer[3]", "node": "a", "attempt": 1, "level": "warn", "line": "a\"b"}),
                json!({"type": "node.retrying", "within": "outer[3]", "node": "a", "attempt": 1, "error": {"kind": "upstream"}, "delay_us": 7}),
                json!({"type": "node.started", "at": at, "within": "outer[3]", "node": "a", "attempt": 2}),
                json!({"type": "node.finished", "at": at, "within": "outer[3]", "node": "a", "outcome": "ok", "outputs": {"text": "x"}, "receipt": {"fuel": 1}}),
            ],
        );
        assert_eq!(told["node"], "outer[3]/a");
        assert_eq!(told["outcome"], "ok");
        assert_eq!(told["receipt"], json!({"fuel": 1}));
        assert_eq!(told["attempts"].as_array().map(Vec::len), Some(2));
        let first = &told["attempts"][0];
        assert_eq!(first["inputs"], json!({"x": 1}));
        assert_eq!(first["parts"], json!({"text": "春天", "list": [1, [2]]}));
        assert_eq!(first["log"][0]["line"], "a\"b");
        assert_eq!(first["delay_us"], 7);
    }

    #[test]
    fn elements_come_in_pieces_in_their_order() {
        let events: Vec<_> = [4, 0, 3, 1, 2]
            .map(|index| {
                json!({"type": "node.finished", "node": "a", "index": index, "outcome": "ok", "receipt": {}})
            })
            .into();
        let indices = |told: &Tree| -> Vec<_> {
            let elements = told["elements"].as_array().cloned().unwrap_or_default();
            elements.iter().map(|one| one["index"].as_u64()).collect()
        };
        let first = told("a", None, 2, &events);
        assert_eq!(indices(&first), [Some(0), Some(1)]);
        assert_eq!(first["next"], 1);
        let next = told("a", Some(1), 2, &events);
        assert_eq!(indices(&next), [Some(2), Some(3)]);
        let last = told("a", Some(3), 2, &events);
        assert_eq!(indices(&last), [Some(4)]);
        assert!(last.get("next").is_none());
        assert!(told("b", None, 2, &events).is_null());
    }
}
