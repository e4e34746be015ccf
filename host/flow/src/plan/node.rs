//! A node of a plan: what it runs, when, how often, and where its inputs come from.

use std::sync::Arc;
use std::time::Duration;

use lockgate_model::{Ident, Limits, NarrowLimits, NodeRef, NodeRunner, PluginId, Port, Ports};

use super::Plan;
use super::cache::CacheUse;
use super::wire::{PlanExpr, PlanWire};
use crate::document::{OnFailure, Retry};

/// One node of a plan.
pub struct PlanNode {
    pub(crate) name: Ident,
    pub(crate) work: Work,
    /// Its outputs as others see them: under `each`, lists.
    pub(crate) outputs: Box<[Port]>,
    pub(crate) when: Option<PlanExpr>,
    pub(crate) each: Option<Each>,
    pub(crate) wires: Box<[PlanWire]>,
    pub(crate) on_failure: OnFailure,
    pub(crate) retry: Option<Retry>,
    pub(crate) cache: CacheUse,
    /// The nodes that it needs, each once.
    pub(crate) needs: Box<[u32]>,
    /// The nodes that need it, each once.
    pub(crate) dependents: Box<[u32]>,
}

/// What a node runs.
pub(crate) enum Work {
    Node(Box<NodeWork>),
    Flow(FlowWork),
}

/// A configured node of a plugin.
#[derive(Clone)]
pub(crate) struct NodeWork {
    pub(crate) reference: NodeRef,
    pub(crate) plugin: PluginId,
    pub(crate) limits: Limits,
    /// Which of them the flow sets.
    pub(crate) narrowed: NarrowLimits,
    pub(crate) runner: Arc<dyn NodeRunner>,
}

/// A flow as a node.
#[derive(Clone)]
pub(crate) struct FlowWork {
    pub(crate) plan: Arc<Plan>,
    /// Its inputs are the properties of its input's schema, its outputs its outputs.
    pub(crate) ports: Arc<Ports>,
    /// How long one run of it may take. None: as long as its nodes take.
    pub(crate) timeout: Option<Duration>,
}

/// The list that a node goes through, and how.
pub(crate) struct Each {
    pub(crate) items: PlanExpr,
    /// How many elements, or batches of them, at the same time.
    pub(crate) concurrency: u32,
    /// How many elements at once. None: one, and not as a list.
    pub(crate) batch: Option<u32>,
}

impl PlanNode {
    /// Its name in the flow.
    pub fn name(&self) -> &Ident {
        &self.name
    }

    /// What its `use` says, where that is a plugin's node.
    pub fn reference(&self) -> Option<&NodeRef> {
        match &self.work {
            Work::Node(work) => Some(&work.reference),
            Work::Flow(_) => None,
        }
    }

    /// The plugin that the reference was resolved to.
    pub fn plugin(&self) -> Option<&PluginId> {
        match &self.work {
            Work::Node(work) => Some(&work.plugin),
            Work::Flow(_) => None,
        }
    }

    /// Whether the run goes on without its outputs where it fails.
    pub fn continues(&self) -> bool {
        self.on_failure == OnFailure::Continue
    }

    /// The flow that it runs, where it runs one.
    pub fn flow(&self) -> Option<&Arc<Plan>> {
        match &self.work {
            Work::Node(_) => None,
            Work::Flow(work) => Some(&work.plan),
        }
    }

    /// What each of its calls may use. None for a flow: its nodes have their own.
    pub fn limits(&self) -> Option<&Limits> {
        match &self.work {
            Work::Node(work) => Some(&work.limits),
            Work::Flow(_) => None,
        }
    }

    /// Its ports under its configuration, as one call of it has them.
    pub fn ports(&self) -> &Ports {
        self.work.ports()
    }

    /// Its outputs as the expressions of other nodes see them: under `each`, lists.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// All its expressions: those that say when and how often it runs, and those of its inputs.
    pub(crate) fn exprs(&self) -> impl Iterator<Item = &PlanExpr> {
        let wired = self.wires.iter().map(|wire| &wire.expr);
        let each = self.each.iter().map(|each| &each.items);
        self.when.iter().chain(each).chain(wired)
    }

    /// The indices in the plan of the nodes that it needs.
    pub fn needs(&self) -> &[u32] {
        &self.needs
    }
}

impl Work {
    pub(crate) fn ports(&self) -> &Ports {
        match self {
            Self::Node(work) => work.runner.ports(),
            Self::Flow(work) => &work.ports,
        }
    }

    /// How many of the host's places a call takes. None for a flow, which holds none itself.
    pub(crate) fn places(&self) -> Option<u32> {
        match self {
            Self::Node(work) => Some(work.runner.places().max(1)),
            Self::Flow(_) => None,
        }
    }
}
