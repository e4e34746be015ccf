//! The host's own log.

use std::time::SystemTime;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Receiver, SendError};
use crate::alerts::machine::Change;
use crate::alerts::message::Notice;
use crate::alerts::rule::Severity;

/// Tells the host's own log: an error where it is critical, information where it is over, and a warning otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Receiver for Log {
    fn a_minute(&self) -> Option<usize> {
        None
    }

    fn send<'a>(
        &'a self,
        notices: &'a [Notice],
        lost: u64,
        _now: SystemTime,
    ) -> BoxFuture<'a, Result<(), SendError>> {
        if lost > 0 {
            tracing::warn!(lost, "alerts were let go before these");
        }
        notices.iter().for_each(tell);
        futures::future::ready(Ok(())).boxed()
    }
}

fn tell(notice: &Notice) {
    let Notice {
        rule,
        project,
        flow,
        node,
        ..
    } = notice;
    let (flow, node) = (flow.as_deref(), node.as_deref());
    let (value, threshold) = (&notice.told.value, &notice.told.threshold);
    let said = lockgate_model::escaped(&notice.line());
    match (notice.change, notice.severity) {
        (Change::Over | Change::Forgotten | Change::Withdrawn, _) | (_, Severity::Info) => {
            tracing::info!(rule, project, flow, node, value, threshold, "alert: {said}");
        }
        (_, Severity::Warning) => {
            tracing::warn!(rule, project, flow, node, value, threshold, "alert: {said}");
        }
        (_, Severity::Critical) => {
            tracing::error!(rule, project, flow, node, value, threshold, "alert: {said}");
        }
    }
}
