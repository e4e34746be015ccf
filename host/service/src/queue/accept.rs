//! What is checked of a run before it is accepted, and what is kept of it until it begins.

use lockgate_flow::RunRequest;
use lockgate_store::{ClaimedRun, IdempotencyRow, QueuedRun};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Tree};
use uuid::Uuid;

use crate::runs::conduct::{Conductor, refusal};
use crate::runs::start::demand;
use crate::runs::{RunAsk, Target, idempotency};
use crate::{Caller, Scope, ServiceError, traces};

/// A run that can be accepted.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) run: QueuedRun,
    pub(crate) idempotency: Option<IdempotencyRow>,
}

/// What a queued run needs to begin beside its input. It is stored sealed with it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rest {
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) vars: Map<String, Tree>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) pinned: Map<String, Tree>,
}

impl Rest {
    /// As it is stored.
    pub(crate) fn to_tree(&self) -> Result<Tree, ServiceError> {
        serde_json::to_value(self)
            .map_err(|error| ServiceError::Internal(format!("a request is no JSON: {error}")))
    }
}

/// Checks a run as if it were to begin now.
pub(crate) async fn checked(
    conductor: &Conductor,
    caller: &Caller,
    mut ask: RunAsk,
    priority: i32,
) -> Result<Checked, ServiceError> {
    conductor.check_draining()?;
    let Target::Flow { version, .. } = ask.target else {
        caller.may_everywhere(Scope::Deploy)?;
        return Err(ServiceError::InvalidRequest(
            "a document that comes with its request cannot be queued: save it as a flow, or wait for its run".into(),
        ));
    };
    let key = ask.idempotency.take();
    let demand = demand(conductor, caller, ask, key.is_some(), priority).await?;
    let id = Uuid::now_v7();
    let now = conductor.now_ms();
    let request = RunRequest {
        vars: demand.vars,
        until: demand.until,
        pinned: demand.pinned,
        ..RunRequest::new("", demand.input)
    };
    demand.plan.check_request(&request).map_err(refusal)?;
    let idempotency = key.map(|key| {
        let route = format!("queue {}", demand.route);
        idempotency::row(caller, &key, route, &demand.asked, id, now)
    });
    let rest = Rest {
        vars: request.vars,
        until: request.until,
        pinned: request.pinned,
    };
    Ok(Checked {
        run: QueuedRun {
            id,
            flow: demand.flow,
            version, // as it was asked for: what is active is found when it begins
            revision: None,
            input: request.input.to_string().into_bytes(),
            request: rest.to_tree()?,
            priority,
            trigger: demand.trigger,
            key: caller.key,
            session: demand.session,
            parent: demand.parent,
            labels: None,
            created_at: now,
            trace: Some(traces::row(&conductor.traces.tracer, demand.trace.as_ref())),
        },
        idempotency: idempotency.transpose()?,
    })
}

/// What a run that was taken from the queue begins with.
pub(crate) fn request(claimed: &ClaimedRun) -> Result<RunRequest, serde_json::Error> {
    let rest = Rest::deserialize(&claimed.request)?;
    let input = serde_json::from_slice(&claimed.input)?;
    Ok(RunRequest {
        project: claimed.project.as_str().into(),
        vars: rest.vars,
        until: rest.until,
        pinned: rest.pinned,
        ..RunRequest::new(claimed.id.to_string(), input)
    })
}
