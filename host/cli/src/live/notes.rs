//! What is said of a run in lines that stay, on a terminal and without one: what nodes log, and what went wrong and was
//! lived with. What ends the run is said at its end.

use std::collections::HashMap;
use std::sync::Arc;

use lockgate_flow::{Plan, PlanNode};
use lockgate_model::{LogLevel, NodeOutcome, RunEvent, escaped};

use super::state::way;
use crate::quantity::time;

/// How many retries and failures of one node are told. An `each` can have thousands.
const MAX_TOLD: u32 = 20;

/// Chooses and writes the lines.
#[derive(Debug)]
pub(super) struct Notes {
    plan: Arc<Plan>,
    /// From which level on log lines are shown.
    least: LogLevel,
    /// How many lines there were of each node.
    told: HashMap<String, u32>,
}

impl Notes {
    pub(super) fn new(plan: Arc<Plan>, least: LogLevel) -> Self {
        Self {
            plan,
            least,
            told: HashMap::new(),
        }
    }

    /// The line for an event, escaped, if it is worth one.
    pub(super) fn line(&mut self, event: &RunEvent) -> Option<String> {
        match event {
            RunEvent::NodeLog {
                at, level, line, ..
            } => (*level >= self.least).then(|| format!("{level:>5} {at}: {}", escaped(line))),
            RunEvent::NodeRetrying {
                at, error, delay, ..
            } => {
                let again = format!("again in {}", time(*delay));
                let line = format!("retry {at}: {}; {again}", escaped(&error.to_string()));
                self.tell(way(at), line)
            }
            RunEvent::NodeFinished {
                at,
                outcome: NodeOutcome::Failed(error),
                ..
            } => {
                let way = way(at);
                if !node(&self.plan, &way).is_some_and(PlanNode::continues) {
                    return None;
                }
                let line = format!(
                    " fail {at}: {}; the run goes on",
                    escaped(&error.to_string())
                );
                self.tell(way, line)
            }
            _ => None,
        }
    }

    fn tell(&mut self, way: String, line: String) -> Option<String> {
        let more = format!("      {way}: what else is repeated or fails is not shown");
        let told = self.told.entry(way).or_default();
        *told = told.saturating_add(1);
        match *told {
            ..=MAX_TOLD => Some(line),
            told if told == MAX_TOLD + 1 => Some(more),
            _ => None,
        }
    }
}

/// The node at the end of a way.
fn node<'p>(plan: &'p Plan, way: &str) -> Option<&'p PlanNode> {
    let (first, rest) = match way.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (way, None),
    };
    let mut nodes = plan.nodes().iter();
    let found = nodes.find(|node| node.name().as_str() == first)?;
    match rest {
        None => Some(found),
        Some(rest) => node(found.flow()?, rest),
    }
}
