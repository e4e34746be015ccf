//! What a document is planned against that is not saved: what is active now.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockgate_flow::{FlowDocument, Plan};
use lockgate_model::Kebab;

use super::catalog::{ActiveFlows, ActiveNodes};
use super::snapshot::{Loaded, Snapshot};
use super::{Registry, references};

/// What a document is planned against.
pub(crate) struct Against {
    snapshot: Arc<Snapshot>,
    loaded: Loaded,
    plans: BTreeMap<Kebab, Arc<Plan>>,
    /// What the document needs and this host does not have loaded, each as a sentence.
    pub(crate) blocked: Vec<String>,
}

impl Against {
    pub(crate) fn nodes(&self) -> ActiveNodes<'_> {
        ActiveNodes {
            plugins: &self.snapshot.plugins,
            loaded: &self.loaded,
        }
    }

    pub(crate) fn flows(&self) -> ActiveFlows<'_> {
        ActiveFlows {
            flows: &self.snapshot.flows,
            plans: &self.plans,
        }
    }
}

impl Registry {
    /// What a document is planned against, with the plugins loaded that it needs.
    pub(crate) async fn against(&self, project: &Kebab, document: &FlowDocument) -> Against {
        let snapshot = self.snapshot(project);
        let mut loaded = snapshot.loaded.clone();
        let needed = references::needs(document, &snapshot);
        let wanted = needed.filter(|key| !loaded.contains_key(*key)).cloned();
        let wanted = wanted.collect();
        let mut blocked = Vec::new();
        for (key, outcome) in self.shelf.load(wanted).await {
            match outcome {
                Ok(plugin) => {
                    loaded.insert(key, plugin);
                }
                Err(reason) => blocked.push(reason.to_string()),
            }
        }
        // A flow that runs the document's flow is planned with it, which is how a circle is found.
        let around = document
            .name()
            .map(|own| references::around(&snapshot, own));
        let around = around.unwrap_or_default();
        let active = snapshot.flows.iter();
        let apart = active.filter(|(name, _)| !around.contains(*name));
        let plans = apart.filter_map(|(name, flow)| {
            let plan = flow.active.as_ref()?.plan()?;
            Some((name.clone(), plan.clone()))
        });
        let plans = plans.collect();
        blocked.extend(references::broken_flows(document, &snapshot, &plans));
        Against {
            snapshot,
            loaded,
            plans,
            blocked,
        }
    }
}
