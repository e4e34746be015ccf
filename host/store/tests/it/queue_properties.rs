//! Whatever is done to the queue in whatever order: every accepted run is exactly one of waiting, leased, finished, dead.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_store::{Accepted, RunState, Store};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::*;

#[derive(Debug, Clone)]
enum Step {
    Accept {
        priority: i32,
        many: u64,
    },
    Claim(u32),
    /// The run, by its number modulo what there is.
    Finish(usize),
    Release(usize),
    Cancel(usize),
    Requeue(usize),
    RemoveDead(usize),
    /// The process ends and another recovers.
    Crash,
    /// As before, with the store opened anew.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (-3..4, 1u64..5).prop_map(|(priority, many)| Step::Accept { priority, many }),
        4 => (1u32..6).prop_map(Step::Claim),
        4 => any::<usize>().prop_map(Step::Finish),
        2 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Requeue),
        1 => any::<usize>().prop_map(Step::RemoveDead),
        2 => Just(Step::Crash),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Waiting,
    Leased,
    Finished,
    Dead,
}

/// What has to be so.
#[derive(Default)]
struct Model {
    /// In the order of acceptance: place, priority, how often it was lost.
    runs: Vec<(Uuid, Place, i32, u32)>,
    /// How often the owner changed.
    owner: u32,
}

impl Model {
    fn owner(&self) -> String {
        format!("owner-{}", self.owner)
    }

    fn pick(&mut self, number: usize) -> Option<&mut (Uuid, Place, i32, u32)> {
        let count = self.runs.len();
        (count > 0).then(|| &mut self.runs[number % count])
    }

    /// What is to be claimed next.
    fn next(&self, most: usize) -> Vec<Uuid> {
        let mut waiting: Vec<_> = self
            .runs
            .iter()
            .filter(|run| run.1 == Place::Waiting)
            .collect();
        waiting.sort_by_key(|run| -run.2);
        waiting.into_iter().take(most).map(|run| run.0).collect()
    }
}

const ATTEMPTS: u32 = 3;

async fn take(store: &mut Store, folder: &tempfile::TempDir, model: &mut Model, step: Step) {
    match step {
        Step::Accept { priority, many } => {
            let first = model.runs.len() as u64;
            let runs: Vec<_> = (first..first + many)
                .map(|number| lockgate_store::QueuedRun {
                    priority,
                    ..queued(id(number))
                })
                .collect();
            let ahead = model
                .runs
                .iter()
                .filter(|run| run.1 == Place::Waiting && run.2 >= priority)
                .count();
            model
                .runs
                .extend(runs.iter().map(|run| (run.id, Place::Waiting, priority, 0)));
            let accepted = store.accept(accept(runs)).await.expect("accepts");
            assert_eq!(
                accepted,
                Accepted::Accepted {
                    ahead: ahead as u64
                }
            );
        }
        Step::Claim(most) => {
            let expected = model.next(most as usize);
            let claimed = store
                .claim(&model.owner(), most, NOW + 1)
                .await
                .expect("claims");
            assert_eq!(
                claimed.iter().map(|run| run.id).collect::<Vec<_>>(),
                expected
            );
            for run in &mut model.runs {
                if let Some(claim) = claimed.iter().find(|claim| claim.id == run.0) {
                    assert_eq!(claim.attempts, run.3);
                    run.1 = Place::Leased;
                }
            }
        }
        Step::Finish(number) => {
            if let Some(run) = model.pick(number).filter(|run| run.1 == Place::Leased) {
                run.1 = Place::Finished;
                let mut end = finished(run.0);
                end.queued = true;
                store.finish_run(end).await.expect("finishes");
            }
        }
        Step::Release(number) => {
            let owner = model.owner();
            if let Some(run) = model.pick(number) {
                let leased = run.1 == Place::Leased;
                if leased {
                    run.1 = Place::Waiting;
                }
                let released = store.release(&owner, vec![run.0]).await.expect("releases");
                assert_eq!(released, u64::from(leased));
            }
        }
        Step::Cancel(number) => {
            if let Some(run) = model.pick(number) {
                let waits = run.1 == Place::Waiting;
                if waits {
                    run.1 = Place::Finished;
                }
                let done = store
                    .cancel_waiting(&project(), &run.0, NOW)
                    .await
                    .expect("cancels");
                assert_eq!(done, waits);
            }
        }
        Step::Requeue(number) => {
            if let Some(run) = model.pick(number) {
                let dead = run.1 == Place::Dead;
                if dead {
                    (run.1, run.3) = (Place::Waiting, 0);
                }
                let done = store
                    .requeue_dead(&project(), &run.0, audit("x"))
                    .await
                    .expect("requeues");
                assert_eq!(done, dead);
            }
        }
        Step::RemoveDead(number) => {
            if let Some(run) = model.pick(number) {
                let dead = run.1 == Place::Dead;
                if dead {
                    run.1 = Place::Finished;
                }
                let done = store
                    .remove_dead(&project(), &run.0, audit("x"))
                    .await
                    .expect("removes");
                assert_eq!(done, dead);
            }
        }
        Step::Crash | Step::Reopen => {
            if matches!(step, Step::Reopen) {
                *store = open(folder).await;
            }
            model.owner += 1;
            let recovered = store
                .recover(&model.owner(), NOW, ATTEMPTS)
                .await
                .expect("recovers");
            let mut requeued = 0;
            let mut dead = BTreeSet::new();
            for run in model.runs.iter_mut().filter(|run| run.1 == Place::Leased) {
                run.3 += 1;
                if run.3 < ATTEMPTS {
                    run.1 = Place::Waiting;
                    requeued += 1;
                } else {
                    run.1 = Place::Dead;
                    dead.insert(run.0);
                }
            }
            assert_eq!(recovered.requeued, requeued);
            let said: BTreeSet<_> = recovered.dead.into_iter().map(|(_, run)| run).collect();
            assert_eq!(said, dead);
        }
    }
}

async fn check(store: &Store, model: &Model) {
    let count = |place| model.runs.iter().filter(|run| run.1 == place).count() as u64;
    let queue = store.queue(None).await.expect("reads");
    assert_eq!(queue.waiting, count(Place::Waiting));
    assert_eq!(queue.running, count(Place::Leased));
    assert_eq!(queue.dead, count(Place::Dead));
    let dead: BTreeMap<_, _> = store
        .dead(&project(), None, 1_000)
        .await
        .expect("reads")
        .into_iter()
        .map(|dead| (dead.run.id, dead))
        .collect();
    for (run, place, ..) in &model.runs {
        let row = store
            .run(&project(), run)
            .await
            .expect("reads")
            .expect("no run is lost");
        let state = match place {
            Place::Waiting => RunState::Queued,
            Place::Leased => RunState::Running,
            Place::Finished | Place::Dead => RunState::Finished,
        };
        assert_eq!(row.summary.state, state);
        assert_eq!(dead.contains_key(run), *place == Place::Dead);
        assert_eq!(
            store.place(run).await.expect("reads").is_some(),
            *place == Place::Waiting
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_accepted_run_is_in_exactly_one_place(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (mut store, folder) = store().await;
            let mut model = Model::default();
            for step in steps {
                take(&mut store, &folder, &mut model, step).await;
            }
            check(&store, &model).await;
        });
    }
}
