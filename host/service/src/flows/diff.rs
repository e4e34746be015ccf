//! What is different between two versions of a flow: their texts, and what their references resolve to.

use std::collections::BTreeMap;
use std::time::Duration;

use similar::TextDiff;

use super::{DiffView, FlowVersionView, Lock, LockChange};

/// How long lines are compared for the shortest difference. Texts may be made so that it takes very long; then the
/// difference is right, and longer than it had to be.
const PATIENCE: Duration = Duration::from_millis(200);

/// Lines around a difference.
const CONTEXT: usize = 3;

/// Compares two versions, both with text and lock.
pub(super) fn diff(from: &FlowVersionView, to: &FlowVersionView) -> DiffView {
    let name = |version: &FlowVersionView| format!("{}@{}", version.flow, version.version);
    let [before, after] = [from, to].map(|version| version.text.as_deref().unwrap_or_default());
    let text = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(before, after)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&name(from), &name(to))
        .to_string();
    let lock = |version: &FlowVersionView| {
        let lock = version.lock.as_ref();
        lock.map(|lock| entries(&lock.lock)).unwrap_or_default()
    };
    DiffView {
        from: from.version,
        to: to.version,
        text,
        same: from.digest == to.digest,
        lock: changes(lock(from), lock(to)),
    }
}

/// What each node resolves to, and how that is told.
type Entries = BTreeMap<String, (String, String)>;

fn entries(lock: &Lock) -> Entries {
    let nodes = lock.nodes.iter().map(|node| {
        let told = format!("{}@{}", node.plugin, node.version);
        (node.node.clone(), (told, node.digest.clone()))
    });
    let flows = lock.flows.iter().map(|flow| {
        let told = format!("{}@{}", flow.flow, flow.version);
        (flow.node.clone(), (told, flow.lock.clone()))
    });
    nodes.chain(flows).collect()
}

fn changes(mut before: Entries, after: Entries) -> Vec<LockChange> {
    let mut changes = Vec::new();
    for (node, after) in after {
        let before = before.remove(&node);
        if before.as_ref() != Some(&after) {
            changes.push(LockChange {
                node,
                before: before.map(|(told, _)| told),
                after: Some(after.0),
            });
        }
    }
    let gone = before.into_iter().map(|(node, (told, _))| LockChange {
        node,
        before: Some(told),
        after: None,
    });
    changes.extend(gone);
    changes.sort_by(|a, b| a.node.cmp(&b.node));
    changes
}
