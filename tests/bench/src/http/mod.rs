//! A host as its clients meet it: over HTTP, against other servers of flows, each in its own process on this machine.
//!
//! The flow is the same everywhere: a template is filled with a topic, the text is trimmed, and it is the answer. Lockgate checks the input
//! against a schema, makes a sandbox for each of the three nodes, and keeps each run in its store; the others keep nothing. The program that
//! measures is the client of all of them alike.

mod load;
mod lockgate;
mod peers;
mod server;
mod start;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;
use load::{Case, Load};

pub(crate) use load::load;
pub(crate) use lockgate::Lockgate;
pub(crate) use server::Server;

/// How many clients there are at once.
pub(crate) const CONNECTIONS: usize = 16;

/// How long a server is under load in a round: hundreds of times its slowest answer, but for lfx.
const TIME: Duration = Duration::from_secs(3);

/// How long a server runs warm: V8 compiles what runs often.
const WARM: Duration = Duration::from_secs(2);

/// How many rounds there are. In each, all servers take their turn.
const ROUNDS: usize = 5;

/// How many times as many requests a second as Node-RED.
const OVER_NODE_RED: f64 = 4.0;

/// How many times as many requests a second as lfx.
const OVER_LFX: f64 = 300.0;

/// Measures all of it.
pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    start::measure(report).await?;
    loads(report).await
}

/// Requests a second, and how long they take.
async fn loads(report: &mut Report) -> Result<()> {
    eprintln!("HTTP at {CONNECTIONS} connections");
    let lockgate = Lockgate::new("load")?;
    let ours = Loaded::start("Lockgate", lockgate.poem().await?, lockgate.cases()).await?;
    let node_red = peers::node_red().await?;
    let node_red = Loaded::start("Node-RED", node_red, peers::node_red_cases()).await?;
    let (lfx, lfx_cases) = peers::lfx().await?;
    let lfx = Loaded::start("lfx", lfx, lfx_cases).await?;

    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push([
            ours.load().await?,
            node_red.load().await?,
            lfx.load().await?,
        ]);
    }
    let each = |of: fn(&[Load; 3]) -> f64| Samples::new(rounds.iter().map(of));
    report.held(
        "a flow over HTTP, 16 connections: requests a second, over Node-RED's",
        &each(|[ours, node_red, _]| ours.rate / node_red.rate),
        Unit::Times,
        Bound::AtLeast(OVER_NODE_RED),
    );
    report.held(
        "a flow over HTTP, 16 connections: requests a second, over lfx's",
        &each(|[ours, _, lfx]| ours.rate / lfx.rate),
        Unit::Times,
        Bound::AtLeast(OVER_LFX),
    );
    report.held(
        "a flow over HTTP, 16 connections: P99, over Node-RED's",
        &each(|[ours, node_red, _]| ours.percentile(0.99) / node_red.percentile(0.99)),
        Unit::Times,
        Bound::AtMost(1.0),
    );
    for (at, server) in [&ours, &node_red, &lfx].into_iter().enumerate() {
        let each = |of: fn(&Load) -> f64| Samples::new(rounds.iter().map(|round| of(&round[at])));
        let what = format!("a flow over HTTP, {}", server.name);
        report.info(
            format!("{what}: requests a second"),
            &each(|load| load.rate),
            Unit::PerSecond,
        );
        report.info(
            format!("{what}: P50"),
            &each(|load| load.percentile(0.5) / 1e3),
            Unit::Millis,
        );
        report.info(
            format!("{what}: P99"),
            &each(|load| load.percentile(0.99) / 1e3),
            Unit::Millis,
        );
        report.info(
            format!("{what}: resident memory after that"),
            &Samples::new([server.server.footprint()?.resident]),
            Unit::Mebibytes,
        );
    }
    Ok(())
}

/// A server under load.
struct Loaded {
    name: &'static str,
    server: Server,
    cases: Arc<[Case]>,
}

impl Loaded {
    async fn start(name: &'static str, server: Server, cases: Arc<[Case]>) -> Result<Self> {
        load(server.address, &cases, CONNECTIONS, WARM).await?;
        Ok(Self {
            name,
            server,
            cases,
        })
    }

    async fn load(&self) -> Result<Load> {
        load(self.server.address, &self.cases, CONNECTIONS, TIME).await
    }
}

/// Requests for the poem on many topics, so that nobody answers from memory. `request` makes one of a topic and of what the answer has in it.
fn poems(request: impl Fn(&str, String) -> Case) -> Arc<[Case]> {
    (0..64)
        .map(|number| {
            let topic = format!("春天 {number}");
            request(&topic, format!("请写一首关于 {topic} 的诗。\""))
        })
        .collect()
}
