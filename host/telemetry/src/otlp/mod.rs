//! OTLP: metrics and spans for OpenTelemetry's collectors, and for all that speaks their protocol.
//!
//! Belongs here: how totals and spans become the official messages, and how these reach a receiver: over gRPC or HTTP, again
//! when that makes sense, and never at the expense of a run. Does not belong here: what is counted, and which runs are traced.
//!
//! Metrics are cumulative. Once an interval of their own they are read from the collector's totals, a page at a time, and each
//! page is a request; what one export could not bring, the next one brings. Spans wait in a bounded queue, and leave it in
//! batches. What is given up is counted under [`DROPPED`](crate::DROPPED).

mod attributes;
mod client;
mod config;
mod deliver;
mod grpc;
mod http;
mod metrics;
mod points;
mod queue;
mod rounds;
mod spans;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

pub use config::{OtlpConfig, OtlpError, Protocol, Resource, Retry, SpanQueue};

use crate::collector::{Collector, Exporter};
use crate::own::Own;
use crate::snapshot::Snapshot;
use crate::trace::{Span, SpanSink};
use client::Client;
use deliver::Courier;
use queue::Queue;

/// Sends metrics and spans to one receiver.
///
/// Make it, give it to the [`Collector`] among its exporters and to whoever makes spans, and [`start`](Self::start) it.
pub struct Otlp {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

/// What the tasks share.
struct Shared {
    config: OtlpConfig,
    courier: Courier,
    queue: Queue,
    /// Becomes true once.
    closing: watch::Sender<bool>,
}

impl Otlp {
    /// Checks the configuration. Nothing is sent before [`start`](Self::start), and no receiver has to be there.
    pub fn new(config: OtlpConfig, own: Own) -> Result<Self, OtlpError> {
        let client = Client::new(&config)?;
        Ok(Self {
            shared: Arc::new(Shared {
                courier: Courier::new(client, config.retry, own.clone()),
                queue: Queue::new(config.spans, own),
                closing: watch::Sender::new(false),
                config,
            }),
            tasks: Mutex::default(),
        })
    }

    /// Begins to send, from tasks of the current runtime, until it is closed or dropped. It begins once.
    pub fn start(&self, collector: &Arc<Collector>) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if !tasks.is_empty() {
            return;
        }
        let collector = Arc::downgrade(collector);
        if self.shared.config.metrics {
            tasks.spawn(rounds::metrics(Arc::clone(&self.shared), collector));
        }
        tasks.spawn(rounds::spans(Arc::clone(&self.shared)));
    }

    async fn finish(&self, within: Duration) {
        let until = Instant::now() + within;
        self.shared.closing.send_replace(true);
        self.shared.queue.close();
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = async { while tasks.join_next().await.is_some() {} };
        if timeout_at(until, ended).await.is_err() {
            tasks.shutdown().await;
        }
        self.shared.queue.give_up();
    }
}

impl Exporter for Otlp {
    /// Does nothing: it reads totals, at intervals of its own.
    fn take(&self, _: &Arc<Snapshot>) {}

    fn close(&self, within: Duration) -> BoxFuture<'_, ()> {
        self.finish(within).boxed()
    }
}

impl SpanSink for Otlp {
    fn take(&self, spans: Vec<Span>) {
        self.shared.queue.put(spans);
    }

    fn is_full(&self) -> bool {
        self.shared.queue.is_full()
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
