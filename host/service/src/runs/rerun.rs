//! Repeating a run, as a whole or from one of its nodes on: what does not depend on the node is pinned to what it gave, and
//! the variables are what they were.

use std::collections::BTreeSet;

use lockgate_flow::{Detour, Plan, PlanNode};
use lockgate_model::Ident;
use lockgate_store::{RunRow, RunState as Stored};
use serde_json::{Map, Value as Tree, json};

use super::conduct::Conductor;
use super::start::{Demand, check_vars};
use super::{RerunAsk, Trigger, access, lines};
use crate::{Caller, Resolved, Scope, ServiceError};

/// What a rerun starts from.
pub(super) async fn demand(
    conductor: &Conductor,
    caller: &Caller,
    row: RunRow,
    ask: &RerunAsk,
) -> Result<Demand, ServiceError> {
    conductor.check_draining()?;
    let run = row.summary.id;
    if row.summary.state != Stored::Finished {
        return Err(ServiceError::NotFinished);
    }
    let Some(flow) = row.summary.flow else {
        return Err(ServiceError::NodeGone(
            "the run was one of a document that came with its request, which is not kept: send the document again, with \
             what is to stay under `pinned`"
                .into(),
        ));
    };
    caller.may_with(Scope::Run, &flow)?;
    let version = ask.version.or(row.summary.version);
    let resolved = conductor.registry.resolve(&caller.project, &flow, version);
    let Resolved {
        plan,
        flow,
        version,
        revision,
        ..
    } = resolved.await?;
    if row.summary.cut {
        return Err(ServiceError::CutRun);
    }
    if row.summary.masked {
        return Err(ServiceError::MaskedRun);
    }
    check_vars(&plan, &ask.vars)?;
    let staying = match &ask.from {
        None => BTreeSet::new(),
        Some(from) => staying(&plan, from).ok_or_else(|| {
            let from: String = from.chars().take(64).collect();
            ServiceError::NodeGone(format!(
                "version {version} of the flow `{flow}` has no node `{}`",
                from.escape_debug()
            ))
        })?,
    };
    let Recorded {
        input,
        mut vars,
        pinned,
    } = recorded(&row.events, &staying)?;
    // Those that this version of the flow has no more decided nothing of it.
    let names = plan.all_vars();
    vars.retain(|name, _| names.contains(name.as_str()));
    vars.extend(ask.vars.clone());
    let from = ask.from.is_some().then_some(Detour::Rerun);
    let other = (!vars.is_empty()).then_some(Detour::Vars);
    access::may_detour(caller, &plan, from.into_iter().chain(other))?;
    let asked = json!({ "run": run, "from": ask.from, "version": ask.version, "vars": ask.vars });
    Ok(Demand {
        plan,
        flow: Some(flow),
        version: Some(version),
        revision: Some(revision),
        input,
        vars,
        until: None,
        pinned,
        session: row.summary.session,
        parent: Some(run),
        trigger: Trigger::Rerun.word().into(),
        trace: ask.trace.clone(),
        route: "rerun".into(),
        asked: Some(asked),
        parts: None,
    })
}

/// The nodes of a plan that neither are this one nor depend on it. None if there is no such node.
fn staying<'p>(plan: &'p Plan, from: &str) -> Option<BTreeSet<&'p str>> {
    let again = plan.dependents_of(from)?;
    let names = plan.nodes().iter().map(PlanNode::name);
    let staying = names.filter(|name| name.as_str() != from && !again.contains(name));
    Some(staying.map(Ident::as_str).collect())
}

/// What is taken from the journal of the run that is repeated.
struct Recorded {
    input: Tree,
    vars: Map<String, Tree>,
    pinned: Map<String, Tree>,
}

/// The input, and the outputs of nodes that stay as they were. What was skipped, or gave nothing, is decided anew.
fn recorded(events: &[u8], staying: &BTreeSet<&str>) -> Result<Recorded, ServiceError> {
    let mut input = None;
    let mut vars = Map::new();
    let mut pinned = Map::new();
    let damaged =
        |error: serde_json::Error| ServiceError::Internal(format!("a stored run: {error}"));
    for line in lines::read(events) {
        match &*line.kind {
            "run.started" => {
                input = line.input;
                if let Some(asked) = line.vars {
                    vars = serde_json::from_str(asked.get()).map_err(damaged)?;
                }
            }
            "node.finished" if line.within.is_empty() && line.index.is_none() => {
                if let Some(outputs) = line.outputs.filter(|_| staying.contains(&*line.node)) {
                    let outputs = serde_json::from_str(outputs.get()).map_err(damaged)?;
                    pinned.insert(line.node.into_owned(), outputs);
                }
            }
            _ => {}
        }
    }
    let Some(input) = input else {
        return Err(ServiceError::NodeGone(
            "the run never began, so there is nothing of it to repeat".into(),
        ));
    };
    let input = serde_json::from_str(input.get()).map_err(damaged)?;
    Ok(Recorded {
        input,
        vars,
        pinned,
    })
}
