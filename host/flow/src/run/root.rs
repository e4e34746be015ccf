//! A run that somebody asked for: what they asked is checked, and the journal hears how it ended, however it does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lockgate_model::{Ident, Journal, Outputs, RunOutcome, Value};
use serde_json::Value as Tree;

use super::context::{Context, Root};
use super::events::Events;
use super::state::Extent;
use super::values::{Given, Values};
use super::{Run, RunError};
use crate::coerce;
use crate::engine::{Engine, RunRequest};
use crate::excerpt::clipped;
use crate::expression::{Computed, type_name};
use crate::plan::Plan;

/// The longest value of a label that is kept, in bytes.
const MAX_LABEL_BYTES: usize = 256;

/// Runs a plan once.
pub(crate) async fn run(
    engine: &Arc<Engine>,
    plan: Arc<Plan>,
    request: RunRequest,
    journal: Arc<dyn Journal>,
) -> Result<Tree, RunError> {
    let extent = extent(&plan, &request)?;
    plan.check_input(&request.input).map_err(RunError::Input)?;
    let input = Arc::new(request.input);
    let root = Root::new(
        request.id,
        request.project,
        engine.next_turn(),
        Events::new(journal, engine),
        request.vars,
    );
    let (context, quiet) = Context::new(engine, plan, root);
    let mut run = Run::new(&context, Arc::clone(&input), &extent);
    let labels = labels(&context.plan, &run.state.values);
    let mut close = Close {
        engine,
        events: context.root.events.clone(),
        plan: Arc::clone(&context.plan),
        began: engine.clock.now(),
        outcome: None,
    };
    context.root.events.run_started(&context, &input, labels);
    let result = run.complete(extent).await;
    // What runs beside is told to end, and has ended before anybody hears that the run is over.
    drop(run);
    drop(context);
    quiet.wait().await;
    let result = result.map(|outputs| Arc::new(coerce::edges(&outputs)));
    close.outcome = Some(outcome(&result));
    drop(close);
    result.map(Arc::unwrap_or_clone)
}

/// Says how the run ended; dropped before that is known, that it was cancelled.
struct Close<'e> {
    engine: &'e Engine,
    events: Events,
    plan: Arc<Plan>,
    began: Duration,
    outcome: Option<RunOutcome>,
}

impl Drop for Close<'_> {
    fn drop(&mut self) {
        let took = self.engine.clock.now().saturating_sub(self.began);
        let outcome = self.outcome.take().unwrap_or(RunOutcome::Cancelled);
        self.events.close(&self.plan, outcome, took);
    }
}

fn outcome(result: &Result<Arc<Tree>, RunError>) -> RunOutcome {
    match result {
        Ok(output) => RunOutcome::Ok(Arc::clone(output)),
        Err(RunError::Node { node, error }) => RunOutcome::Failed {
            node: node.clone(),
            error: Arc::clone(error),
        },
        Err(RunError::Stopped) => RunOutcome::Cancelled,
        Err(error) => RunOutcome::Broken {
            reason: error.to_string().into(),
        },
    }
}

/// What the flow's labels are for this input. A label whose value is not there is left out.
fn labels(plan: &Plan, values: &Values<'_>) -> Vec<(Ident, Value)> {
    let label = |wire: &crate::plan::PlanWire| {
        let text = match values.give(&wire.expr.from, None).ok()? {
            Given::Constant(value) => label_text(coerce::edge(value)),
            Given::Whole(_) => return None, // labels refer to no node
            Given::Part(tree, _) => label_text(tree.clone()),
            Given::Computed(Computed::Text(text)) => text,
            Given::Computed(Computed::Json(tree)) => label_text(tree),
        };
        let end = text.floor_char_boundary(MAX_LABEL_BYTES);
        Some((wire.name.clone(), Value::text(&text[..end])))
    };
    plan.labels.iter().filter_map(label).collect()
}

fn label_text(tree: Tree) -> String {
    match tree {
        Tree::String(text) => text,
        other => other.to_string(),
    }
}

impl Plan {
    /// Whether [`Engine::run`] takes this request, for who keeps it until later.
    ///
    /// # Errors
    ///
    /// [`RunError::Request`] or [`RunError::Input`], as the run would give it.
    pub fn check_request(&self, request: &RunRequest) -> Result<(), RunError> {
        extent(self, request)?;
        self.check_input(&request.input).map_err(RunError::Input)
    }
}

/// What is asked for, by the plan's indices.
fn extent(plan: &Plan, request: &RunRequest) -> Result<Extent, RunError> {
    let find = |name: &str| {
        let found = (0..)
            .zip(&plan.nodes)
            .find(|(_, node)| node.name.as_str() == name);
        found.map(|(index, _)| index).ok_or_else(|| {
            RunError::Request(format!(
                "the flow `{}` has no node `{}`",
                plan.name,
                clipped(name)
            ))
        })
    };
    let until = request.until.as_deref().map(find).transpose()?;
    let mut pinned = HashMap::new();
    for (name, ports) in &request.pinned {
        let node = find(name)?;
        pinned.insert(node, pinned_outputs(plan, node, ports)?);
    }
    Ok(Extent { until, pinned })
}

/// Outputs as somebody gave them, checked against the node's ports. Those that nobody reads may be left out.
fn pinned_outputs(plan: &Plan, index: u32, given: &Tree) -> Result<Outputs, RunError> {
    let node = &plan.nodes[index as usize];
    let refuse = |what: String| Err(RunError::Request(format!("pinned `{}`: {what}", node.name)));
    let Some(given) = given.as_object() else {
        return refuse("a node's outputs are an object of ports and values".to_owned());
    };
    let known = |name: &str| node.outputs.iter().any(|port| port.name.as_str() == name);
    if let Some(name) = given.keys().find(|name| !known(name)) {
        return refuse(format!("it has no output `{}`", clipped(name)));
    }
    let mut outputs = Outputs::new();
    for (at, port) in (0..).zip(&node.outputs) {
        match given.get(port.name.as_str()) {
            Some(value) if node.each.is_some() && !value.is_array() => {
                let given = type_name(value);
                return refuse(format!(
                    "`{}` is {given}, and `each` gives lists",
                    port.name
                ));
            }
            Some(value) => match coerce::input_value(value, port.kind) {
                Ok(value) => outputs.push((port.name.clone(), value)),
                Err(error) => return refuse(format!("`{}`: {error}", port.name)),
            },
            None if port.required && plan.is_read(index, at) => {
                return refuse(format!(
                    "the output `{}` is missing, which the flow reads",
                    port.name
                ));
            }
            None => {}
        }
    }
    Ok(outputs)
}
