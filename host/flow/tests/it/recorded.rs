//! A journal that keeps the events of a run, and the rules that they follow, whatever happens in it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use lockgate_model::{At, Journal, NodeOutcome, RunEvent, RunOutcome, Value};

/// The events of a run.
#[derive(Default)]
pub(crate) struct Recorded(Mutex<Vec<RunEvent>>);

impl Journal for Recorded {
    fn record(&self, event: RunEvent) {
        self.0.lock().expect("no panic").push(event);
    }
}

/// Where a node or an element of it is.
#[derive(Debug, Clone, PartialEq)]
enum Stands {
    /// It works on this attempt; 0 where it needs none.
    Begun(u32),
    /// This attempt failed, and there will be another.
    Waits(u32),
    /// It goes through so many elements.
    Whole(u32),
    Over,
}

impl Recorded {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn events(&self) -> Vec<RunEvent> {
        self.0.lock().expect("no panic").clone()
    }

    /// How each node and element ended, in the order of their names: `a[3] failed`. Not of those within a node that
    /// failed: how far they came depends on when it did.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let events = self.events();
        let outcome = |event: &RunEvent| match event {
            RunEvent::NodeSkipped { at, reason } => Some((at.to_string(), format!("{reason:?}"))),
            RunEvent::NodeFinished { at, outcome, .. } => {
                Some((at.to_string(), outcome.word().to_owned()))
            }
            _ => None,
        };
        let mut outcomes: Vec<_> = events.iter().filter_map(outcome).collect();
        let is_good = |outcome: &str| outcome == "ok";
        let failed: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| !is_good(outcome))
            .cloned()
            .collect();
        outcomes.retain(|(at, _)| !failed.iter().any(|(outer, _)| is_within(at, outer)));
        outcomes.sort();
        outcomes
            .into_iter()
            .map(|(at, outcome)| format!("{at} {outcome}"))
            .collect()
    }

    /// What the nodes of the outer flow gave, as a run takes what is pinned. Not of those of which an element failed: a
    /// node that is pinned has no failure.
    pub(crate) fn outputs(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut outputs = serde_json::Map::new();
        let mut failed = HashSet::new();
        for event in self.events() {
            let RunEvent::NodeFinished { at, outcome, .. } = event else {
                continue;
            };
            match outcome {
                _ if !at.within.is_empty() => {}
                NodeOutcome::Ok(ports) if at.index.is_none() => {
                    let json = |value| serde_json::to_value(value).expect("json");
                    let ports = ports
                        .iter()
                        .map(|(name, value)| (name.to_string(), json(value)));
                    outputs.insert(at.node.to_string(), ports.collect());
                }
                NodeOutcome::Ok(_) => {}
                _ => {
                    failed.insert(at.node.to_string());
                }
            }
        }
        outputs.retain(|node, _| !failed.contains(node));
        outputs
    }

    /// Holds the events against the rules. `needs` are the ways from a node of the outer flow to those that have to
    /// have ended before it starts.
    pub(crate) fn check(&self, needs: &HashMap<String, Vec<String>>) -> Result<(), String> {
        let events = self.events();
        let mut rules = Rules {
            needs,
            stands: HashMap::new(),
        };
        let (Some((RunEvent::RunStarted { .. }, rest)), Some(RunEvent::RunFinished { outcome })) =
            (events.split_first(), events.last())
        else {
            return Err("a run starts first and finishes last".to_owned());
        };
        for (nth, event) in rest[..rest.len() - 1].iter().enumerate() {
            rules
                .follow(event)
                .map_err(|rule| format!("event {nth}, {event:?}: {rule}"))?;
        }
        let open = rules
            .stands
            .iter()
            .find(|(_, stands)| **stands != Stands::Over);
        if let Some((at, stands)) = open {
            return Err(format!("{at} never ended: {stands:?}"));
        }
        if matches!(outcome, RunOutcome::Ok(_)) {
            check_lists(&events)?;
        }
        Ok(())
    }
}

struct Rules<'n> {
    needs: &'n HashMap<String, Vec<String>>,
    stands: HashMap<String, Stands>,
}

impl Rules<'_> {
    fn follow(&mut self, event: &RunEvent) -> Result<(), String> {
        let Some(at) = event.at() else {
            return Err("a run starts and finishes once".to_owned());
        };
        let way = at.to_string();
        let stands = self.stands.get(&way).cloned();
        let next = match (event, stands) {
            (
                RunEvent::NodeStarted {
                    attempt, elements, ..
                },
                stands,
            ) => {
                self.may_start(at)?;
                match (stands, attempt, elements) {
                    (None, 0, Some(elements)) => Stands::Whole(*elements),
                    (None, 0 | 1, None) => Stands::Begun(*attempt),
                    (Some(Stands::Waits(failed)), attempt, None) if *attempt == failed + 1 => {
                        // A flow that is run again starts its nodes again.
                        self.all_over_within(&way)?;
                        self.stands.retain(|inner, _| !is_within(inner, &way));
                        Stands::Begun(*attempt)
                    }
                    (stands, ..) => return Err(format!("it starts where it stands: {stands:?}")),
                }
            }
            (
                RunEvent::NodePart { attempt, .. } | RunEvent::NodeLog { attempt, .. },
                Some(Stands::Begun(now)),
            ) if now == *attempt && now > 0 => Stands::Begun(now),
            (RunEvent::NodeRetrying { attempt, .. }, Some(Stands::Begun(now)))
                if now == *attempt && now > 0 =>
            {
                Stands::Waits(now)
            }
            (RunEvent::NodeSkipped { .. }, None) => {
                self.may_start(at)?;
                Stands::Over
            }
            (RunEvent::NodeFinished { outcome, .. }, Some(stands)) if stands != Stands::Over => {
                self.all_over_within(&way)?;
                if let (Stands::Whole(elements), NodeOutcome::Ok(_)) = (stands, outcome) {
                    let ended = |index| self.stands.contains_key(&format!("{way}[{index}]"));
                    if !(0..elements).all(ended) {
                        return Err("some of its elements never began".to_owned());
                    }
                }
                Stands::Over
            }
            (_, stands) => return Err(format!("not where it stands: {stands:?}")),
        };
        self.stands.insert(way, next);
        Ok(())
    }

    /// What it needs has ended, and what it is within has begun.
    fn may_start(&self, at: &At) -> Result<(), String> {
        let is_over = |way: &String| self.stands.get(way) == Some(&Stands::Over);
        if at.within.is_empty()
            && let Some(needs) = self.needs.get(at.node.as_str())
            && let Some(open) = needs.iter().find(|need| !is_over(need))
        {
            return Err(format!("it starts before {open} ended"));
        }
        let outer = match at.index {
            Some(_) => At {
                index: None,
                ..at.clone()
            }
            .to_string(),
            None => at.within.to_string(),
        };
        let begun = matches!(
            self.stands.get(&outer),
            Some(Stands::Begun(_) | Stands::Whole(_))
        );
        if !outer.is_empty() && !begun {
            return Err(format!("it starts, and {outer} does not run"));
        }
        Ok(())
    }

    fn all_over_within(&self, outer: &str) -> Result<(), String> {
        let mut within = self.stands.iter().filter(|(way, _)| is_within(way, outer));
        match within.find(|(_, stands)| **stands != Stands::Over) {
            Some((way, stands)) => Err(format!("{way} within it goes on: {stands:?}")),
            None => Ok(()),
        }
    }
}

fn is_within(way: &str, outer: &str) -> bool {
    let rest = way.strip_prefix(outer);
    rest.is_some_and(|rest| rest.starts_with('/') || rest.starts_with('['))
}

/// The list that a node with `each` gives has what its elements gave, in their order.
fn check_lists(events: &[RunEvent]) -> Result<(), String> {
    let mut ended: HashMap<String, (&At, &NodeOutcome)> = HashMap::new();
    for event in events {
        if let RunEvent::NodeFinished { at, outcome, .. } = event {
            ended.insert(at.to_string(), (at, outcome));
        }
    }
    for event in events {
        let RunEvent::NodeStarted {
            at,
            elements: Some(elements),
            ..
        } = event
        else {
            continue;
        };
        let Some((_, NodeOutcome::Ok(outputs))) = ended.get(&at.to_string()) else {
            continue;
        };
        let value = |outputs: &[(lockgate_model::Ident, Value)]| {
            let value = outputs.iter().find(|(name, _)| name.as_str() == "value");
            value.map(|(_, value)| crate::puppets::text_of(value))
        };
        let Some(Ok(list)) =
            value(outputs).map(|list| serde_json::from_str::<Vec<serde_json::Value>>(&list))
        else {
            return Err(format!("{at} gave no list"));
        };
        let mut rest = &list[..];
        for index in 0..*elements {
            let given = match ended.get(&format!("{at}[{index}]")) {
                Some((_, NodeOutcome::Ok(outputs))) => value(outputs),
                _ => None,
            };
            let given = given.map(|text| serde_json::from_str(&text).expect("json"));
            let given: Vec<serde_json::Value> = match given {
                Some(serde_json::Value::Array(batch)) => batch,
                Some(one) => vec![one],
                // The nulls of an element or a batch that failed.
                None => {
                    let nulls = rest.iter().take_while(|value| value.is_null()).count();
                    if nulls == 0 {
                        return Err(format!("{at}[{index}] failed, and its place is taken"));
                    }
                    rest = &rest[1..];
                    continue;
                }
            };
            // Of a batch that failed, more nulls than one.
            while rest.len() > given.len() && rest.first().is_some_and(serde_json::Value::is_null) {
                rest = &rest[1..];
            }
            rest = rest
                .strip_prefix(&given[..])
                .ok_or_else(|| format!("{at}[{index}] is not in its place"))?;
        }
        if rest.iter().any(|value| !value.is_null()) {
            return Err(format!("{at} gave more than its elements did"));
        }
    }
    Ok(())
}
