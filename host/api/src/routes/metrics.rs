//! What is counted, for Prometheus.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use lockgate_service::Scope;
use lockgate_service::queue::QueueView;
use lockgate_telemetry::Outcome;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Api, App};
use crate::extract::Who;
use crate::problem::{Code, Problem};

/// What Prometheus calls its own text form, as this library writes it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// What is counted, as Prometheus reads it: OpenMetrics text. The queue is that of the key's project. It needs the scope
/// `read`.
#[utoipa::path(get, path = "/metrics", tag = "host", responses((
    status = 200, body = String, content_type = "application/openmetrics-text", description = "OpenMetrics text.",
)))]
async fn metrics(
    State(api): State<App>,
    Who(caller): Who,
) -> Result<impl IntoResponse + use<>, Problem> {
    caller.may(Scope::Read)?;
    let queue = api.service.queue().state(&caller).await?;
    let mut registry = Registry::with_prefix("lockgate");
    registry.register_collector(Box::new(Scrape { api, queue }));
    let mut told = String::new();
    text::encode(&mut told, &registry)
        .map_err(|_| Problem::new(Code::Internal, "the log of the host says more"))?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], told))
}

/// What one scrape sees.
#[derive(Debug)]
struct Scrape {
    api: Arc<Api>,
    queue: QueueView,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let age_seconds = self.queue.oldest_age_ms.unwrap_or_default() as f64 / 1000.0;
        for (name, help, value) in [
            ("queue_depth", "Runs that wait", self.queue.depth as f64),
            (
                "queue_running",
                "Queued runs that go on",
                self.queue.running as f64,
            ),
            (
                "queue_dead",
                "Runs that were given up",
                self.queue.dead as f64,
            ),
            (
                "queue_age_seconds",
                "For how long the oldest has waited",
                age_seconds,
            ),
        ] {
            let gauge = ConstGauge::new(value);
            let kind = gauge.metric_type();
            gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        let kind = ConstCounter::new(0u64).metric_type();
        if let Some(collector) = &self.api.collector {
            collector.collect(SystemTime::now(), None);
            let mut family = encoder.encode_descriptor("runs", "Runs by outcome", None, kind)?;
            for outcome in Outcome::ALL {
                let count = collector.with_totals(|totals| {
                    let flows = totals.flows.values();
                    flows.map(|flow| flow.counts.count(outcome)).sum::<u64>()
                });
                let counter = ConstCounter::new(count);
                counter.encode(family.encode_family(&[("outcome", outcome.word())])?)?;
            }
        }
        let mut family = encoder.encode_descriptor(
            "http_requests",
            "Requests by route and status",
            None,
            kind,
        )?;
        for (route, status, count) in self.api.counts.counted() {
            let labels = [("route", route.to_owned()), ("status", status.to_string())];
            let counter = ConstCounter::new(count);
            counter.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
