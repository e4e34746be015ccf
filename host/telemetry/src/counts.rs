//! All series of a host: found by name when a plan is first run, and drained together.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockgate_model::{CountedFlow, CountedNode, FlowSeries, Telemetry};

use crate::cms::RawCalls;
use crate::models::Models;
use crate::names::{FlowId, NodeId, OTHER};
use crate::own::{DROPPED, Own};
use crate::series::{NodeSeries, PlanSeries, RunSeries};
use crate::snapshot::{FlowPoint, ModelPoint, NodePoint};

/// How long a series that no plan holds stays after it was last written to; and a model after it was last used.
pub(crate) const IDLE: Duration = Duration::from_secs(15 * 60);

/// How many series there may be. Those beyond are counted together.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Versions of flows. Default: 2,000.
    pub flows: usize,
    /// Nodes of versions of flows. Default: 20,000.
    pub nodes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            flows: 2_000,
            nodes: 20_000,
        }
    }
}

/// Counts what an engine tells it ([`Telemetry`]).
#[derive(Debug)]
pub struct Counts {
    bounds: Bounds,
    own: Own,
    models: Arc<Models>,
    raw: Option<Arc<RawCalls>>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    runs: HashMap<Arc<FlowId>, Arc<RunSeries>>,
    nodes: HashMap<Arc<NodeId>, Arc<NodeSeries>>,
    /// Those of what is not told apart.
    other_runs: Arc<RunSeries>,
    other_nodes: Arc<NodeSeries>,
}

/// What was counted since the last drain.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    pub(crate) flows: Vec<FlowPoint>,
    pub(crate) nodes: Vec<NodePoint>,
    pub(crate) models: Vec<ModelPoint>,
}

impl Drained {
    fn runs(&mut self, series: &RunSeries, since: Duration) {
        let drained = series.drain(since).map(|durations| FlowPoint {
            id: Arc::clone(&series.id),
            durations,
        });
        self.flows.extend(drained);
    }

    fn nodes(&mut self, series: &NodeSeries, since: Duration) {
        let drained = series.drain(since).map(|counts| NodePoint {
            id: Arc::clone(&series.id),
            counts,
        });
        self.nodes.extend(drained);
    }
}

impl Counts {
    /// Nothing counted yet. What cannot be told apart is counted in `own`.
    pub fn new(bounds: Bounds, own: Own) -> Self {
        let flow = Arc::new(FlowId::other());
        let node = Arc::new(NodeId {
            flow: Arc::clone(&flow),
            node: OTHER.into(),
            plugin: OTHER.into(),
            plugin_version: OTHER.into(),
        });
        Self {
            bounds,
            models: Arc::new(Models::new(own.clone())),
            own,
            raw: None,
            held: Mutex::new(Held {
                runs: HashMap::new(),
                nodes: HashMap::new(),
                other_runs: Arc::new(RunSeries::new(flow)),
                other_nodes: Arc::new(NodeSeries::new(node)),
            }),
        }
    }

    /// With single calls kept, too.
    #[must_use]
    pub fn with_raw(mut self, raw: Option<Arc<RawCalls>>) -> Self {
        self.raw = raw;
        self
    }

    /// With names of models and providers that `is_secret` finds something in told as none. They are a node's text.
    #[must_use]
    pub fn with_secrets(
        mut self,
        is_secret: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.models = Arc::new(Models::new(self.own.clone()).with_secrets(Box::new(is_secret)));
        self
    }

    /// Takes out what was counted since the last time, so long ago, and forgets series of plans that are gone.
    pub(crate) fn drain(&self, since: Duration) -> Drained {
        let mut drained = Drained::default();
        let (runs, nodes) = self.all();
        for series in runs {
            drained.runs(&series, since);
        }
        for series in nodes {
            drained.nodes(&series, since);
        }
        drained.models = self.models.drain(since);
        self.forget_idle(&mut drained);
        drained
    }

    /// All series, so that they are drained without the lock that planning waits for.
    fn all(&self) -> (Vec<Arc<RunSeries>>, Vec<Arc<NodeSeries>>) {
        let held = self.held();
        let runs = held.runs.values().chain([&held.other_runs]);
        let nodes = held.nodes.values().chain([&held.other_nodes]);
        (runs.cloned().collect(), nodes.cloned().collect())
    }

    fn forget_idle(&self, drained: &mut Drained) {
        let mut held = self.held();
        let is_idle = |holders: usize, idle: Duration| holders == 1 && idle >= IDLE;
        let runs: Vec<_> = held
            .runs
            .extract_if(|_, series| is_idle(Arc::strong_count(series), series.idle()))
            .collect();
        let nodes: Vec<_> = held
            .nodes
            .extract_if(|_, series| is_idle(Arc::strong_count(series), series.idle()))
            .collect();
        drop(held);
        // The last run of a plan may have ended since they were drained. Nobody else holds them now, and to take them out of
        // their `Arc`s is to see all that was written by those who did.
        for series in runs.into_iter().filter_map(|(_, one)| Arc::into_inner(one)) {
            drained.runs(&series, Duration::ZERO);
        }
        for series in nodes
            .into_iter()
            .filter_map(|(_, one)| Arc::into_inner(one))
        {
            drained.nodes(&series, Duration::ZERO);
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Telemetry for Counts {
    fn series(&self, flow: &CountedFlow<'_>) -> Arc<dyn FlowSeries> {
        let held = &mut *self.held();
        let id = flow.origin.map(|origin| FlowId::kept(origin, flow.name));
        let id = id.and_then(|id| {
            let made = entry(&mut held.runs, id, self.bounds.flows, RunSeries::new);
            if made.is_none() {
                self.own.add(DROPPED, "too many flows to tell apart", 1);
            }
            made
        });
        let other = &held.other_nodes;
        let mut lost = 0;
        let mut node = |node: &CountedNode<'_>| {
            let Some(flow) = &id else {
                return Arc::clone(other);
            };
            let plugin = node.plugin.map(|id| {
                let name = format!("{}:{}", id.name.publisher, id.name.name);
                (name, id.version.to_string())
            });
            let (plugin, plugin_version) = plugin.unwrap_or_default();
            let id = NodeId {
                flow: Arc::clone(&flow.id),
                node: node.name.as_str().into(),
                plugin: plugin.into(),
                plugin_version: plugin_version.into(),
            };
            let made = entry(&mut held.nodes, id, self.bounds.nodes, NodeSeries::new);
            made.unwrap_or_else(|| {
                lost += 1;
                Arc::clone(other)
            })
        };
        let nodes = flow.nodes.iter().map(&mut node).collect();
        if lost > 0 {
            self.own.add(DROPPED, "too many nodes to tell apart", lost);
        }
        Arc::new(PlanSeries {
            runs: id.unwrap_or_else(|| Arc::clone(&held.other_runs)),
            nodes,
            models: Arc::clone(&self.models),
            raw: self.raw.clone(),
        })
    }
}

/// The series of this name, made if there is room for one more.
fn entry<I: Eq + Hash, S>(
    series: &mut HashMap<Arc<I>, Arc<S>>,
    id: I,
    most: usize,
    make: impl FnOnce(Arc<I>) -> S,
) -> Option<Arc<S>> {
    if let Some(there) = series.get(&id) {
        return Some(Arc::clone(there));
    }
    if series.len() >= most {
        return None;
    }
    let id = Arc::new(id);
    let made = Arc::new(make(Arc::clone(&id)));
    series.insert(id, Arc::clone(&made));
    Some(made)
}

#[cfg(test)]
mod tests;
