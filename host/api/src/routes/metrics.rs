//! What is counted, for Prometheus.
//!
//! What runs count is told by `lockgate_telemetry::prometheus`; here is what the queue and the routes count, and how an answer
//! that may be long goes out: in pieces, as fast as the client reads, and no longer than a scrape may take.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, ready};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures::stream;
use lockgate_service::queue::QueueView;
use lockgate_service::{Caller, Scope};
use lockgate_telemetry::prometheus::{Form, Scrape, View};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Api, App};
use crate::counts::Counts;
use crate::extract::Who;
use crate::problem::{Code, Problem};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What Prometheus reads where nobody asks for OpenMetrics.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How old the counts of a scrape may be: who scrapes more often does not have everything counted anew each time.
const FRESH: Duration = Duration::from_secs(1);

/// How long a scrape may take. Prometheus itself waits 10 s unless told otherwise.
const SCRAPE_TIME: Duration = Duration::from_secs(60);

/// How much text is sent at once.
const PIECE_BYTES: usize = 64 * 1024;

/// How many pieces wait for the client.
const PIECES: usize = 4;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// What is counted, as Prometheus reads it: OpenMetrics where the client accepts it, and else Prometheus' own text. Series are
/// those of the key's project, and of its flows if it is limited to some; what is counted together with others names nobody.
/// It needs the scope `read`.
#[utoipa::path(get, path = "/metrics", tag = "host", responses((
    status = 200, description = "Text in Prometheus' form, or OpenMetrics.", content(
        (String = "text/plain"), (String = "application/openmetrics-text"),
    ),
)))]
async fn metrics(
    State(api): State<App>,
    Who(caller): Who,
    headers: HeaderMap,
) -> Result<impl IntoResponse + use<>, Problem> {
    caller.may(Scope::Read)?;
    let form = form(&headers);
    let turn = api.scrapes.begin(&caller.project).ok_or_else(|| {
        let detail = "as many scrapes go on as may at once";
        Problem::new(Code::TooManyRequests, detail).retry_after(FRESH)
    })?;
    let queue = api.service.queue().state(&caller).await?;
    let host = Host {
        requests: requests(&api.counts),
        queue,
        form,
    };
    let (mut text, body) = Pieces::new(SCRAPE_TIME);
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let registry = registry(&api, &caller, host);
        // It fails when the client is gone or too slow.
        let _ = encode(&mut text, &registry).and_then(|()| text.finish());
    });
    let media = match form {
        Form::OpenMetrics => OPEN_METRICS,
        Form::Text => TEXT,
    };
    Ok(([(header::CONTENT_TYPE, media)], body))
}

/// The form that the client accepts. Whoever says OpenMetrics can read it, however it weighs the two.
fn form(headers: &HeaderMap) -> Form {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut media = accepted
        .filter_map(|accepted| accepted.to_str().ok())
        .flat_map(|accepted| accepted.split(','))
        .map(|one| one.split(';').next().unwrap_or_default().trim());
    if media.any(|media| media.eq_ignore_ascii_case("application/openmetrics-text")) {
        Form::OpenMetrics
    } else {
        Form::Text
    }
}

fn registry(api: &Api, caller: &Caller, host: Host) -> Registry {
    let form = host.form;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(host));
    if let Some(collector) = &api.collector {
        collector.refresh(SystemTime::now(), FRESH);
        let flows = caller.flows.as_ref();
        let view = View {
            project: caller.project.as_str().into(),
            flows: flows.map(|flows| flows.iter().map(|flow| flow.as_str().into()).collect()),
        };
        let scrape = Scrape::new(Arc::clone(collector), view, form);
        registry.register_collector(Box::new(scrape));
    }
    registry
}

type Labels = [(&'static str, String); 2];

fn requests(counts: &Counts) -> Vec<(Labels, u64)> {
    let counted = counts.counted().into_iter();
    counted
        .map(|(route, status, count)| {
            let labels = [("route", route.to_owned()), ("status", status.to_string())];
            (labels, count)
        })
        .collect()
}

/// What is told of the queue and of requests, as they were when the scrape began: so it does not count itself.
#[derive(Debug)]
struct Host {
    requests: Vec<(Labels, u64)>,
    queue: QueueView,
    form: Form,
}

impl Collector for Host {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let queue = &self.queue;
        for (name, help, value) in [
            ("depth", "Runs that wait", queue.depth),
            ("running", "Queued runs that go on", queue.running),
            ("dead", "Runs that were given up", queue.dead),
        ] {
            let name = format!("lockgate_queue_{name}");
            encoder
                .encode_descriptor(&name, help, None, MetricType::Gauge)?
                .encode_gauge(&(value as f64))?;
        }
        let age_seconds = queue.oldest_age_ms.unwrap_or_default() as f64 / 1000.0;
        encoder
            .encode_descriptor(
                "lockgate_queue_age",
                "For how long the oldest has waited",
                Some(&Unit::Seconds),
                MetricType::Gauge,
            )?
            .encode_gauge(&age_seconds)?;
        let requests = self.requests.iter().cloned();
        let help = "Requests by route and status";
        self.form
            .counters(&mut encoder, "lockgate_http_requests", help, requests)
    }
}

/// Sends what is written in pieces. It waits for the client, so it is for a thread that may wait.
struct Pieces {
    runtime: Handle,
    until: Instant,
    held: String,
    sender: mpsc::Sender<Bytes>,
    is_whole: Arc<AtomicBool>,
}

impl Pieces {
    /// And what the client is sent. A text that breaks off breaks the connection off: Prometheus' own form has no end that
    /// could be missed.
    fn new(time: Duration) -> (Self, Body) {
        let (sender, mut pieces) = mpsc::channel(PIECES);
        let is_whole = Arc::new(AtomicBool::new(false));
        let text = Self {
            runtime: Handle::current(),
            until: Instant::now() + time,
            held: String::new(),
            sender,
            is_whole: Arc::clone(&is_whole),
        };
        let mut has_ended = false;
        let body = stream::poll_fn(move |context| {
            let piece = ready!(pieces.poll_recv(context));
            Poll::Ready(match piece {
                Some(piece) => Some(Ok(piece)),
                None if has_ended || is_whole.load(Ordering::Acquire) => None,
                None => {
                    has_ended = true;
                    Some(Err(fmt::Error))
                }
            })
        });
        (text, Body::from_stream(body))
    }

    /// Sends the rest, and says that it was all.
    fn finish(mut self) -> fmt::Result {
        self.send()?;
        self.is_whole.store(true, Ordering::Release);
        Ok(())
    }

    fn send(&mut self) -> fmt::Result {
        let piece = Bytes::from(std::mem::take(&mut self.held));
        let sent = timeout_at(self.until, self.sender.send(piece));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(fmt::Error),
        }
    }
}

impl fmt::Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.held.push_str(text);
        if self.held.len() < PIECE_BYTES {
            return Ok(());
        }
        self.send()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use axum::http::HeaderValue;
    use futures::StreamExt as _;

    use super::*;

    #[test]
    fn who_accepts_open_metrics_is_told_it() {
        for (accepted, expected) in [
            ("", Form::Text),
            ("*/*", Form::Text),
            (
                "text/plain;version=0.0.4, application/openmetrics-text-too",
                Form::Text,
            ),
            (
                "text/plain;q=0.5, Application/OpenMetrics-Text; version=1.0.0;q=0.1",
                Form::OpenMetrics,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accepted));
            assert_eq!(form(&headers), expected, "{accepted}");
        }
    }

    /// Writes so many bytes for a client that reads so many pieces. Whether they were written, the lengths of the pieces, and
    /// whether the client sees that something is missing.
    async fn written(bytes: usize, read: usize, time: Duration) -> (fmt::Result, Vec<usize>, bool) {
        let (mut text, body) = Pieces::new(time);
        let writing = tokio::task::spawn_blocking(move || {
            (0..bytes / 16).try_for_each(|_| text.write_str("0123456789abcdef"))?;
            text.finish()
        });
        let mut pieces = body.into_data_stream();
        let (mut lengths, mut is_broken) = (Vec::new(), false);
        // A slow client reads only after the writer has given up.
        if time.is_zero() {
            while !writing.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        while lengths.len() < read
            && let Some(piece) = pieces.next().await
        {
            match piece {
                Ok(piece) => lengths.push(piece.len()),
                Err(_) => is_broken = true,
            }
        }
        drop(pieces);
        (writing.await.expect("it ends"), lengths, is_broken)
    }

    #[tokio::test]
    async fn a_long_answer_goes_out_in_pieces() {
        let minute = Duration::from_secs(60);
        let bytes = 10 * PIECE_BYTES + 32;
        let (written_all, lengths, is_broken) = written(bytes, usize::MAX, minute).await;
        assert_eq!((written_all, is_broken), (Ok(()), false));
        assert_eq!(lengths.len(), 11);
        assert!(
            lengths.iter().all(|&length| length <= PIECE_BYTES),
            "{lengths:?}"
        );
    }

    #[tokio::test]
    async fn a_client_that_is_gone_or_too_slow_ends_it() {
        let minute = Duration::from_secs(60);
        let many = 100 * PIECE_BYTES;
        assert_eq!(written(many, 2, minute).await.0, Err(fmt::Error));
        let (written_all, lengths, is_broken) = written(many, usize::MAX, Duration::ZERO).await;
        assert_eq!((written_all, is_broken), (Err(fmt::Error), true));
        assert!(lengths.len() <= PIECES, "{lengths:?}");
    }

    /// A server that has only this answer to give, and all that it sent to one request.
    async fn sent(answer: impl Fn() -> Body + Clone + Send + Sync + 'static) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let app = axum::Router::new().fallback(move || std::future::ready(answer()));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0));
        let listener = listener.await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let service = hyper_util::service::TowerToHyperService::new(app);
            let stream = hyper_util::rt::TokioIo::new(stream);
            let served = hyper::server::conn::http1::Builder::new();
            let _ = served.serve_connection(stream, service).await;
        });
        let client = tokio::net::TcpStream::connect(address);
        let mut client = client.await.expect("it listens");
        let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        client.write_all(request.as_bytes()).await.expect("sent");
        let mut told = String::new();
        let _ = client.read_to_string(&mut told).await; // it may be reset
        serving.abort();
        told
    }

    #[tokio::test]
    async fn a_client_sees_that_a_scrape_broke_off() {
        let answer = |is_whole: bool| {
            move || {
                let (mut text, body) = Pieces::new(Duration::from_secs(60));
                tokio::task::spawn_blocking(move || {
                    let _ = text.write_str("up 12345").and_then(|()| text.send());
                    if is_whole {
                        let _ = text.finish();
                    }
                });
                body
            }
        };
        let whole = sent(answer(true)).await;
        assert!(
            whole.contains("up 12345") && whole.ends_with("0\r\n\r\n"),
            "{whole}"
        );
        // It may be broken off before its beginning was sent.
        let broken = sent(answer(false)).await;
        assert!(!broken.ends_with("0\r\n\r\n"), "{broken}");
    }
}
