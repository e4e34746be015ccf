//! What all calls of a run, and of each of its sub-flows, share.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Map, Value as Tree};
use tokio::sync::oneshot;

use super::RunError;
use super::events::Events;
use crate::engine::{Engine, Permit, Shared, Shares, Turn};
use crate::plan::Plan;

/// One run of one plan: a run that somebody asked for, or a sub-flow of one.
pub(super) struct Context {
    pub(super) engine: Arc<Engine>,
    pub(super) plan: Arc<Plan>,
    pub(super) root: Arc<Root>,
    /// The way to the node that runs this sub-flow; empty for the run itself.
    pub(super) within: Arc<str>,
    pub(super) shares: Shares,
    /// What this is a sub-flow of.
    outer: Option<Arc<Context>>,
    /// The run of the sub-flow has ended, or was cut off.
    over: AtomicBool,
    _last: oneshot::Sender<Infallible>,
}

/// Resolves once nothing of a run, or of a sub-flow, runs any more: each of its calls, and each sub-flow in it, holds its
/// context. A task that is told to end may need a moment to.
pub(super) struct Quiet(oneshot::Receiver<Infallible>);

impl Quiet {
    pub(super) async fn wait(self) {
        let _ = self.0.await;
    }
}

/// What a run and all of its sub-flows share.
pub(super) struct Root {
    pub(super) id: Arc<str>,
    pub(super) project: Arc<str>,
    pub(super) turn: Turn,
    pub(super) events: Events,
    /// The operator's variables, without the flows' defaults.
    pub(super) vars: Map<String, Tree>,
    calls: AtomicU64,
}

impl Root {
    pub(super) fn new(
        id: Arc<str>,
        project: Arc<str>,
        turn: Turn,
        events: Events,
        vars: Map<String, Tree>,
    ) -> Self {
        Self {
            id,
            project,
            turn,
            events,
            vars,
            calls: AtomicU64::new(0),
        }
    }
}

impl Context {
    /// The context of a run that somebody asked for.
    pub(super) fn new(engine: &Arc<Engine>, plan: Arc<Plan>, root: Root) -> (Arc<Self>, Quiet) {
        let (last, quiet) = oneshot::channel();
        let context = Self {
            engine: Arc::clone(engine),
            shares: engine.shares(&root.project, &plan),
            plan,
            root: Arc::new(root),
            within: "".into(),
            outer: None,
            over: AtomicBool::new(false),
            _last: last,
        };
        (Arc::new(context), Quiet(quiet))
    }

    /// The context of a run of a sub-flow, at the node that `within` is the way to.
    pub(super) fn within(
        self: &Arc<Self>,
        plan: &Arc<Plan>,
        within: Arc<str>,
    ) -> (Arc<Self>, Quiet) {
        let (last, quiet) = oneshot::channel();
        let context = Self {
            engine: Arc::clone(&self.engine),
            shares: self.engine.shares(&self.root.project, plan),
            plan: Arc::clone(plan),
            root: Arc::clone(&self.root),
            within,
            outer: Some(Arc::clone(self)),
            over: AtomicBool::new(false),
            _last: last,
        };
        (Arc::new(context), Quiet(quiet))
    }

    /// Says that the run of this sub-flow has ended, or is cut off: nothing of it begins any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Whether the run of this sub-flow, or of one that it is in, has ended or was cut off.
    pub(super) fn is_over(&self) -> bool {
        let is_outer_over = || self.outer.as_ref().is_some_and(|outer| outer.is_over());
        self.over.load(Ordering::SeqCst) || is_outer_over()
    }

    /// Waits for the places of one call of a node. None for a sub-flow: it holds no place while it waits for its nodes, so
    /// that flows within flows cannot wait for each other's places.
    pub(super) async fn admit(&self, node: u32) -> Option<(Permit, Shared)> {
        let places = self.plan.nodes[node as usize].work.places()?;
        if self.shares.are_free()
            && let Some(permit) = self.engine.gate.try_enter(places)
        {
            return Some((permit, Shared::default()));
        }
        let shared = self.shares.take(&[node]).await.pop();
        let permit = self.engine.gate.enter(self.root.turn, places).await;
        Some((permit, shared.unwrap_or_default()))
    }

    /// Waits for the places of a call of each of these nodes, and takes them together.
    pub(super) async fn admit_together(&self, nodes: &[u32]) -> Vec<(Permit, Shared)> {
        let places = |node: &u32| self.plan.nodes[*node as usize].work.places().unwrap_or(0);
        let shared = self.shares.take(nodes).await;
        let all = nodes.iter().map(places).sum();
        let mut permit = self.engine.gate.enter(self.root.turn, all).await;
        let permits = nodes.iter().map(|node| permit.split(places(node)));
        permits.zip(shared).collect()
    }

    /// Counts a call of this run.
    pub(super) fn count_call(&self) -> Result<(), RunError> {
        let most = self.engine.config.calls_per_run;
        if self.root.calls.fetch_add(1, Ordering::Relaxed) < most {
            Ok(())
        } else {
            Err(RunError::TooManyCalls { most })
        }
    }

    /// The variables of this flow: the operator's, and its defaults for the others.
    pub(super) fn vars(&self) -> Tree {
        let mut vars = self.root.vars.clone();
        for (name, value) in &self.plan.vars {
            if !vars.contains_key(name) {
                vars.insert(name.clone(), value.clone());
            }
        }
        Tree::Object(vars)
    }
}
