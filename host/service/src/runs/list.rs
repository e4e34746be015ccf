//! Lists of runs: those that are stored, and those that go on beside them.

use lockgate_store::{RunFilter, RunState as Stored};
use uuid::Uuid;

use super::conduct::Conductor;
use super::start::summary_so_far;
use super::{RunSummary, RunsQuery, access};
use crate::{Caller, Page, Scope, ServiceError, page};

/// The words for how a run can end.
const OUTCOMES: [&str; 6] = ["ok", "failed", "rejected", "trapped", "denied", "cancelled"];

/// Runs of the caller's project, the newest first.
pub(super) async fn list(
    conductor: &Conductor,
    caller: &Caller,
    query: RunsQuery,
) -> Result<Page<RunSummary>, ServiceError> {
    access::may_read_some(caller)?;
    let filter = filter(caller, query)?;
    let limit = filter.limit as usize;
    let stored = conductor.store.runs(&caller.project, &filter).await?;
    // Those that go on and are older than this piece are told in a later one.
    let from = stored.next;
    let going_on = going_on(conductor, caller, &filter, from);
    let stored = stored.runs.into_iter().map(RunSummary::from);
    let mut items: Vec<_> = stored.collect();
    let mut known: Vec<_> = items.iter().map(|run| run.run).collect();
    known.sort_unstable();
    items.extend(
        going_on
            .into_iter()
            .filter(|run| known.binary_search(&run.run).is_err()),
    );
    items.sort_unstable_by_key(|run| std::cmp::Reverse(run.run));
    let is_more = items.len() > limit;
    items.truncate(limit);
    let next = match items.last() {
        Some(last) if is_more => Some(last.run),
        _ => from,
    };
    items.retain(|run| access::may_read(caller, run.flow.as_ref(), run.key));
    Ok(Page {
        items,
        next: next.map(|next| next.to_string()),
    })
}

/// Runs that go on and have no row yet.
fn going_on(
    conductor: &Conductor,
    caller: &Caller,
    filter: &RunFilter,
    from: Option<Uuid>,
) -> Vec<RunSummary> {
    let is_told = matches!(filter.state, None | Some(Stored::Running))
        && filter.outcome.is_none()
        && filter.batch.is_none();
    if !is_told {
        return Vec::new();
    }
    let live = conductor.live.all().into_iter().filter(|live| {
        let birth = &live.birth;
        let fits = |asked: &Option<String>, given: Option<&str>| {
            asked.as_deref().is_none_or(|asked| given == Some(asked))
        };
        !birth.queued
            && birth.project == caller.project
            && (filter.flow.is_none() || birth.flow == filter.flow)
            && (filter.key.is_none() || birth.key == filter.key)
            && fits(&filter.session, birth.session.as_deref())
            && fits(&filter.trigger, Some(&birth.trigger))
            && filter
                .since_ms
                .is_none_or(|since| birth.created_at >= since)
            && filter.until_ms.is_none_or(|until| birth.created_at < until)
            && filter.before.is_none_or(|before| birth.id < before)
            && from.is_none_or(|from| birth.id >= from)
    });
    let label = |run: &RunSummary| {
        let Some((name, value)) = &filter.label else {
            return true;
        };
        let labels = run.labels.as_ref().map(crate::Doc::to_tree);
        labels.is_some_and(|labels| labels.get(name).and_then(|one| one.as_str()) == Some(value))
    };
    live.map(|live| summary_so_far(&live))
        .filter(label)
        .collect()
}

/// The store's filter for a query.
fn filter(caller: &Caller, query: RunsQuery) -> Result<RunFilter, ServiceError> {
    let wrong = |what: String| Err(ServiceError::InvalidRequest(what));
    let state = match query.state.as_deref() {
        None => None,
        Some("queued") => Some(Stored::Queued),
        Some("running") => Some(Stored::Running),
        Some("finished") => Some(Stored::Finished),
        Some(_) => return wrong("`state` is `queued`, `running` or `finished`".into()),
    };
    if let Some(outcome) = &query.outcome
        && !OUTCOMES.contains(&outcome.as_str())
    {
        return wrong(format!("`outcome` is one of {}", OUTCOMES.join(", ")));
    }
    if let (Some(flow), true) = (&query.flow, caller.scopes.has(Scope::Read)) {
        caller.may_with(Scope::Read, flow)?;
    }
    // Who may not read everything sees what their own key started.
    let key = (!caller.scopes.has(Scope::Read)).then_some(caller.key);
    let only_flow = match caller.flows.as_deref() {
        Some([flow]) => Some(flow.clone()),
        _ => None,
    };
    Ok(RunFilter {
        flow: query.flow.or(only_flow),
        outcome: query.outcome,
        state,
        since_ms: query.since_ms,
        until_ms: query.until_ms,
        batch: query.batch,
        trigger: query.trigger,
        label: query.label,
        key: key.map(Option::unwrap_or_default),
        session: query.session,
        before: query.cursor.as_deref().map(page::cursor).transpose()?,
        limit: page::limit(query.limit)?,
    })
}
