//! The limits on calls at once of one flow and of each of its nodes, which all runs of the flow on a host share.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a flow's runs share. A limit that nobody set is None, and costs nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shares {
    pub(crate) flow: Option<Share>,
    /// By the node's index in the plan.
    pub(crate) nodes: Option<Arc<[Share]>>,
}

/// One limit on calls at once.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    calls: Arc<Semaphore>,
    most: u32,
}

/// A call's part of its flow's and its node's limits. Dropping it gives both back.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    _node: Option<OwnedSemaphorePermit>,
    _flow: Option<OwnedSemaphorePermit>,
}

impl Share {
    pub(crate) fn new(most: u32) -> Self {
        let most = most.max(1);
        Self {
            calls: Arc::new(Semaphore::new(most as usize)),
            most,
        }
    }

    /// Whether somebody has a copy of it.
    pub(super) fn is_used(&self) -> bool {
        Arc::strong_count(&self.calls) > 1
    }

    /// Takes so many calls; all there are if it asks for more.
    async fn take(&self, calls: u32) -> Option<OwnedSemaphorePermit> {
        let calls = calls.min(self.most);
        // It is never closed.
        Arc::clone(&self.calls).acquire_many_owned(calls).await.ok()
    }
}

impl Shares {
    /// Waits until these nodes may make a call each. Always the nodes first, in their order, and then the flow: who waits
    /// for a later one holds only earlier ones, so nobody waits in a circle.
    pub(crate) async fn take(&self, nodes: &[u32]) -> Vec<Shared> {
        let mut taken = Vec::with_capacity(nodes.len());
        for &node in nodes {
            let share = self.nodes.as_ref().and_then(|all| all.get(node as usize));
            let _node = match share {
                Some(share) => share.take(1).await,
                None => None,
            };
            taken.push(Shared { _node, _flow: None });
        }
        if let Some(flow) = &self.flow {
            let mut all = flow
                .take(u32::try_from(nodes.len()).unwrap_or(u32::MAX))
                .await;
            for shared in &mut taken {
                let one = all.as_mut().and_then(|all| all.split(1));
                shared._flow = one.or_else(|| all.take());
            }
        }
        taken
    }

    /// Whether there is no limit to wait for.
    pub(crate) fn are_free(&self) -> bool {
        self.flow.is_none() && self.nodes.is_none()
    }
}
