//! Where a value of a run comes from: an input of a node, an output of the flow, or what decides whether a node runs.

use std::sync::Arc;

use lockgate_model::{Ident, Value, ValueKind};

use crate::expression::{Expression, Segment};

/// An input of a node, or an output of the flow, and where its value comes from.
#[derive(Debug)]
pub(crate) struct PlanWire {
    pub(crate) name: Ident,
    pub(crate) kind: ValueKind,
    pub(crate) required: bool,
    pub(crate) expr: PlanExpr,
    /// It comes in parts, through a pipe from the node that its lone reference names.
    pub(crate) piped: bool,
}

/// An expression of a plan.
#[derive(Debug)]
pub(crate) struct PlanExpr {
    pub(crate) from: WireSource,
    /// The byte in the document where the expression stands.
    pub(crate) at: usize,
}

/// Where a value comes from.
#[derive(Debug)]
pub(crate) enum WireSource {
    /// It is always the same.
    Constant(Value),
    /// It is handed over.
    Lone(Origin),
    /// The first of these that is there is handed over.
    First(Box<[Origin]>),
    /// It is computed from these, in the order of the expression's references.
    Computed(Arc<Expression>, Box<[Origin]>),
}

/// What a reference refers to.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) root: Root,
    /// The way into the document there.
    pub(crate) path: Box<[Segment]>,
}

/// What a reference begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// The run's input.
    Input,
    /// The operator's variables.
    Vars,
    /// The element of an `each`.
    Item,
    /// Its place in the list.
    Index,
    /// An output of a node, both by index: the node's in the plan, the output's in its ports.
    Output { node: u32, port: u32 },
    /// Why a node failed.
    Failure { node: u32 },
}

impl WireSource {
    /// What its value comes from.
    pub(crate) fn origins(&self) -> &[Origin] {
        match self {
            Self::Constant(_) => &[],
            Self::Lone(origin) => std::slice::from_ref(origin),
            Self::First(origins) | Self::Computed(_, origins) => origins,
        }
    }

    fn origins_mut(&mut self) -> &mut [Origin] {
        match self {
            Self::Constant(_) => &mut [],
            Self::Lone(origin) => std::slice::from_mut(origin),
            Self::First(origins) | Self::Computed(_, origins) => origins,
        }
    }

    /// Puts the plan's index of each node in the place of the document's.
    pub(crate) fn move_nodes(&mut self, position: &[u32]) {
        for origin in self.origins_mut() {
            if let Root::Output { node, .. } | Root::Failure { node } = &mut origin.root {
                *node = position[*node as usize];
            }
        }
    }
}

impl Root {
    /// The node that it is of.
    pub(crate) fn node(self) -> Option<u32> {
        match self {
            Self::Output { node, .. } | Self::Failure { node } => Some(node),
            Self::Input | Self::Vars | Self::Item | Self::Index => None,
        }
    }
}

impl PlanWire {
    /// The output that it hands over whole, and the node that gives it.
    pub(crate) fn whole_output(&self) -> Option<(u32, u32)> {
        match &self.expr.from {
            WireSource::Lone(Origin {
                root: Root::Output { node, port },
                path,
            }) if path.is_empty() => Some((*node, *port)),
            _ => None,
        }
    }

    /// The node and the output that it is piped from.
    pub(crate) fn piped_from(&self) -> Option<(u32, u32)> {
        self.whole_output().filter(|_| self.piped)
    }

    /// Whether it hands over what is there, and computes nothing.
    pub(crate) fn is_lone(&self) -> bool {
        matches!(self.expr.from, WireSource::Lone(_) | WireSource::First(_))
    }

    /// Whether it differs from element to element of an `each`.
    pub(crate) fn is_of_element(&self) -> bool {
        let mut roots = self.expr.from.origins().iter().map(|origin| origin.root);
        roots.any(|root| matches!(root, Root::Item | Root::Index))
    }
}
