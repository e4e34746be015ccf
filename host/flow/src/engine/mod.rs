//! What all runs of a host share: its places for calls and who has a turn at them, the cache, the clock, and whoever
//! counts.

mod clock;
mod flight;
mod gate;
mod memory_cache;
mod shares;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockgate_model::{
    Clock, CountedFlow, Ident, Journal, Kebab, OutputCache, RunOutcome, Telemetry,
};
use serde_json::{Map, Value as Tree};

use crate::document::Retry;
use crate::plan::Plan;
use crate::run::{self, RunError};

pub use clock::HostClock;
pub(crate) use flight::{Flight, Flights};
pub(crate) use gate::{Gate, Permit, Turn};
pub use memory_cache::MemoryCache;
use shares::Share;
pub(crate) use shares::{Shared, Shares};

/// The longest that a service's `retry-after-ms` puts off the next attempt.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// How many flows' limits are remembered before those of flows that do not run are forgotten.
const MAX_IDLE_SHARES: usize = 1_000;

/// What runs may use of a host.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Places for calls at once, all runs together. A call takes as many as its node's runner says. Default: 256.
    pub places: u32,
    /// Calls at once of one flow, all of its runs together. Default: no limit of its own.
    pub calls_per_flow: Option<u32>,
    /// Calls at once of one node of one flow, all of its runs together. Default: no limit of its own.
    pub calls_per_node: Option<u32>,
    /// Calls of one run, those of its sub-flows included. Default: 100,000.
    pub calls_per_run: u64,
    /// Elements of one `each`. Default: 10,000.
    pub elements: usize,
    /// What the jitter of pauses between attempts starts from. Default: something else each time.
    pub seed: Option<u64>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            places: 256,
            calls_per_flow: None,
            calls_per_node: None,
            calls_per_run: 100_000,
            elements: 10_000,
            seed: None,
        }
    }
}

/// What all runs of a host share. A run needs a tokio runtime, on which it makes independent calls at the same time.
pub struct Engine {
    pub(crate) config: EngineConfig,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cache: Arc<dyn OutputCache>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) telemetry: Option<Arc<dyn Telemetry>>,
    turns: AtomicU64,
    dice: Mutex<fastrand::Rng>,
    /// By project and flow.
    shares: Mutex<HashMap<(Arc<str>, Kebab), FlowShares>>,
}

/// The limits on calls at once of one flow of one project, shared by its runs and versions.
#[derive(Debug, Default)]
struct FlowShares {
    flow: Option<Share>,
    nodes: HashMap<Ident, Share>,
}

impl FlowShares {
    /// Whether a run counts on them.
    fn is_used(&self) -> bool {
        self.flow
            .iter()
            .chain(self.nodes.values())
            .any(Share::is_used)
    }
}

/// What somebody asks of a run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Names the run among all runs. Its calls are named after it.
    pub id: Arc<str>,
    /// Whose run it is. Outputs are reused within one project only.
    pub project: Arc<str>,
    /// The run's input.
    pub input: Tree,
    /// The operator's variables, over the flow's defaults.
    pub vars: Map<String, Tree>,
    /// The node to stop at: it and what it needs runs, and its outputs are the run's.
    pub until: Option<String>,
    /// Outputs that are given instead of being computed: by node, an object of ports and values. What only they needed
    /// does not run.
    pub pinned: Map<String, Tree>,
}

impl RunRequest {
    /// A run of the project `default`, with an input and nothing else.
    pub fn new(id: impl Into<Arc<str>>, input: Tree) -> Self {
        Self {
            id: id.into(),
            project: "default".into(),
            input,
            vars: Map::new(),
            until: None,
            pinned: Map::new(),
        }
    }
}

impl Engine {
    /// An engine with the host's clock and a cache in memory.
    pub fn new(config: EngineConfig) -> Arc<Self> {
        let clock = Arc::new(HostClock::start());
        let cache = MemoryCache::new(MemoryCache::DEFAULT_BYTES, clock.clone());
        Self::with(config, clock, Arc::new(cache), None)
    }

    /// An engine with these ports.
    pub fn with(
        config: EngineConfig,
        clock: Arc<dyn Clock>,
        cache: Arc<dyn OutputCache>,
        telemetry: Option<Arc<dyn Telemetry>>,
    ) -> Arc<Self> {
        let dice = match config.seed {
            Some(seed) => fastrand::Rng::with_seed(seed),
            None => fastrand::Rng::new(),
        };
        Arc::new(Self {
            gate: Gate::new(config.places),
            clock,
            cache,
            flights: Arc::default(),
            telemetry,
            turns: AtomicU64::new(0),
            dice: Mutex::new(dice),
            shares: Mutex::default(),
            config,
        })
    }

    /// Runs a plan once. `journal` hears of everything that happens, in order.
    ///
    /// Dropping the future ends the run and every call of it, and the journal hears that it was cancelled. It has to be
    /// polled within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Where the request or the input does not fit the flow: then nothing runs, and the journal hears nothing. Where a
    /// node fails and its flow does not go on without it, which ends those beside it; where an expression fails; where
    /// the run makes too many calls, or what it holds or gives is too large.
    pub async fn run(
        self: &Arc<Self>,
        plan: Arc<Plan>,
        request: RunRequest,
        journal: Arc<dyn Journal>,
    ) -> Result<Tree, RunError> {
        run::run(self, plan, request, journal).await
    }

    /// Says to whoever counts that a run ended before it could begin, of which nothing else tells them.
    pub fn never_began(&self, flow: &CountedFlow<'_>, outcome: &RunOutcome) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.series(flow).run_finished(outcome, Duration::ZERO);
        }
    }

    /// The clock that its runs go by, for their journals.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub(crate) fn next_turn(&self) -> Turn {
        Turn(self.turns.fetch_add(1, Ordering::Relaxed))
    }

    /// The limits that all runs of a flow share.
    pub(crate) fn shares(&self, project: &Arc<str>, plan: &Plan) -> Shares {
        let config = &self.config;
        if config.calls_per_flow.is_none() && config.calls_per_node.is_none() {
            return Shares::default();
        }
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.len() >= MAX_IDLE_SHARES {
            shares.retain(|_, flow| flow.is_used());
        }
        let key = (Arc::clone(project), plan.name.clone());
        let flow = shares.entry(key).or_default();
        if flow.flow.is_none() {
            flow.flow = config.calls_per_flow.map(|most| Share::new(most, 0));
        }
        let nodes = config.calls_per_node.map(|most| {
            let mut share = |name: &Ident| {
                let order = flow.nodes.len();
                let share = flow.nodes.entry(name.clone());
                share.or_insert_with(|| Share::new(most, order)).clone()
            };
            plan.nodes.iter().map(|node| share(&node.name)).collect()
        });
        Shares {
            flow: flow.flow.clone(),
            nodes,
        }
    }

    /// How long the attempt after the `attempt`th is put off: exponential backoff with full jitter, so that those who
    /// failed together do not come back together; not less than a service asks for, up to a bound.
    ///
    /// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    pub(crate) fn delay(&self, retry: &Retry, attempt: u32, after: Option<Duration>) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let most = retry.backoff.saturating_mul(doubled).min(retry.max_backoff);
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let jittered = most.mul_f64(dice.f64());
        jittered.max(after.unwrap_or_default().min(MAX_RETRY_AFTER))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
