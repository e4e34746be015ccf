//! A receiver of OTLP, made of the official messages and services: it takes what it is sent, or does what a test tells it to.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tonic::codec::CompressionEncoding;
use tonic::codegen::Service as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// What carries requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protocol buffers by HTTP.
    Http,
}

/// What it does with a request.
#[derive(Debug, Clone, Copy)]
pub enum Mood {
    /// Takes it.
    Take,
    /// Takes it, but for so many.
    TakeBut(i64),
    /// Says that it is not there just now.
    Away,
    /// The same, and asks to be left alone for so many seconds.
    AwayFor(u64),
    /// Will never take it.
    Refuse,
    /// Says nothing.
    Hang,
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// What it was sent and took, and how it was asked.
#[derive(Default)]
pub struct State {
    /// Requests with metrics.
    pub metrics: Vec<ExportMetricsServiceRequest>,
    /// Requests with spans.
    pub spans: Vec<ExportTraceServiceRequest>,
    /// Of every request that was asked, taken or not.
    pub headers: Vec<HeaderMap>,
    /// What it does next; then it goes on as in the last of them.
    moods: VecDeque<Mood>,
}

/// A receiver. Clones are the same one.
#[derive(Clone)]
pub struct Receiver {
    /// Where it listens.
    pub endpoint: String,
    state: Arc<Mutex<State>>,
    asked: Arc<Notify>,
}

impl Receiver {
    /// One that listens.
    pub async fn start(protocol: Protocol, moods: &[Mood]) -> Self {
        Self::listen(protocol, moods, None, 0).await
    }

    /// One that speaks TLS, and the certificate of the authority that it has its own from.
    pub async fn start_tls(protocol: Protocol) -> (Self, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]);
        let made = made.expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("they fit");
        config.alpn_protocols = match protocol {
            Protocol::Grpc => vec![b"h2".to_vec()],
            Protocol::Http => vec![b"http/1.1".to_vec()],
        };
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let receiver = Self::listen(protocol, &[], Some(acceptor), 0).await;
        (receiver, made.cert.pem())
    }

    /// One that does not even read from its first connections, so many.
    pub async fn start_deaf(protocol: Protocol, deaf: usize) -> Self {
        Self::listen(protocol, &[], None, deaf).await
    }

    async fn listen(
        protocol: Protocol,
        moods: &[Mood],
        tls: Option<TlsAcceptor>,
        deaf: usize,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("it listens");
        let address = listener.local_addr().expect("an address");
        let state = State {
            moods: moods.iter().copied().collect(),
            ..State::default()
        };
        let receiver = Self {
            endpoint: match tls {
                Some(_) => format!("https://{address}"),
                None => format!("http://{address}"),
            },
            state: Arc::new(Mutex::new(state)),
            asked: Arc::default(),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            let mut unheard = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                if unheard.len() < deaf {
                    unheard.push(stream);
                    continue;
                }
                let (receiver, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => receiver.serve(protocol, stream).await,
                        Some(tls) => {
                            // A client that does not trust it goes.
                            if let Ok(stream) = tls.accept(stream).await {
                                receiver.serve(protocol, stream).await;
                            }
                        }
                    }
                });
            }
        });
        receiver
    }

    /// What it was sent so far.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("it did not panic")
    }

    /// The names of all metrics that came, in the order of requests.
    pub fn metric_names(&self) -> Vec<String> {
        let state = self.state();
        let metrics = state
            .metrics
            .iter()
            .flat_map(|request| &request.resource_metrics)
            .flat_map(|resource| &resource.scope_metrics)
            .flat_map(|scope| &scope.metrics);
        metrics.map(|metric| metric.name.clone()).collect()
    }

    /// The names of all spans that came.
    pub fn span_names(&self) -> Vec<String> {
        let state = self.state();
        let spans = state
            .spans
            .iter()
            .flat_map(|request| &request.resource_spans)
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans);
        spans.map(|span| span.name.clone()).collect()
    }

    /// Attributes of all senders, each as `name=value`.
    pub fn senders(&self) -> BTreeSet<String> {
        let state = self.state();
        let metrics = state.metrics.iter().flat_map(|one| &one.resource_metrics);
        let spans = state.spans.iter().flat_map(|one| &one.resource_spans);
        let senders = metrics.filter_map(|one| one.resource.as_ref());
        let senders = senders.chain(spans.filter_map(|one| one.resource.as_ref()));
        let attributes = senders.flat_map(|sender| &sender.attributes);
        attributes
            .map(
                |one| match one.value.as_ref().and_then(|any| any.value.as_ref()) {
                    Some(Value::StringValue(text)) => format!("{}={text}", one.key),
                    other => format!("{}={other:?}", one.key),
                },
            )
            .collect()
    }

    /// Waits until this is so.
    pub async fn until(&self, mut is: impl FnMut(&State) -> bool) {
        let waited = async {
            loop {
                let asked = self.asked.notified();
                if is(&self.state()) {
                    return;
                }
                asked.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waited).await;
        waited.expect("it is so at last");
    }

    /// Notes that it is asked. What it is to do.
    fn asked(&self, headers: HeaderMap) -> Mood {
        let mut state = self.state();
        state.headers.push(headers);
        let mood = match state.moods.len() {
            0 => Mood::Take,
            1 => state.moods[0],
            _ => state.moods.pop_front().expect("one"),
        };
        drop(state);
        self.asked.notify_waiters();
        mood
    }

    fn take(&self, keep: impl FnOnce(&mut State)) {
        keep(&mut self.state());
        self.asked.notify_waiters();
    }

    async fn serve(self, protocol: Protocol, stream: impl Stream) {
        match protocol {
            Protocol::Grpc => self.grpc(stream).await,
            Protocol::Http => self.http(stream).await,
        }
    }

    async fn grpc(self, stream: impl Stream) {
        let metrics = MetricsServiceServer::new(self.clone());
        let metrics = metrics.accept_compressed(CompressionEncoding::Gzip);
        let spans = TraceServiceServer::new(self);
        let spans = spans.accept_compressed(CompressionEncoding::Gzip);
        let service = service_fn(move |request: Request<Incoming>| {
            let (mut metrics, mut spans) = (metrics.clone(), spans.clone());
            async move {
                if request.uri().path().contains("Metrics") {
                    metrics.call(request).await
                } else {
                    spans.call(request).await
                }
            }
        });
        let builder = http2::Builder::new(TokioExecutor::new());
        // It ends when the client goes.
        let _ = builder
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn http(self, stream: impl Stream) {
        let service = service_fn(|request| {
            let receiver = self.clone();
            async move { Ok::<_, Infallible>(receiver.answer(request).await) }
        });
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        assert_eq!(head.method, "POST");
        assert_eq!(head.headers["content-type"], "application/x-protobuf");
        let mut body = body.collect().await.expect("a body").to_bytes().to_vec();
        if head.headers.contains_key("content-encoding") {
            let packed = std::mem::take(&mut body);
            let mut decoder = GzDecoder::new(packed.as_slice());
            decoder.read_to_end(&mut body).expect("it is gzip");
        }
        let response = |status: u16, body: Vec<u8>| {
            let mut response = Response::new(Full::from(body));
            *response.status_mut() = status.try_into().expect("a status");
            response
        };
        let rejected = match self.asked(head.headers) {
            Mood::Take => 0,
            Mood::TakeBut(rejected) => rejected,
            Mood::Away => return response(503, Vec::new()),
            Mood::AwayFor(seconds) => {
                let mut response = response(429, Vec::new());
                response.headers_mut().insert("retry-after", seconds.into());
                return response;
            }
            Mood::Refuse => return response(401, b"who are you?".to_vec()),
            Mood::Hang => std::future::pending().await,
        };
        let told = match head.uri.path() {
            "/v1/metrics" => {
                let metrics = ExportMetricsServiceRequest::decode(body.as_slice());
                self.take(|state| state.metrics.push(metrics.expect("metrics")));
                metrics_taken(rejected).encode_to_vec()
            }
            "/v1/traces" => {
                let spans = ExportTraceServiceRequest::decode(body.as_slice());
                self.take(|state| state.spans.push(spans.expect("spans")));
                spans_taken(rejected).encode_to_vec()
            }
            _ => return response(404, Vec::new()),
        };
        response(200, told)
    }

    async fn mood(&self, headers: HeaderMap) -> Result<i64, Status> {
        match self.asked(headers) {
            Mood::Take => Ok(0),
            Mood::TakeBut(rejected) => Ok(rejected),
            Mood::Away => Err(Status::unavailable("not now")),
            Mood::AwayFor(seconds) => {
                let wait = Some(Duration::from_secs(seconds));
                let details = ErrorDetails::with_retry_info(wait);
                let code = Code::ResourceExhausted;
                Err(Status::with_error_details(code, "not now", details))
            }
            Mood::Refuse => Err(Status::unauthenticated("who are you?")),
            Mood::Hang => std::future::pending().await,
        }
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, Status> {
        let rejected = self.mood(request.metadata().clone().into_headers()).await?;
        self.take(|state| state.metrics.push(request.into_inner()));
        Ok(tonic::Response::new(metrics_taken(rejected)))
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        let rejected = self.mood(request.metadata().clone().into_headers()).await?;
        self.take(|state| state.spans.push(request.into_inner()));
        Ok(tonic::Response::new(spans_taken(rejected)))
    }
}

fn metrics_taken(rejected: i64) -> ExportMetricsServiceResponse {
    ExportMetricsServiceResponse {
        partial_success: (rejected > 0).then(|| ExportMetricsPartialSuccess {
            rejected_data_points: rejected,
            error_message: "too many".into(),
        }),
    }
}

fn spans_taken(rejected: i64) -> ExportTraceServiceResponse {
    ExportTraceServiceResponse {
        partial_success: (rejected > 0).then(|| ExportTracePartialSuccess {
            rejected_spans: rejected,
            error_message: "too many".into(),
        }),
    }
}
