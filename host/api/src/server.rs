//! Listens, and serves connections until told to stop.
//!
//! Belongs here: what bounds a connection, whatever it asks for: how many there are, how long a head may take and how large
//! it may be, how long an answer may wait to be read. Does not belong here: what is asked.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use lockgate_service::Service;
use lockgate_telemetry::Collector;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tower::Service as _;

use crate::stall::Stalling;
use crate::{Alerting, ApiConfig, api};

/// How long accepting pauses after the system refused a connection for want of files or memory: at once it would only be
/// refused again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that listens, and serves nothing yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    config: ApiConfig,
    collector: Option<Arc<Collector>>,
    alerting: Option<Alerting>,
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// `dev` lets everybody in, so only this machine may reach it.
    #[error(
        "--dev asks nobody for a key, so it listens on a loopback address only, and {0} is none"
    )]
    NotLoopback(SocketAddr),
    /// The system does not give the address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

/// Who is at the other end of the connection that a request came by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Server {
    /// Takes the address. Clients can connect from here on; they are answered once [`Self::serve`] runs.
    pub async fn bind(config: ApiConfig) -> Result<Self, BindError> {
        let address = config.listen;
        if config.dev && !address.ip().is_loopback() {
            return Err(BindError::NotLoopback(address));
        }
        match TcpListener::bind(address).await {
            Ok(listener) => Ok(Self {
                listener,
                config,
                collector: None,
                alerting: None,
            }),
            Err(error) => Err(BindError::Listen { address, error }),
        }
    }

    /// Where it listens: the port that was found where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        let bound = self.listener.local_addr();
        bound.unwrap_or(self.config.listen)
    }

    /// With what counts the host's runs, for `/metrics`.
    #[must_use]
    pub fn counting(mut self, collector: Arc<Collector>) -> Self {
        self.collector = Some(collector);
        self
    }

    /// With the past of what is counted and rules about it, for `/api/v1/alerts`.
    #[must_use]
    pub fn alerting(mut self, alerting: Alerting) -> Self {
        self.alerting = Some(alerting);
        self
    }

    /// Serves until `shutdown` resolves. Then it takes no more connections, lets answers that are on their way end, for
    /// [`ApiConfig::stop_time`] at most, and drops the rest. Runs are not its business: drain the service first.
    pub async fn serve(self, service: Arc<Service>, shutdown: impl Future<Output = ()> + Send) {
        let Self {
            listener,
            config,
            collector,
            alerting,
        } = self;
        let places = Arc::new(Semaphore::new(config.connections.get() as usize));
        let graceful = GracefulShutdown::new();
        let stop_time = config.stop_time;
        let connections = Connections::new(config, service, collector, alerting);
        let mut shutdown = pin!(shutdown);
        loop {
            let next = accept(&listener, &places);
            let (stream, peer, place) = tokio::select! {
                () = &mut shutdown => break,
                next = next => next,
            };
            connections.start(stream, peer, place, graceful.watcher());
        }
        drop(listener);
        let ended = timeout(stop_time, graceful.shutdown()).await;
        if ended.is_err() {
            tracing::warn!(
                "some answers were not taken in time, and their connections are dropped"
            );
        }
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            std::future::pending::<()>().await; // it is never closed
            continue;
        };
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, place),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the system gives no connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// How connections are served.
struct Connections {
    router: Router,
    http: http1::Builder,
    stall_time: Duration,
}

impl Connections {
    fn new(
        config: ApiConfig,
        service: Arc<Service>,
        collector: Option<Arc<Collector>>,
        alerting: Option<Alerting>,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(config.idle_time)
            .max_header_size(config.head_bytes)
            .max_headers(config.head_fields)
            .max_buf_size(config.head_bytes.max(64 << 10));
        let stall_time = config.stall_time;
        Self {
            router: api::router(config, service, collector, alerting),
            http,
            stall_time,
        }
    }

    fn start(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: OwnedSemaphorePermit,
        watcher: Watcher,
    ) {
        // Answers are written whole, so there is nothing to wait for. A failure costs time, not the connection.
        let _ = stream.set_nodelay(true);
        let router = self.router.clone();
        let service = service_fn(move |request| {
            let mut request: Request<hyper::body::Incoming> = request;
            request.extensions_mut().insert(Peer(peer));
            let answer = router.clone().call(request);
            async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let stream = TokioIo::new(Stalling::new(stream, self.stall_time));
        let served = watcher.watch(self.http.serve_connection(stream, service));
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}
