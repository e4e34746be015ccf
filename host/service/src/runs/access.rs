//! Who may read, cancel and get around what of runs.

use lockgate_flow::{Detour, Plan};
use lockgate_model::Kebab;
use uuid::Uuid;

use crate::{Caller, Scope, ServiceError};

/// What a caller may see of a run that is there: a run that they may not see is not there for them.
pub(crate) fn may_read(caller: &Caller, flow: Option<&Kebab>, key: Option<Uuid>) -> bool {
    let is_own = caller.scopes.has(Scope::Run) && key.is_some() && key == caller.key;
    let is_for = match flow {
        Some(flow) => caller.is_for(flow),
        None => caller.flows.is_none(), // documents belong to no flow that a key could be for
    };
    is_own || (caller.scopes.has(Scope::Read) && is_for)
}

/// An error unless they may read runs at all.
pub(crate) fn may_read_some(caller: &Caller) -> Result<(), ServiceError> {
    if caller.scopes.has(Scope::Run) {
        return Ok(());
    }
    caller.may(Scope::Read)
}

/// An error unless they may end a run that they may read: one that their key started, or any with `deploy`.
pub(crate) fn may_cancel(caller: &Caller, key: Option<Uuid>) -> Result<(), ServiceError> {
    let is_own = key.is_some() && key == caller.key && caller.scopes.has(Scope::Run);
    if is_own {
        return Ok(());
    }
    caller.may(Scope::Deploy)
}

/// An error unless the flow leaves these ways around it open, or the caller may deploy it.
pub(crate) fn may_detour(
    caller: &Caller,
    plan: &Plan,
    detours: impl IntoIterator<Item = Detour>,
) -> Result<(), ServiceError> {
    if caller.scopes.has(Scope::Deploy) {
        return Ok(());
    }
    let open = plan.overridable();
    let closed = detours.into_iter().find(|&detour| !open.has(detour));
    closed.map_or(Ok(()), |detour| {
        let word = detour.word();
        Err(ServiceError::Forbidden {
            needs: format!("deploy, or a flow that says `overridable: [{word}]`, for `{word}`")
                .into(),
        })
    })
}
