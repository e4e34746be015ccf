//! Random sequences of changes against a simple model: what is in force is the rule, applied to what was made active. And
//! changes at the same time come one after another.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_model::VersionRange;
use proptest::prelude::*;

use crate::fakes::{component, with_nodes};
use crate::world::{ACTIVE, NOT_ACTIVE, World, flow, kebab};

const VERSIONS: [&str; 5] = ["1.0.0", "1.1.0", "1.2.0", "2.0.0", "2.1.0"];
const RANGES: [&str; 5] = ["", "@1", "@2", "@~1.1", "@=1.0.0"];
const FLOWS: [&str; 3] = ["a", "b", "c"];

/// `old` is a node that versions from 2 on no longer have.
#[derive(Debug, Clone)]
enum Step {
    Activate(usize),
    /// A flow that uses a node in a range, and may run an earlier flow.
    Put {
        flow: usize,
        old: bool,
        range: usize,
        runs: Option<usize>,
    },
    ActivateFlow(usize, u32),
    RemoveFlow(usize),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let put = (0..3_usize, any::<bool>(), 0..RANGES.len(), 0..4_usize).prop_map(
        |(flow, old, range, runs)| Step::Put {
            flow,
            old,
            range,
            runs: (runs < flow).then_some(runs),
        },
    );
    prop_oneof![
        6 => (0..VERSIONS.len()).prop_map(Step::Activate),
        6 => put,
        2 => (0..3_usize, 1..4_u32).prop_map(|(flow, version)| Step::ActivateFlow(flow, version)),
        1 => (0..3_usize).prop_map(Step::RemoveFlow),
        1 => Just(Step::Reopen),
    ]
}

/// What a version of a flow says.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    old: bool,
    range: usize,
    runs: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Model {
    /// The versions in the order in which they were made active, the last one last.
    active: Vec<usize>,
    flows: BTreeMap<usize, (Vec<Said>, u32)>,
}

impl Model {
    /// What a flow comes to; None where it cannot run.
    fn told(&self, flow: usize) -> Option<String> {
        let (versions, active) = self.flows.get(&flow)?;
        let said = &versions[*active as usize - 1];
        let range = RANGES[said.range].strip_prefix('@');
        let range: Option<VersionRange> = range.map(|range| range.parse().unwrap());
        let admits = |version: &&usize| {
            let version = VERSIONS[**version].parse().unwrap();
            range.as_ref().is_none_or(|range| range.contains(&version))
        };
        let version = VERSIONS[*self.active.iter().rev().find(admits)?];
        if said.old && version.starts_with('2') {
            return None;
        }
        let mut told = format!("text@{version}");
        if let Some(inner) = said.runs {
            told += &format!(" {}[{}]", FLOWS[inner], self.told(inner)?);
        }
        Some(told)
    }

    fn is_whole(&self) -> bool {
        self.flows.keys().all(|flow| self.told(*flow).is_some())
    }

    /// The model after a step; None where the step is refused.
    fn after(&self, step: &Step) -> Option<Self> {
        let mut next = self.clone();
        match step {
            Step::Activate(version) => {
                if next.active.last() != Some(version) {
                    next.active.retain(|active| active != version);
                    next.active.push(*version);
                }
            }
            Step::Put {
                flow,
                old,
                range,
                runs,
            } => {
                let said = Said {
                    old: *old,
                    range: *range,
                    runs: *runs,
                };
                let (versions, active) = next.flows.entry(*flow).or_default();
                let known = versions.iter().position(|version| *version == said);
                *active = match known {
                    Some(known) => known as u32 + 1,
                    None => {
                        versions.push(said);
                        versions.len() as u32
                    }
                };
            }
            Step::ActivateFlow(flow, version) => {
                let (versions, active) = next.flows.get_mut(flow)?;
                if *version as usize > versions.len() {
                    return None;
                }
                *active = *version;
            }
            Step::RemoveFlow(flow) => {
                next.flows.remove(flow)?;
            }
            Step::Reopen => {}
        }
        next.is_whole().then_some(next)
    }
}

fn document(flow: usize, old: bool, range: usize, runs: Option<usize>) -> String {
    let node = if old { "old" } else { "run" };
    let mut uses = vec![format!("text/{node}{}", RANGES[range])];
    uses.extend(runs.map(|inner| format!("flow:{}", FLOWS[inner])));
    let uses: Vec<_> = uses.iter().map(String::as_str).collect();
    crate::world::flow(FLOWS[flow], &uses)
}

async fn uploaded() -> World {
    let world = World::new().await;
    for version in VERSIONS {
        let nodes = match version.starts_with('1') {
            true => serde_json::json!([{ "name": "run" }, { "name": "old" }]),
            false => serde_json::json!([{ "name": "run" }]),
        };
        let uploaded = world.upload(with_nodes("text", version, &nodes), NOT_ACTIVE);
        uploaded.await.unwrap();
    }
    world
}

/// Does a step; whether it was done.
async fn done(world: &World, step: &Step) -> bool {
    match step {
        Step::Activate(version) => world.activate("text", VERSIONS[*version]).await.is_ok(),
        Step::Put {
            flow,
            old,
            range,
            runs,
        } => {
            let text = document(*flow, *old, *range, *runs);
            world.save(FLOWS[*flow], &text).await.is_ok()
        }
        Step::ActivateFlow(flow, version) => {
            let name = kebab(FLOWS[*flow]);
            let activated = world.flows.activate(&world.me, &name, *version).await;
            activated.is_ok()
        }
        Step::RemoveFlow(flow) => {
            let removed = world.flows.remove(&world.me, &kebab(FLOWS[*flow])).await;
            removed.is_ok()
        }
        Step::Reopen => true,
    }
}

async fn in_force(world: &World) -> BTreeMap<usize, String> {
    let mut told = BTreeMap::new();
    for (index, name) in FLOWS.iter().enumerate() {
        if world.resolve(name, None).await.is_ok() {
            told.insert(index, world.runs(name).await);
        }
    }
    told
}

async fn follows_the_model(steps: &[Step]) {
    let mut world = uploaded().await;
    let mut model = Model::default();
    for step in steps {
        let next = model.after(step);
        if let Step::Reopen = step {
            let before = world.locks().await;
            world = world.reopened().await;
            assert_eq!(world.locks().await, before);
        }
        let before = world.locks().await;
        assert_eq!(done(&world, step).await, next.is_some(), "{step:?}");
        match next {
            Some(next) => model = next,
            None => assert_eq!(world.locks().await, before, "a refusal changes nothing"),
        }
        let expected: BTreeMap<_, _> = model
            .flows
            .keys()
            .filter_map(|flow| Some((*flow, model.told(*flow)?)))
            .collect();
        assert_eq!(in_force(&world).await, expected, "{step:?}");
    }
    // Nothing is held but what is in force.
    let needed: BTreeSet<_> = in_force(&world).await.into_values().collect();
    for version in VERSIONS {
        let name = format!("text@{version}");
        let is_needed = needed.iter().any(|told| told.contains(&name));
        assert_eq!(world.loader.alive(&name) > 0, is_needed, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_in_force_is_the_rule(steps in prop::collection::vec(step(), 1..16)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(follows_the_model(&steps));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_at_the_same_time_come_one_after_another() {
    let world = uploaded().await;
    world.activate("text", "1.0.0").await.unwrap();
    world.flow("a", &["text/run"]).await;
    world.flow("b", &["flow:a", "text/run@1"]).await;
    let changes = (0..24).map(|index| {
        let world = &world;
        async move {
            match index % 3 {
                0 => {
                    let version = VERSIONS[index / 3 % VERSIONS.len()];
                    world.activate("text", version).await.unwrap();
                }
                1 => {
                    let range = RANGES[index / 3 % 2];
                    let text = flow("a", &[&format!("text/run{range}")]);
                    world.save("a", &text).await.unwrap();
                }
                _ => {
                    let name = format!("extra{index}");
                    world.flow(&name, &["flow:b"]).await;
                }
            }
        }
    });
    futures::future::join_all(changes).await;
    // All see one state, and the store has the same.
    let inner = world.runs("a").await;
    let outer = world.runs("b").await;
    assert!(outer.starts_with(&format!("a[{inner}] ")), "{outer}");
    for flow in world.flows.list(&world.me).await.unwrap() {
        if flow.flow.as_str().starts_with("extra") {
            assert_eq!(world.runs(flow.flow.as_str()).await, format!("b[{outer}]"));
        }
        let locks = world.flows.locks(&world.me, &flow.flow, flow.active).await;
        let revisions: Vec<_> = locks.unwrap().iter().map(|row| row.lock.revision).collect();
        let counted: Vec<_> = (1..=revisions.len() as u32).rev().collect();
        assert_eq!(revisions, counted, "{}", flow.flow);
    }
    let locks = world.locks().await;
    let world = world.reopened().await;
    assert_eq!(world.locks().await, locks);
}

#[tokio::test]
async fn a_change_goes_on_when_whoever_asked_goes_away() {
    let world = World::new().await;
    world.active("text", &["1.0.0"]).await;
    world.flow("a", &["text/run"]).await;
    let uploaded = world.upload(component("text", "1.1.0"), ACTIVE);
    let mut uploaded = Box::pin(uploaded);
    // It begins, and its caller goes away.
    assert!(futures::poll!(&mut uploaded).is_pending());
    drop(uploaded);
    while world.runs("a").await != "text@1.1.0" {
        tokio::task::yield_now().await;
    }
    let locks = world.locks().await;
    let world = world.reopened().await;
    assert_eq!(world.locks().await, locks);
}
