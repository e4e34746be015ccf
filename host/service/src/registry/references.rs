//! What refers to what: the plugins and flows that documents name, and the order in which flows are settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lockgate_flow::{FlowDocument, Plan, Uses};
use lockgate_model::Kebab;

use super::rule;
use super::snapshot::{PluginKey, Snapshot};

/// The plugins that a document's own references mean now.
pub(super) fn needs<'s>(
    document: &'s FlowDocument,
    snapshot: &'s Snapshot,
) -> impl Iterator<Item = &'s PluginKey> {
    document.uses().filter_map(|(_, uses)| match uses {
        Uses::Node(reference) => Some(&rule::resolve(&snapshot.plugins, reference)?.key),
        Uses::Flow(_) => None,
    })
}

/// The flows that a document runs as nodes.
pub(crate) fn runs(document: &FlowDocument) -> impl Iterator<Item = &Kebab> {
    document.uses().filter_map(|(_, uses)| match uses {
        Uses::Flow(flow) => Some(flow),
        Uses::Node(_) => None,
    })
}

/// Why flows that a document runs do not run on this host.
pub(super) fn broken_flows(
    document: &FlowDocument,
    snapshot: &Snapshot,
    plans: &BTreeMap<Kebab, Arc<Plan>>,
) -> Vec<String> {
    let flows: BTreeSet<&Kebab> = runs(document).collect();
    let broken = flows.into_iter().filter_map(|flow| {
        if plans.contains_key(flow) {
            return None;
        }
        let active = snapshot.flows.get(flow)?.active.as_ref()?;
        let reason = active.broken()?;
        Some(format!(
            "the flow `{flow}` does not run on this host: {reason}"
        ))
    });
    broken.collect()
}

/// A flow and all active flows that run it, at any depth.
pub(super) fn around(snapshot: &Snapshot, flow: &Kebab) -> BTreeSet<Kebab> {
    let mut around = BTreeSet::from([flow.clone()]);
    for outer in order(snapshot, snapshot.flows.keys()) {
        let active = snapshot
            .flows
            .get(&outer)
            .and_then(|flow| flow.active.as_ref());
        let runs_it = active.is_some_and(|active| {
            let mut inner = runs(&active.document);
            inner.any(|inner| around.contains(inner))
        });
        if runs_it {
            around.insert(outer);
        }
    }
    around
}

/// Active flows and those that they run, each after what it runs. Flows nest [`lockgate_flow::MAX_FLOW_DEPTH`] deep, as
/// those that are active do plan, so that this does not go deep either.
pub(super) fn order<'k>(
    snapshot: &Snapshot,
    from: impl IntoIterator<Item = &'k Kebab>,
) -> Vec<Kebab> {
    fn visit(
        snapshot: &Snapshot,
        flow: &Kebab,
        seen: &mut BTreeSet<Kebab>,
        order: &mut Vec<Kebab>,
    ) {
        let active = snapshot
            .flows
            .get(flow)
            .and_then(|flow| flow.active.as_ref());
        let Some(active) = active else {
            return;
        };
        if !seen.insert(flow.clone()) {
            return;
        }
        for inner in runs(&active.document) {
            visit(snapshot, inner, seen, order);
        }
        order.push(flow.clone());
    }
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    for flow in from {
        visit(snapshot, flow, &mut seen, &mut order);
    }
    order
}
