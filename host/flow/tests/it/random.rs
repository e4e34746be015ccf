//! What holds for every flow: random ones, run in every way.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use lockgate_flow::{Engine, EngineConfig, MemoryCache, Plan, RunError, RunRequest};
use lockgate_model::{Clock, NodeOutcome, RunEvent};
use proptest::prelude::*;
use serde_json::{Value as Tree, json};

use crate::clock::VirtualClock;
use crate::draft::{Draft, Draw, draft};
use crate::puppets::{Pace, Scripted, steps};
use crate::recorded::Recorded;

/// A host of its own for a random flow, with a clock that somebody moves.
pub(crate) struct Host {
    engine: Arc<Engine>,
    pub(crate) scripted: Scripted,
    plan: Arc<Plan>,
}

impl Host {
    pub(crate) async fn new(
        draft: &Draft,
        config: EngineConfig,
        clock: Arc<dyn Clock>,
        pace: &Pace,
        order: u64,
    ) -> Self {
        let mut scripted = steps(pace, order);
        draft
            .inner()
            .for_each(|(name, document)| scripted.flow(&name, &document));
        let plan = scripted.plan(&draft.document()).await;
        let cache = Arc::new(MemoryCache::new(1 << 20, clock.clone()));
        Self {
            engine: Engine::with(config, clock, cache, None),
            scripted,
            plan,
        }
    }

    pub(crate) async fn run(&self, journal: &Arc<Recorded>) -> Result<Tree, RunError> {
        let request = RunRequest::new("r", json!({"a": 1}));
        self.engine
            .run(Arc::clone(&self.plan), request, journal.clone())
            .await
    }

    /// Waits until no call is being made: one that was told to end has its turn first.
    async fn quiet(&self) -> Result<(), TestCaseError> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        prop_assert_eq!(self.scripted.calls.alive(), 0, "calls go on");
        Ok(())
    }
}

pub(crate) fn limits() -> impl Strategy<Value = EngineConfig> {
    let limit = || prop::option::of(1..4_u32);
    (1..9_u32, limit(), limit(), any::<u64>()).prop_map(
        |(places, calls_per_flow, calls_per_node, seed)| EngineConfig {
            places,
            calls_per_flow,
            calls_per_node,
            seed: Some(seed),
            ..EngineConfig::default()
        },
    )
}

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// Every run ends, every node runs at most once for each attempt and after what it needs, and its lists are in
    /// order. A run that cannot end panics in its clock.
    #[test]
    fn every_run_ends_and_its_events_follow_the_rules(draft in draft(Draw::Anything, 30), config in limits(), order in any::<u64>()) {
        let clock = VirtualClock::default();
        clock.runtime().block_on(async {
            let pace = Pace::Clock(Arc::new(clock.clone()));
            let host = Host::new(&draft, config, Arc::new(clock.clone()), &pace, order).await;
            let (one, two) = (Recorded::new(), Recorded::new());
            // Two at once share the places, the limits and the cache.
            let _ = futures::join!(host.run(&one), host.run(&two));
            prop_assert_eq!(host.scripted.calls.alive(), 0, "calls go on after their run");
            for journal in [one, two] {
                let followed = journal.check(&draft.needs());
                prop_assert_eq!(followed, Ok(()));
            }
            Ok(())
        })?;
    }

    /// A run that is dropped says so of all that it began, and leaves nothing behind.
    #[test]
    fn a_run_that_is_cancelled_leaves_nothing(draft in draft(Draw::Anything, 20), mut config in limits(), polls in 1..60_usize) {
        let clock = VirtualClock::default();
        config.places = 1;
        clock.runtime().block_on(async {
            let pace = Pace::Clock(Arc::new(clock.clone()));
            let host = Host::new(&draft, config, Arc::new(clock.clone()), &pace, 0).await;
            let journal = Recorded::new();
            let ended = {
                let mut run = pin!(host.run(&journal));
                let mut left = polls;
                std::future::poll_fn(|context| {
                    let polled = run.as_mut().poll(context);
                    left -= 1;
                    if polled.is_pending() && left > 0 { Poll::Pending } else { Poll::Ready(polled.is_ready()) }
                }).await
            };
            let events = journal.events();
            let followed = journal.check(&draft.needs());
            prop_assert_eq!(followed, Ok(()));
            host.quiet().await?;
            prop_assert_eq!(journal.events().len(), events.len(), "it writes after its end");
            if !ended {
                let is_cancelled = format!("{:?}", events.last()).contains("Cancelled");
                prop_assert!(is_cancelled, "{:?}", events.last());
            }
            // All places are free again: another run comes to its end.
            let next = Recorded::new();
            let _ = host.run(&next).await;
            let followed = next.check(&draft.needs());
            prop_assert_eq!(followed, Ok(()));
            Ok(())
        })?;
    }

    /// Nodes that are given what they gave before change nothing.
    #[test]
    fn pinned_outputs_give_what_computed_ones_gave(draft in draft(Draw::Timeless, 20), config in limits(), chosen in any::<u32>()) {
        let clock = VirtualClock::default();
        clock.runtime().block_on(async {
            let pace = Pace::Clock(Arc::new(clock.clone()));
            let host = Host::new(&draft, config, Arc::new(clock.clone()), &pace, 0).await;
            let (journal, next) = (Recorded::new(), Recorded::new());
            let Ok(output) = host.run(&journal).await else { return Ok(()) };
            // Without the pipe from a node that is pinned, its reader may be repeated where it was not before.
            let failed = |event: &RunEvent| matches!(event, RunEvent::NodeFinished { outcome: NodeOutcome::Failed(_), .. });
            if journal.events().iter().any(failed) {
                return Ok(());
            }
            let mut request = RunRequest::new("p", json!({"a": 1}));
            request.pinned = journal.outputs();
            let mut nth = 0;
            request.pinned.retain(|_, _| {
                nth += 1;
                chosen >> (nth % 32) & 1 == 1
            });
            let again = host.engine.run(Arc::clone(&host.plan), request, next.clone()).await;
            prop_assert_eq!(again.map_err(|error| error.to_string()), Ok(output));
            let followed = next.check(&HashMap::new());
            prop_assert_eq!(followed, Ok(()));
            Ok(())
        })?;
    }

    /// The outputs, and how each node ends, do not depend on which call ends first.
    #[test]
    fn the_order_in_which_calls_end_changes_nothing(draft in draft(Draw::Timeless, 20), config in limits()) {
        let mut first: Option<Ended> = None;
        for order in 0..4 {
            let clock = VirtualClock::default();
            let ended = clock.runtime().block_on(async {
                let pace = Pace::Clock(Arc::new(clock.clone()));
                ended(&draft, config.clone(), Arc::new(clock.clone()), &pace, order).await
            });
            let first = first.get_or_insert_with(|| ended.clone());
            prop_assert_eq!(&*first, &ended);
        }
    }
}

/// What does not depend on time: the output and how each node ended; or only that the run failed, because what else it
/// did until then depends on when that was.
pub(crate) type Ended = Option<(Tree, Vec<String>)>;

pub(crate) async fn ended(
    draft: &Draft,
    config: EngineConfig,
    clock: Arc<dyn Clock>,
    pace: &Pace,
    order: u64,
) -> Ended {
    let host = Host::new(draft, config, clock, pace, order).await;
    let journal = Recorded::new();
    let output = host.run(&journal).await.ok()?;
    // Of equal sub-flows that are cached, whichever comes first runs for both: whose nodes those are depends on time.
    let mut outcomes = journal.outcomes();
    outcomes.retain(|outcome| !outcome.contains('/'));
    // Of several failures in a list or a sub-flow the first is the node's: of which kind that is depends on time, too.
    for outcome in &mut outcomes {
        for kind in [" rejected", " denied", " trapped"] {
            if let Some(node) = outcome.strip_suffix(kind) {
                *outcome = format!("{node} failed");
            }
        }
    }
    Some((output, outcomes))
}
