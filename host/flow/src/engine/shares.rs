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
    /// Whoever takes several takes the lower first. The same in all versions of a flow, whose plans may order their
    /// nodes in different ways.
    order: usize,
}

/// A call's part of its flow's and its node's limits. Dropping it gives both back.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    _node: Option<OwnedSemaphorePermit>,
    _flow: Option<OwnedSemaphorePermit>,
}

impl Share {
    pub(crate) fn new(most: u32, order: usize) -> Self {
        let most = most.max(1);
        Self {
            calls: Arc::new(Semaphore::new(most as usize)),
            most,
            order,
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
    /// Waits until these nodes may make a call each. Always the nodes first, in the order of their shares, and then the
    /// flow: who waits for a later one holds only earlier ones, so nobody waits in a circle.
    pub(crate) async fn take(&self, nodes: &[u32]) -> Vec<Shared> {
        let mut taken: Vec<_> = nodes.iter().map(|_| Shared::default()).collect();
        if let Some(all) = &self.nodes {
            let shares = nodes.iter().filter_map(|&node| all.get(node as usize));
            let mut shares: Vec<_> = shares.zip(&mut taken).collect();
            shares.sort_unstable_by_key(|(share, _)| share.order);
            for (share, shared) in shares {
                shared._node = share.take(1).await;
            }
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

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn versions_that_order_their_nodes_differently_do_not_wait_for_each_other() {
        let (a, b) = (Share::new(1, 0), Share::new(1, 1));
        let version = |nodes: [&Share; 2]| Shares {
            flow: None,
            nodes: Some(nodes.into_iter().cloned().collect()),
        };
        let (old, new) = (version([&a, &b]), version([&b, &a]));
        let held = old.take(&[1]).await;
        let mut waits = Box::pin(old.take(&[0, 1]));
        assert!((&mut waits).now_or_never().is_none());
        let mut also_waits = Box::pin(new.take(&[0, 1]));
        assert!((&mut also_waits).now_or_never().is_none());
        drop(held);
        drop(waits.now_or_never().expect("it waited for `b` alone"));
        assert_eq!(also_waits.await.len(), 2);
    }
}
