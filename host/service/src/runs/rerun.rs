//! Repeating a run from one of its nodes on: what does not depend on the node is pinned to what it gave.

use std::collections::BTreeSet;

use lockgate_flow::Detour;
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
    let vars = (!ask.vars.is_empty()).then_some(Detour::Vars);
    access::may_detour(caller, &plan, vars.into_iter().chain([Detour::Rerun]))?;
    if row.summary.cut {
        return Err(ServiceError::CutRun);
    }
    if row.summary.masked {
        return Err(ServiceError::MaskedRun);
    }
    check_vars(&plan, &ask.vars)?;
    let Some(dependents) = plan.dependents_of(&ask.from) else {
        let from: String = ask.from.chars().take(64).collect();
        return Err(ServiceError::NodeGone(format!(
            "version {version} of the flow `{flow}` has no node `{}`",
            from.escape_debug()
        )));
    };
    let again: BTreeSet<&str> = dependents
        .into_iter()
        .map(|name| name.as_str())
        .chain([ask.from.as_str()])
        .collect();
    let there: BTreeSet<&str> = plan
        .nodes()
        .iter()
        .map(|node| node.name().as_str())
        .collect();
    let stays = |node: &str| there.contains(node) && !again.contains(node);
    let Recorded { input, pinned } = recorded(&row.events, stays)?;
    let asked = json!({ "run": run, "from": ask.from, "version": ask.version, "vars": ask.vars });
    Ok(Demand {
        plan,
        flow: Some(flow),
        version: Some(version),
        revision: Some(revision),
        input,
        vars: ask.vars.clone(),
        until: None,
        pinned,
        session: row.summary.session,
        parent: Some(run),
        trigger: Trigger::Rerun.word().into(),
        route: "rerun".into(),
        asked: Some(asked),
    })
}

/// What is taken from the journal of the run that is repeated.
struct Recorded {
    input: Tree,
    pinned: Map<String, Tree>,
}

/// The input, and the outputs of nodes that stay as they were. What was skipped, or gave nothing, is decided anew.
fn recorded(events: &[u8], stays: impl Fn(&str) -> bool) -> Result<Recorded, ServiceError> {
    let mut input = None;
    let mut pinned = Map::new();
    let damaged =
        |error: serde_json::Error| ServiceError::Internal(format!("a stored run: {error}"));
    for line in lines::read(events) {
        match &*line.kind {
            "run.started" => input = line.input,
            "node.finished" if line.within.is_empty() && line.index.is_none() => {
                if let Some(outputs) = line.outputs.filter(|_| stays(&line.node)) {
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
    Ok(Recorded { input, pinned })
}
