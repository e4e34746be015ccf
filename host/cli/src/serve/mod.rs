//! `lockgate serve`: wires store, sandbox, service and interface, and stops them in order.
//!
//! Belongs here: the order in which a server comes up and goes down, and what it says meanwhile. Does not belong here: what
//! it does for anybody who asks.

mod adapter;
mod folders;
mod say;
mod signals;
mod telemetry;
mod trial;
mod watch;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;

use lockgate_api::{ApiConfig, Server};
use lockgate_flow::{Engine, EngineConfig, HostClock, MemoryCache};
use lockgate_runtime::{Runtime, RuntimeConfig};
use lockgate_service::queue::QueueConfig;
use lockgate_service::runs::RunsConfig;
use lockgate_service::{Caller, RegistryConfig, Service, ServiceConfig};
use lockgate_store::Store;
use tokio::sync::oneshot;

use crate::args::{CacheArgs, ServeArgs};
use crate::config::{self, Config};
use crate::exit::Failed;
use crate::{cms, key, setup};
use adapter::Sandbox;
use folders::Folders;
use say::say;
use signals::Signals;
use telemetry::Telemetry;
use trial::Trial;

pub(crate) async fn serve(args: ServeArgs) -> Result<(), Failed> {
    let (config, _) = config::load(&args.config)?;
    let dev = args.config.dev;
    let tries = args.tries.iter().map(|text| text.parse());
    let tries: Vec<Trial> = tries.collect::<anyhow::Result<_>>()?;
    let mut signals = Signals::listen()?;

    // The address first: a server that cannot have it leaves the data alone.
    let server = Server::bind(api(&config, dev)).await;
    let server = server.map_err(anyhow::Error::from)?;
    let address = server.address();
    let store = Store::open(key::store(&config)).await;
    let store = store.map_err(anyhow::Error::from)?;
    let owner = store.own().map_err(anyhow::Error::from)?;
    let telemetry = Telemetry::new(&config, &cms::instance(&address), &store).await?;
    let server = server.counting(Arc::clone(&telemetry.counting.collector));
    let server = server.alerting(telemetry.alerting.clone());
    let (service, runtime) = tokio::select! {
        started = start(&config, dev, &store, &telemetry) => started?,
        number = signals.next() => return Err(Failed::Signal(number)),
    };
    let collecting = telemetry.start(store.clone(), runtime);
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = None;
    // Runs of the queue go on from here. Whatever becomes of this, they are stored and told as those of a server that stops.
    let served = async {
        let mut folders = Folders::new(
            Arc::clone(&service),
            Caller::host(setup::project()?, setup::publisher()?, "host"),
            dev,
            &config.plugins.folder,
            &config.flows.folder,
        );
        // Before they are read, so that nothing that changes meanwhile is missed.
        let watching = dev.then(|| watch::watch(&folders)).transpose()?;
        tokio::select! {
            () = folders.load() => {}
            number = signals.next() => return Err(Failed::Signal(number)),
        }
        serving = Some(tokio::spawn(server.serve(Arc::clone(&service), async {
            let _ = stopped.await; // dropping the sender stops it too
        })));
        greet(&config, dev, address, &service, &tries).await?;
        let work = async {
            for trial in &tries {
                trial.run(address).await;
            }
            match watching {
                Some(watching) => watching.load(folders).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = work => {}
            _ = signals.next() => {}
        }
        Ok::<(), Failed>(())
    };
    let served = Box::pin(served).await;

    say("stopping: what runs may end; once more ends it at once");
    signals.end_at_next();
    service.drain(config.runs.drain.get()).await;
    let _ = stop.send(());
    if let Some(serving) = serving {
        let _ = serving.await; // it says itself what went wrong
    }
    collecting.stop().await;
    drop(service);
    store.close().await;
    drop(owner);
    say("stopped");
    served
}

/// Starts what is behind the interface.
async fn start(
    config: &Config,
    dev: bool,
    store: &Store,
    telemetry: &Telemetry,
) -> anyhow::Result<(Arc<Service>, Runtime)> {
    let runtime = Runtime::start(sandbox(config)?)?;
    let sandbox = Arc::new(Sandbox(runtime.clone()));
    let limit = |most: u64| Some(u32::try_from(most).unwrap_or(u32::MAX)).filter(|most| *most > 0);
    let clock = Arc::new(HostClock::start());
    let cache = MemoryCache::new(MemoryCache::DEFAULT_BYTES, clock.clone());
    let limits = EngineConfig {
        places: config.sandbox.places.small(),
        calls_per_flow: limit(config.runs.calls_per_flow.get()),
        calls_per_node: limit(config.runs.calls_per_node.get()),
        calls_per_run: config.runs.calls.get(),
        elements: config.runs.elements.many(),
        ..EngineConfig::default()
    };
    let counts = telemetry.counts.clone().map(|counts| counts as _);
    let engine = Engine::with(limits, clock, Arc::new(cache), counts);
    let service = Service::start(
        store.clone(),
        sandbox.clone(),
        sandbox,
        engine,
        service(config, dev, telemetry),
    );
    Ok((service.await?, runtime))
}

/// Says that the server is there, and what to do next.
async fn greet(
    config: &Config,
    dev: bool,
    address: SocketAddr,
    service: &Service,
    tries: &[Trial],
) -> anyhow::Result<()> {
    let data = config.data.folder.display();
    say(format_args!(
        "listening on http://{address}, data in {data}"
    ));
    if dev {
        say("dev: no keys; whoever reaches this address from this machine is admin");
        let caller = Caller::host(setup::project()?, setup::publisher()?, "host");
        let flows = service.flows().list(&caller).await?;
        let first = flows.into_iter().find(|flow| flow.active.is_some());
        let trial = tries.first().cloned();
        if let Some(trial) = trial.or_else(|| first.map(|flow| Trial::of(flow.flow))) {
            say(format_args!("try: {}", trial.curl(address)));
        }
        return Ok(());
    }
    let keys = service.keys().list().await?;
    if keys.iter().all(|key| key.revoked_at.is_some()) {
        say(format_args!(
            "there is no key yet, and nothing but health answers without one: make one with `lockgate key create --scope admin --data {data}`"
        ));
    }
    Ok(())
}

fn api(config: &Config, dev: bool) -> ApiConfig {
    let table = &config.server;
    let number = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    ApiConfig {
        listen: table.listen,
        dev,
        connections: number(table.connections.small()),
        head_bytes: table.head_bytes.many(),
        head_fields: table.head_fields.many(),
        idle_time: table.idle_time.get(),
        stall_time: table.stall_time.get(),
        body_time: table.body_time.get(),
        json_bytes: table.json_bytes.many(),
        plugin_bytes: table.plugin_bytes.many(),
        batch_bytes: table.batch_bytes.many(),
        held_bytes: table.held_bytes.many(),
        key_requests: number(table.key_requests.small()),
        failed_requests: number(table.failed_requests.small()),
        stop_time: table.stop_time.get(),
        heartbeat: table.heartbeat.get(),
    }
}

fn service(config: &Config, dev: bool, telemetry: &Telemetry) -> ServiceConfig {
    ServiceConfig {
        registry: RegistryConfig {
            activate_uploads: dev,
            max_component_bytes: config.server.plugin_bytes.get(),
            upload_wait: config.plugins.upload_wait.get(),
            ..RegistryConfig::default()
        },
        runs: RunsConfig {
            at_once: config.runs.at_once.many(),
            waiting: config.runs.waiting.many(),
            ..RunsConfig::default()
        },
        queue: QueueConfig {
            length: config.queue.length.get(),
            at_once: config.queue.at_once.many(),
            lease: config.queue.lease.get(),
            max_attempts: config.queue.attempts.small(),
            batch_lines: config.queue.batch_lines.many(),
        },
        mask: config.mask.config(),
        tracer: telemetry.tracer.clone(),
        counting: Some(telemetry.counting.clone()),
        alerts: telemetry.alerts.clone(),
    }
}

fn sandbox(config: &Config) -> anyhow::Result<RuntimeConfig> {
    let table = &config.sandbox;
    let named = Some(table.cache.clone()).filter(|path| !path.as_os_str().is_empty());
    let usual = || std::env::var_os("LOCKGATE_CACHE").map(PathBuf::from);
    let cache = CacheArgs {
        cache: named.or_else(usual),
    };
    let mut runtime = setup::runtime_config(&cache)?;
    runtime.cache_bytes = table.cache_bytes.get();
    runtime.places = table.places.small();
    runtime.page_scan = table.page_scan;
    runtime.limits = table.limits();
    if let Some(threads) = NonZeroUsize::new(table.guest_threads.many()) {
        runtime.guest_threads = threads;
    }
    Ok(runtime)
}
