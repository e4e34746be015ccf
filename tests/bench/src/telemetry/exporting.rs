//! What telemetry costs a host under load: runs a second with every exporter on, against none, by what the other ends do.

use std::time::Duration;

use anyhow::Result;

use super::sink::Sink;
use crate::http::{CONNECTIONS, Lockgate, Server, load};
use crate::report::{Bound, Report, Unit};
use crate::stats::Samples;

/// How long a host is under load in a round.
const TIME: Duration = Duration::from_secs(4);

/// How long a host runs warm.
const WARM: Duration = Duration::from_secs(2);

/// How many rounds there are. In each, all hosts take their turn.
const ROUNDS: usize = 7;

/// Runs a second that are left, as a share.
const LEAST: f64 = 0.95;

/// Measures it: one host that counts nothing, and three that count and tell everything, to sinks of three kinds.
pub(super) async fn measure(report: &mut Report) -> Result<()> {
    eprintln!("runs a second with telemetry on and off");
    let sinks = [
        ("that answer", Sink::answering().await?),
        ("that hang", Sink::hanging().await?),
        ("that are dead", Sink::dead().await?),
    ];
    let silent = Lockgate::new("telemetry-off")?.with("LOCKGATE_TELEMETRY_ENABLED", "false");
    let mut hosts = vec![host(silent).await?];
    for (what, sink) in &sinks {
        let named = Lockgate::new(&format!("telemetry-{}", what.replace(' ', "-")))?;
        hosts.push(host(telling(named, sink)).await?);
    }
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); hosts.len()];
    for _ in 0..ROUNDS {
        for ((lockgate, server), rates) in hosts.iter().zip(&mut rates) {
            let load = load(server.address, &lockgate.cases(), CONNECTIONS, TIME).await?;
            rates.push(load.rate);
        }
    }
    let (off, on) = rates.split_at(1);
    for ((what, _), rates) in sinks.iter().zip(on) {
        let ratios = rates.iter().zip(&off[0]).map(|(on, off)| on / off);
        report.held(
            format!("runs a second with all telemetry, to sinks {what}, over those without"),
            &Samples::new(ratios),
            Unit::Times,
            Bound::AtLeast(LEAST),
        );
    }
    report.info(
        "runs a second without telemetry",
        &Samples::new(off[0].iter().copied()),
        Unit::PerSecond,
    );
    Ok(())
}

/// A host that runs warm, with the flow of the comparison.
async fn host(lockgate: Lockgate) -> Result<(Lockgate, Server)> {
    let server = lockgate.poem().await?;
    load(server.address, &lockgate.cases(), CONNECTIONS, WARM).await?;
    Ok((lockgate, server))
}

/// With every exporter on, and intervals so short that each of them sends in every round.
fn telling(lockgate: Lockgate, sink: &Sink) -> Lockgate {
    let url = format!("http://{}", sink.address);
    [
        ("LOCKGATE_TELEMETRY_INTERVAL", "1s"),
        ("LOCKGATE_CMS_ENDPOINT", &url),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "bench"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "bench"),
        ("LOCKGATE_OTLP_ENDPOINT", &url),
        ("LOCKGATE_OTLP_PROTOCOL", "http"),
        ("LOCKGATE_OTLP_INTERVAL", "2s"),
    ]
    .into_iter()
    .fold(lockgate, |lockgate, (name, value)| {
        lockgate.with(name, value)
    })
}
