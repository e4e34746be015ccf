//! Settles a new state of a project: resolves its active flows by the one rule, sub-flows first and parents after, and plans
//! those that resolve to something else than before. Whole, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use lockgate_flow::{FlowDocument, Plan};
use lockgate_model::Kebab;

use super::catalog::{ActiveFlows, ActiveNodes};
use super::load::Shelf;
use super::lock::{self, Locked, LockedFlows};
use super::references::{broken_flows, needs, order, runs};
use super::snapshot::{Active, PluginKey, Ready, Snapshot};
use crate::error::{
    BrokenFlow, FaultView, MAX_FAULTS_SHOWN, MAX_FLOWS_NAMED, NOT_LOADED, ServiceError,
};
use crate::flows::{Cause, Lock};
use crate::plugins::Reresolved;

/// How many flows are planned at once: their nodes are configured beside each other.
const AT_ONCE: usize = 4;

/// What is settled, and what follows from a flow that does not run.
#[derive(Debug, Clone)]
pub(crate) enum Aim {
    /// A change. A flow that ran and would not run any more ends it; so does `target`, with its own faults.
    Change {
        /// Why new locks come.
        cause: Cause,
        /// The flow that the change is about, if it is about one.
        target: Option<Kebab>,
    },
    /// Nothing but this flow, to see whether it would run, and with which lock.
    Try {
        /// Why its lock comes.
        cause: Cause,
        /// Which flow.
        target: Kebab,
    },
    /// What was stored comes back. A flow that does not run is broken, and the others run; no lock is new.
    Start,
}

/// A state that is settled.
pub(crate) struct Settled {
    pub(crate) next: Snapshot,
    /// The flows that have a new lock.
    pub(crate) locked: Vec<(Kebab, u32, Arc<Locked>)>,
    /// The same for people.
    pub(crate) flows: Vec<Reresolved>,
}

impl Settled {
    /// A state in which no flow resolves to anything else than before.
    pub(crate) fn unchanged(mut next: Snapshot) -> Self {
        keep_needed(&mut next);
        Self {
            next,
            locked: Vec::new(),
            flows: Vec::new(),
        }
    }
}

/// Settles `next`, whose `loaded` are the plugins that are loaded already.
pub(crate) async fn settle(
    shelf: &Shelf,
    next: Snapshot,
    aim: &Aim,
) -> Result<Settled, ServiceError> {
    let mut settling = Settling::new(next, aim);
    settling.resolve();
    settling.load(shelf).await;
    settling.plan().await?;
    Ok(settling.finish())
}

struct Settling<'a> {
    next: Snapshot,
    aim: &'a Aim,
    /// Sub-flows before those that run them, as far as there is no circle.
    order: Vec<Kebab>,
    /// What each flow's lock would be; None where a reference resolves to nothing.
    locks: BTreeMap<Kebab, Option<(Lock, Arc<str>)>>,
    /// The plans of the flows that are settled.
    plans: BTreeMap<Kebab, Arc<Plan>>,
    /// Why plugins were not loaded.
    not_loaded: BTreeMap<PluginKey, Arc<str>>,
    broken: Vec<BrokenFlow>,
    locked: Vec<(Kebab, u32, Arc<Locked>)>,
    flows: Vec<Reresolved>,
}

impl<'a> Settling<'a> {
    fn new(next: Snapshot, aim: &'a Aim) -> Self {
        let order = match aim {
            Aim::Change { .. } | Aim::Start => order(&next, next.flows.keys()),
            Aim::Try { target, .. } => order(&next, [target]),
        };
        Self {
            next,
            aim,
            order,
            locks: BTreeMap::new(),
            plans: BTreeMap::new(),
            not_loaded: BTreeMap::new(),
            broken: Vec::new(),
            locked: Vec::new(),
            flows: Vec::new(),
        }
    }

    fn active(&self, flow: &Kebab) -> Option<&Active> {
        self.next.flows.get(flow)?.active.as_ref()
    }

    /// What each flow resolves to, and the plans of those that resolve to what they did before.
    fn resolve(&mut self) {
        for flow in self.order.clone() {
            let Some(active) = self.active(&flow) else {
                continue;
            };
            let lock = lock::lock(&active.document, &self.next.plugins, &Known(self));
            let lock = lock.map(|lock| {
                let digest = lock::digest(&lock);
                (lock, digest)
            });
            let is_same = match (&lock, &active.lock) {
                (Some((_, digest)), Some(before)) => *digest == before.digest,
                _ => false,
            };
            if let (true, Some(plan)) = (is_same, active.plan()) {
                let plan = plan.clone();
                self.plans.insert(flow.clone(), plan);
            }
            self.locks.insert(flow, lock);
        }
    }

    /// The flows that are to be planned.
    fn unsettled(&self) -> Vec<Kebab> {
        let order = self.order.iter();
        order
            .filter(|flow| !self.plans.contains_key(*flow) && self.active(flow).is_some())
            .cloned()
            .collect()
    }

    /// Loads the plugins that the flows which are to be planned need.
    async fn load(&mut self, shelf: &Shelf) {
        let mut wanted = BTreeSet::new();
        for flow in self.unsettled() {
            let Some(active) = self.active(&flow) else {
                continue;
            };
            let keys = needs(&active.document, &self.next);
            wanted.extend(
                keys.filter(|key| !self.next.loaded.contains_key(*key))
                    .cloned(),
            );
        }
        for (key, outcome) in shelf.load(wanted).await {
            match outcome {
                Ok(plugin) => {
                    self.next.loaded.insert(key, plugin);
                }
                Err(reason) => {
                    self.not_loaded.insert(key, reason);
                }
            }
        }
    }

    /// What is to be planned, in turns: each flow after those that it runs.
    fn turns(&self) -> Vec<Vec<(Kebab, Active)>> {
        let mut turns: Vec<Vec<_>> = Vec::new();
        let mut turn_of = BTreeMap::new();
        for flow in self.unsettled() {
            let Some(active) = self.active(&flow).cloned() else {
                continue;
            };
            let before = runs(&active.document).filter_map(|inner| turn_of.get(inner).copied());
            let turn = before.max().map_or(0, |before: usize| before + 1);
            turn_of.insert(flow.clone(), turn);
            if turn == turns.len() {
                turns.push(Vec::new());
            }
            turns[turn].push((flow, active));
        }
        turns
    }

    async fn plan(&mut self) -> Result<(), ServiceError> {
        for turn in self.turns() {
            let planning = turn
                .iter()
                .map(|(flow, active)| self.plan_one(flow, active));
            let planning: Vec<BoxFuture<'_, _>> = planning.map(|one| one.boxed()).collect();
            let planned = stream::iter(planning).buffered(AT_ONCE);
            let planned: Vec<_> = planned.collect().await;
            for ((flow, active), planned) in turn.into_iter().zip(planned) {
                match planned {
                    Ok((plan, locked)) => self.settled(flow, active, plan, locked),
                    Err(faults) => self.failed(flow, active, faults)?,
                }
            }
        }
        if self.broken.is_empty() {
            return Ok(());
        }
        let mut flows = std::mem::take(&mut self.broken);
        flows.truncate(MAX_FLOWS_NAMED);
        Err(ServiceError::FlowsWouldBreak { flows })
    }

    async fn plan_one(
        &self,
        flow: &Kebab,
        active: &Active,
    ) -> Result<(Arc<Plan>, Arc<Locked>), ServiceError> {
        if let Some(faults) = self.blocked(&active.document) {
            return Err(faults);
        }
        let nodes = ActiveNodes {
            plugins: &self.next.plugins,
            loaded: &self.next.loaded,
        };
        let flows = ActiveFlows {
            flows: &self.next.flows,
            plans: &self.plans,
        };
        let plan = Box::pin(lockgate_flow::plan(&active.document, &nodes, &flows, &[])).await?;
        let Some(Some((lock, digest))) = self.locks.get(flow) else {
            // What plans has resolved: this would be a flow that runs itself, which does not plan.
            return Err(one_fault(format!("the flow `{flow}` has no lock")));
        };
        let before = active.lock.as_ref();
        let locked = match (self.aim, before) {
            (_, Some(before)) if before.digest == *digest => before.clone(),
            (Aim::Start, _) => {
                let reason = "what it resolves to is not what its lock says: save it or make it active again";
                return Err(one_fault(reason.to_owned()));
            }
            (Aim::Change { cause, .. } | Aim::Try { cause, .. }, _) => Arc::new(Locked {
                revision: before.map_or(0, |before| before.revision) + 1,
                digest: digest.clone(),
                lock: lock.clone(),
                cause: cause.clone(),
            }),
        };
        Ok((Arc::new(plan), locked))
    }

    /// What keeps a flow from being planned at all: a plugin that was not loaded, or a broken flow that it runs.
    fn blocked(&self, document: &FlowDocument) -> Option<ServiceError> {
        let plugins = needs(document, &self.next).collect::<BTreeSet<_>>();
        let plugins = plugins
            .into_iter()
            .filter_map(|key| self.not_loaded.get(key));
        let mut reasons: Vec<String> = plugins.map(ToString::to_string).collect();
        reasons.extend(broken_flows(document, &self.next, &self.plans));
        if reasons.is_empty() {
            return None;
        }
        let total = reasons.len();
        let reasons = reasons.into_iter().take(MAX_FAULTS_SHOWN);
        Some(ServiceError::Faults {
            faults: reasons.map(not_loaded).collect(),
            total,
        })
    }

    fn settled(&mut self, flow: Kebab, active: Active, plan: Arc<Plan>, locked: Arc<Locked>) {
        let before = active.lock.as_ref().map(|lock| lock.revision);
        if before != Some(locked.revision) {
            self.locked
                .push((flow.clone(), active.version, locked.clone()));
            self.flows.push(Reresolved {
                flow: flow.clone(),
                version: active.version,
                revision: locked.revision,
                before,
            });
        }
        self.plans.insert(flow.clone(), plan.clone());
        self.set(
            &flow,
            Active {
                lock: Some(locked),
                ready: Ready::Plan(plan),
                ..active
            },
        );
    }

    /// A flow does not run in the new state.
    fn failed(
        &mut self,
        flow: Kebab,
        active: Active,
        error: ServiceError,
    ) -> Result<(), ServiceError> {
        let is_target = match self.aim {
            Aim::Change { target, .. } => target.as_ref() == Some(&flow),
            Aim::Try { target, .. } => *target == flow,
            Aim::Start => false,
        };
        if is_target {
            return Err(error);
        }
        let mut faults = match error {
            ServiceError::Faults { faults, .. } => faults,
            error => return Err(error),
        };
        let was_broken = matches!(active.ready, Ready::Broken(_));
        // What does not run on this host stays as it is, and is in nobody's way.
        let stays = was_broken || matches!(self.aim, Aim::Start);
        if stays {
            let first = faults.first().map(|fault| fault.message.clone());
            let reason = first.unwrap_or_default().into();
            let ready = Ready::Broken(reason);
            self.set(&flow, Active { ready, ..active });
        } else if matches!(self.aim, Aim::Change { .. }) {
            faults.truncate(MAX_FAULTS_SHOWN);
            self.broken.push(BrokenFlow {
                flow,
                version: active.version,
                faults,
            });
        }
        Ok(())
    }

    fn set(&mut self, flow: &Kebab, active: Active) {
        if let Some(state) = self.next.flows.get_mut(flow) {
            state.active = Some(active);
        }
    }

    fn finish(mut self) -> Settled {
        keep_needed(&mut self.next);
        Settled {
            next: self.next,
            locked: self.locked,
            flows: self.flows,
        }
    }
}

/// Keeps the plugins that locks in force need, and no others.
fn keep_needed(next: &mut Snapshot) {
    let flows = next.flows.values().filter_map(|flow| flow.active.as_ref());
    let running = flows.filter(|active| active.plan().is_some());
    let locks = running.filter_map(|active| active.lock.as_ref());
    let needed: BTreeSet<PluginKey> = locks.flat_map(|lock| lock.plugins()).collect();
    next.loaded.retain(|key, _| needed.contains(key));
}

/// The flows that have a lock by now.
struct Known<'s, 'a>(&'s Settling<'a>);

impl LockedFlows for Known<'_, '_> {
    fn locked(&self, flow: &Kebab) -> Option<(u32, &str)> {
        let (_, digest) = self.0.locks.get(flow)?.as_ref()?;
        Some((self.0.active(flow)?.version, digest))
    }
}

fn one_fault(message: String) -> ServiceError {
    ServiceError::Faults {
        faults: vec![not_loaded(message)],
        total: 1,
    }
}

/// A fault that no document has.
pub(super) fn not_loaded(message: String) -> FaultView {
    FaultView {
        code: NOT_LOADED.to_owned(),
        message,
        line: None,
        column: None,
        help: None,
    }
}
