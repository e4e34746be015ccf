//! A host for a test: a folder, a service with its store, and who asks.

use std::sync::Arc;
use std::time::SystemTime;

use futures::StreamExt as _;
use lockgate_flow::{Engine, EngineConfig, HostClock, MemoryCache};
use lockgate_model::Kebab;
use lockgate_service::flows::Put;
use lockgate_service::plugins::{Upload, Uploaded};
use lockgate_service::runs::{RunAsk, RunEvents, RunView, Trigger};
use lockgate_service::stats::{Counting, RollupStore};
use lockgate_service::{Caller, Scope, Service, ServiceConfig, ServiceError, StartError};
use lockgate_store::{Store, StoreConfig};
use lockgate_telemetry::{Bounds, Collector, Counts, Own, Rollups};
use serde_json::{Value as Tree, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::fakes::{FakeLoader, Stage, Threads};

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) stage: Arc<Stage>,
    pub(crate) threads: Arc<Threads>,
    pub(crate) store: Store,
    pub(crate) service: Arc<Service>,
    pub(crate) counting: Counting,
    pub(crate) me: Caller,
}

pub(crate) fn kebab(name: &str) -> Kebab {
    name.parse().unwrap()
}

/// A flow with a required text, and these lines of nodes; its output is the text of the last.
pub(crate) fn flow(name: &str, nodes: &[&str]) -> String {
    let last = nodes.last().unwrap().split(':').next().unwrap();
    let nodes = nodes.join("\n  ");
    format!(
        "flow: {name}\ninput: {{ type: object, required: [text], properties: {{ text: {{ type: string }} }} }}\n\
         nodes:\n  {nodes}\noutput: {{ text: {last}.text }}\n"
    )
}

pub(crate) const ECHO: &str = "a: { use: t/echo, in: { text: input.text } }";
pub(crate) const HOLD: &str = "a: { use: t/hold, in: { text: input.text } }";

pub(crate) fn ask(flow: &str, text: &str) -> RunAsk {
    RunAsk::new(kebab(flow), json!({ "text": text }), Trigger::Api)
}

impl World {
    /// A host with the plugin `t`, and the flows `echo`, which echoes, and `hold`, which waits at the gate.
    pub(crate) async fn new() -> Self {
        Self::with(ServiceConfig::default()).await
    }

    pub(crate) async fn with(config: ServiceConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self::open(folder, Arc::default(), config).await;
        world.upload("1.0.0").await;
        world.save(&flow("echo", &[ECHO])).await;
        world.save(&flow("hold", &[HOLD])).await;
        world
    }

    async fn open(folder: TempDir, stage: Arc<Stage>, config: ServiceConfig) -> Self {
        let store = Store::open(StoreConfig::new(folder.path())).await.unwrap();
        let threads = Arc::new(Threads::default());
        let (engine, counting) = counting(&store);
        let config = ServiceConfig {
            counting: Some(counting.clone()),
            ..config
        };
        let service = Service::start(
            store.clone(),
            Arc::new(FakeLoader(Arc::clone(&stage))),
            threads.clone(),
            engine,
            config,
        );
        Self {
            service: service.await.unwrap(),
            counting,
            me: Caller::host(kebab("default"), kebab("lockgate"), "me"),
            folder,
            stage,
            threads,
            store,
        }
    }

    /// Why a host with this configuration does not start.
    pub(crate) async fn refused(config: ServiceConfig) -> StartError {
        let folder = tempfile::tempdir().unwrap();
        let started = Service::start(
            Store::open(StoreConfig::new(folder.path())).await.unwrap(),
            Arc::new(FakeLoader(Arc::default())),
            Arc::new(Threads::default()),
            Engine::new(EngineConfig::default()),
            config,
        );
        started.await.unwrap_err()
    }

    /// The same folder after the service was dropped without a word, and its store with it.
    pub(crate) async fn killed(self, config: ServiceConfig) -> Self {
        let Self {
            folder,
            stage,
            store,
            service,
            ..
        } = self;
        drop(service);
        store.close().await;
        Self::open(folder, stage, config).await
    }

    pub(crate) async fn upload(&self, version: &str) {
        let upload = Upload {
            activate: Some(true),
            replace: false,
        };
        let bytes = version.as_bytes().to_vec();
        let uploaded = self.service.plugins().upload(&self.me, bytes, upload).await;
        assert!(matches!(uploaded.unwrap(), Uploaded::Done(_)));
    }

    /// Saves a flow and makes it active. Its version.
    pub(crate) async fn save(&self, text: &str) -> u32 {
        let name = text.lines().next().unwrap().trim_start_matches("flow: ");
        let put = Put {
            activate: true,
            format: None,
        };
        let flows = self.service.flows();
        let saved = flows
            .put(&self.me, &kebab(name), text.to_owned(), put)
            .await;
        saved.unwrap().version
    }

    pub(crate) async fn run(&self, flow: &str, text: &str) -> Arc<RunView> {
        self.service
            .runs()
            .run(&self.me, ask(flow, text))
            .await
            .unwrap()
    }

    pub(crate) async fn enqueue(&self, flow: &str, text: &str) -> Uuid {
        let accepted = self.service.queue().enqueue(&self.me, ask(flow, text), 0);
        accepted.await.unwrap().run
    }

    pub(crate) async fn get(&self, run: Uuid) -> Arc<RunView> {
        self.service.runs().get(&self.me, run).await.unwrap()
    }

    pub(crate) async fn events(&self, run: Uuid, after: u64) -> RunEvents {
        self.service
            .runs()
            .events(&self.me, run, after)
            .await
            .unwrap()
    }

    /// How a run ended, once it has.
    pub(crate) async fn ended(&self, run: Uuid) -> Arc<RunView> {
        let events = self.events(run, 0).await;
        events
            .for_each(|event| async move { drop(event.unwrap()) })
            .await;
        loop {
            // Its last event comes a moment before its row.
            let view = self.get(run).await;
            if view.summary.outcome.is_some() {
                return view;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until so many calls wait at the gate.
    pub(crate) async fn holding(&self, count: usize) {
        let mut holding = self.stage.holding.subscribe();
        holding.wait_for(|holding| *holding == count).await.unwrap();
    }

    pub(crate) fn let_go(&self, count: usize) {
        self.stage.gate.0.add_permits(count);
    }

    /// Somebody with a key of their own.
    pub(crate) fn somebody(&self, scopes: &[Scope], flows: Option<&[&str]>) -> Caller {
        Caller {
            key: Some(Uuid::now_v7()),
            scopes: scopes.iter().copied().collect(),
            flows: flows.map(|flows| flows.iter().map(|name| kebab(name)).collect()),
            name: "somebody".into(),
            ..self.me.clone()
        }
    }
}

/// An engine that is counted.
fn counting(store: &Store) -> (Arc<Engine>, Counting) {
    let own = Own::default();
    let counts = Arc::new(Counts::new(Bounds::default(), own.clone()));
    let rollups = Rollups::new(RollupStore::new(store.clone()), own.clone());
    let now = SystemTime::now();
    let collector = Collector::new(Arc::clone(&counts), own, vec![rollups.clone()], now);
    let clock = Arc::new(HostClock::start());
    let cache = MemoryCache::new(MemoryCache::DEFAULT_BYTES, clock.clone());
    let engine = Engine::with(
        EngineConfig::default(),
        clock,
        Arc::new(cache),
        Some(counts),
    );
    let collector = Arc::new(collector);
    (engine, Counting { collector, rollups })
}

pub(crate) fn outcome(view: &RunView) -> &str {
    view.summary.outcome.as_deref().unwrap_or("none")
}

pub(crate) fn json_of(view: &impl serde::Serialize) -> Tree {
    serde_json::from_str(&serde_json::to_string(view).unwrap()).unwrap()
}

/// The code of what was refused.
pub(crate) fn code<T>(result: Result<T, ServiceError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

/// The numbers and sorts of events, to their end.
pub(crate) async fn told(events: RunEvents) -> Vec<(u64, String)> {
    let told = events.map(|event| event.map(|event| (event.seq, event.kind)));
    told.collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap()
}
