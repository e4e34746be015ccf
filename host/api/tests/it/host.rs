//! A host that listens: the interface over the service, a store in a folder of its own, and nodes without a sandbox.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lockgate_api::{ApiConfig, Server};
use lockgate_flow::{Engine, EngineConfig, HostClock, MemoryCache};
use lockgate_model::Kebab;
use lockgate_service::stats::{Counting, RollupStore};
use lockgate_service::{Caller, NewKey, Scope, Service, ServiceConfig};
use lockgate_store::{Store, StoreConfig};
use lockgate_telemetry::trace::{Span, SpanSink, TraceConfig, Tracer};
use lockgate_telemetry::{Bounds, Collector, Counts, Exporter, Own, Rollups};
use tempfile::TempDir;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::client::{Ask, Told, ask};
use crate::guests::{Loader, Tasks, component};

/// A flow of one node.
pub(crate) const SHOUT: &str = "\
flow: shout
input: { type: object, required: [text], properties: { text: { type: string } } }
nodes:
  loud: { use: text/upper, in: { text: input.text } }
output: { text: loud.text }
";

/// A flow that chats.
pub(crate) const CHAT: &str = "\
flow: parrot
description: Says what was said.
input: { type: object, required: [message], properties: { message: { type: string } } }
chat: { message: message, answer: text }
nodes:
  told: { use: text/tell, in: { text: input.message } }
output: { text: told.text }
";

/// A flow whose validator rejects everything.
pub(crate) const STRICT: &str = "\
flow: strict
input: { type: object, required: [text], properties: { text: { type: string } } }
nodes:
  gate: { use: text/reject, in: { text: input.text } }
output: { text: gate.text }
";

/// A flow that ends when it is cancelled.
pub(crate) const WAIT: &str = "\
flow: wait
nodes:
  long: { use: text/wait, in: { text: \"'x'\" } }
output: { text: long.text }
";

fn engine(counts: Arc<Counts>) -> Arc<Engine> {
    let clock = Arc::new(HostClock::start());
    let cache = MemoryCache::new(MemoryCache::DEFAULT_BYTES, clock.clone());
    Engine::with(
        EngineConfig::default(),
        clock,
        Arc::new(cache),
        Some(counts),
    )
}

/// How long a test waits for what has to come. It is there at once, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again, until there is an answer to go on with.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let asked = tokio::time::timeout(PATIENCE, asked).await;
    asked.unwrap_or_else(|_| unreachable!("{what} never came"))
}

/// The spans that a host made.
#[derive(Default)]
pub(crate) struct Spans {
    spans: Mutex<Vec<Span>>,
    came: Notify,
}

impl SpanSink for Spans {
    fn take(&self, spans: Vec<Span>) {
        self.spans.lock().expect("no panic").extend(spans);
        self.came.notify_one();
    }
}

impl Spans {
    pub(crate) fn all(&self) -> Vec<Span> {
        self.spans.lock().expect("no panic").clone()
    }

    /// All of them, once there are enough.
    pub(crate) async fn once(&self, enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let came = async {
            loop {
                let spans = self.all();
                if enough(&spans) {
                    return spans;
                }
                self.came.notified().await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, came).await;
        came.unwrap_or_else(|_| unreachable!("there are only {:?}", self.all()))
    }
}

/// A host that listens until it is dropped.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) service: Arc<Service>,
    pub(crate) collector: Arc<Collector>,
    admin: String,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) serving: JoinHandle<()>,
    _folder: TempDir,
}

impl Host {
    /// One with nothing in it.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// One with the plugin `text` and the flows of this file.
    pub(crate) async fn stocked() -> Self {
        let host = Self::start().await;
        host.stock().await;
        host
    }

    /// One that is configured otherwise.
    pub(crate) async fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::open(change, ServiceConfig::default(), |server| server).await
    }

    /// One that is configured otherwise, with more behind its interface.
    pub(crate) async fn wired(
        change: impl FnOnce(&mut ApiConfig),
        wire: impl FnOnce(Server) -> Server,
    ) -> Self {
        Self::open(change, ServiceConfig::default(), wire).await
    }

    /// One with the plugin `text` and the flows of this file, that traces, and its spans.
    pub(crate) async fn traced(config: TraceConfig) -> (Self, Arc<Spans>) {
        let spans = Arc::new(Spans::default());
        let sink: Arc<dyn SpanSink> = spans.clone();
        let service = ServiceConfig {
            tracer: Tracer::new(config, sink, Own::default()),
            ..ServiceConfig::default()
        };
        let host = Self::open(|_| {}, service, |server| server).await;
        host.stock().await;
        (host, spans)
    }

    async fn open(
        change: impl FnOnce(&mut ApiConfig),
        service: ServiceConfig,
        wire: impl FnOnce(Server) -> Server,
    ) -> Self {
        let mut config = ApiConfig {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            ..ApiConfig::default()
        };
        change(&mut config);
        let own = Own::default();
        let counts = Arc::new(Counts::new(Bounds::default(), own.clone()));
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(StoreConfig::new(folder.path())).await;
        let store = store.expect("a store");
        let rollups = Rollups::new(RollupStore::new(store.clone()), own.clone());
        let exporters = vec![rollups.clone() as Arc<dyn Exporter>];
        let now = SystemTime::now();
        let collector = Arc::new(Collector::new(counts.clone(), own, exporters, now));
        let counting = Counting {
            collector: Arc::clone(&collector),
            rollups,
        };
        let service = Service::start(
            store,
            Arc::new(Loader),
            Arc::new(Tasks),
            engine(counts),
            ServiceConfig {
                counting: Some(counting),
                ..service
            },
        );
        let service = service.await.expect("a service");
        let server = Server::bind(config)
            .await
            .expect("it listens")
            .counting(Arc::clone(&collector));
        let server = wire(server);
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = Arc::clone(&service);
        let serving = tokio::spawn(server.serve(served, async {
            let _ = stopped.await;
        }));
        let mut host = Self {
            address,
            service,
            collector,
            admin: String::new(),
            stop: Some(stop),
            serving,
            _folder: folder,
        };
        host.admin = host.key("admin", Scope::Admin, None).await;
        host
    }

    /// Makes a key.
    pub(crate) async fn key(&self, name: &str, scope: Scope, flows: Option<&[&str]>) -> String {
        self.key_of("default", name, scope, flows).await
    }

    /// Makes a key of a project.
    pub(crate) async fn key_of(
        &self,
        project: &str,
        name: &str,
        scope: Scope,
        flows: Option<&[&str]>,
    ) -> String {
        let kebab = |name: &str| name.parse::<Kebab>().expect("a name");
        let by = Caller::host(kebab(project), kebab("lockgate"), "test");
        let flows = flows.map(|flows| flows.iter().map(|flow| kebab(flow)).collect());
        let new = NewKey {
            project: kebab(project),
            publisher: kebab("lockgate"),
            name: name.into(),
            scopes: vec![scope],
            flows,
        };
        let made = self.service.keys().create(new, &by).await;
        made.expect("a key").secret
    }

    /// Asks as an admin.
    pub(crate) async fn tell(&self, ask: Ask) -> Told {
        ask.key(&self.admin).send(self.address).await
    }

    /// Asks as an admin; the snapshot of the answer.
    pub(crate) async fn shown(&self, ask: Ask) -> String {
        self.tell(ask).await.show()
    }

    /// Uploads the plugin `text` and saves the flows of this file.
    pub(crate) async fn stock(&self) {
        let nodes = ["upper", "tell", "reject", "wait"];
        let told = self.upload("text", "1.0.0", &nodes, "").await;
        assert_eq!(told.status, 201, "{}", told.text());
        for (name, flow) in [
            ("shout", SHOUT),
            ("parrot", CHAT),
            ("strict", STRICT),
            ("wait", WAIT),
        ] {
            let told = self.tell(ask(&format!("PUT /api/v1/flows/{name}")).yaml(flow));
            let told = told.await;
            assert_eq!(told.status, 201, "{name}: {}", told.text());
        }
    }

    /// Uploads a component and makes it active.
    pub(crate) async fn upload(
        &self,
        name: &str,
        version: &str,
        nodes: &[&str],
        salt: &str,
    ) -> Told {
        let component = component(name, version, nodes, salt);
        let ask = ask("POST /api/v1/plugins?activate=true");
        self.tell(ask.body("application/wasm", component)).await
    }

    /// Reads what is at a path until its state is `finished`.
    pub(crate) async fn settled(&self, path: &str) -> Told {
        loop {
            let told = self.tell(ask(&format!("GET {path}"))).await;
            assert_eq!(told.status, 200, "{}", told.text());
            if told.json()["state"] == "finished" {
                return told;
            }
        }
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }
}
