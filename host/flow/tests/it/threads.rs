//! The same properties on several threads, where calls end in an order that nobody decides.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use lockgate_flow::{Engine, EngineConfig, RunError, RunRequest};
use lockgate_model::Clock;
use proptest::prelude::*;
use serde_json::{Value as Tree, json};

use crate::draft::{Draw, draft};
use crate::fakes::Nothing;
use crate::puppets::{Pace, steps};
use crate::random::{Host, cases, ended, limits};
use crate::recorded::Recorded;

/// Longer than any of these runs takes on any machine: one that takes so long is locked.
const LOCKED: Duration = Duration::from_secs(60);

/// A clock that stands still, and on which nobody sleeps.
struct NoTime;

impl Clock for NoTime {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }
}

/// What a test comes to on so many threads.
fn on_threads<T: Send + 'static>(
    threads: usize,
    test: impl Future<Output = T> + Send + 'static,
) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }
        .worker_threads(threads)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let ended = tokio::time::timeout(LOCKED, tokio::spawn(test)).await;
        ended.expect("the run is locked").expect("no panic")
    })
}

/// Its reader fails because of it, and must not be said to be the reason.
#[test]
fn the_first_to_fail_is_the_one_that_is_told() {
    let step = |with: Tree, inputs: Tree| json!({"use": "test/step", "with": with, "in": inputs});
    let fails = json!({"salt": 1, "parts": 1, "fails": 100, "patient": true});
    let document = json!({
        "flow": "t",
        "nodes": {
            "fails": step(fails, json!({})),
            "reads": step(json!({"salt": 2}), json!({"s": "fails.text"})),
        },
        "output": {"out": "reads.value"},
    });
    on_threads(4, async move {
        let plan = steps(&Pace::Turns, 0).plan(&document).await;
        for _ in 0..500 {
            let engine = Engine::new(EngineConfig::default());
            let request = RunRequest::new("r", json!({}));
            let failed = engine
                .run(Arc::clone(&plan), request, Arc::new(Nothing))
                .await;
            let Err(RunError::Node { node, .. }) = failed else {
                unreachable!("it fails: {failed:?}");
            };
            assert_eq!(node.to_string(), "fails");
        }
    });
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn on_one_thread_and_on_four_runs_give_the_same(draft in draft(Draw::Timeless, 20), config in limits()) {
        let mut first = None;
        for (order, threads) in (0..).zip([1, 4, 4, 4]) {
            let (draft, config) = (draft.clone(), config.clone());
            let ended = on_threads(threads, async move {
                ended(&draft, config, Arc::new(NoTime), &Pace::Turns, order).await
            });
            let first = first.get_or_insert_with(|| ended.clone());
            prop_assert_eq!(&*first, &ended);
        }
    }

    #[test]
    fn a_run_that_is_cancelled_ends_on_every_thread(draft in draft(Draw::Timeless, 20), config in limits(), turns in 0..200_u64) {
        on_threads(4, async move {
            let host = Host::new(&draft, config, Arc::new(NoTime), &Pace::Turns, 0).await;
            let journal = Recorded::new();
            tokio::select! {
                biased;
                () = Pace::Turns.pass(turns) => {}
                _ = host.run(&journal) => {}
            }
            let events = journal.events().len();
            while host.scripted.calls.alive() > 0 {
                tokio::task::yield_now().await;
            }
            // Whether it began at all: a run that was never polled says nothing.
            if events > 0 {
                let followed = journal.check(&draft.needs());
                prop_assert_eq!(followed, Ok(()));
            }
            prop_assert_eq!(journal.events().len(), events, "it writes after its end");
            let next = Recorded::new();
            let _ = host.run(&next).await;
            prop_assert_eq!(host.scripted.calls.alive(), 0, "calls go on after their run");
            let followed = next.check(&draft.needs());
            prop_assert_eq!(followed, Ok(()));
            Ok(())
        })?;
    }
}
