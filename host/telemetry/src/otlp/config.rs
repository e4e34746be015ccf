//! Where to send to, how, and as whom.

use std::fmt;
use std::time::Duration;

/// Where to send to, how, and as whom. Beside each field stands the variable of OpenTelemetry's that it corresponds to.
#[derive(Clone)]
pub struct OtlpConfig {
    /// The receiver: `http://host:4317` for gRPC, `http://host:4318` for HTTP, where `/v1/metrics` and `/v1/traces` are added to
    /// the path; `https` for TLS. It has no user or
    /// password in it. `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub endpoint: String,
    /// `OTEL_EXPORTER_OTLP_PROTOCOL`: `grpc` or `http/protobuf`. Default: gRPC.
    pub protocol: Protocol,
    /// Certificates, in PEM, of the authorities that may speak for the receiver, instead of the system's.
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`, which names a file of them. Default: none.
    pub authorities: Option<Vec<u8>>,
    /// Headers of each request, such as `authorization`. They are never shown. `OTEL_EXPORTER_OTLP_HEADERS`.
    pub headers: Vec<(String, String)>,
    /// Whether requests are compressed with gzip. `OTEL_EXPORTER_OTLP_COMPRESSION`. Default: no.
    pub gzip: bool,
    /// How long one attempt may take. `OTEL_EXPORTER_OTLP_TIMEOUT`. Default: 10 s.
    pub timeout: Duration,
    /// Whether metrics are exported; spans are wherever somebody makes any. Default: yes.
    pub metrics: bool,
    /// From one export of metrics to the next. `OTEL_METRIC_EXPORT_INTERVAL`. Default: 60 s.
    pub interval: Duration,
    /// Who sends.
    pub resource: Resource,
    /// How spans wait.
    pub spans: SpanQueue,
    /// When a request is made again.
    pub retry: Retry,
}

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// gRPC.
    #[default]
    Grpc,
    /// HTTP 1.1, with protobuf as its bodies.
    Http,
}

/// Who sends, beside `service.name`, which is `lockgate`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// `service.version`.
    pub version: String,
    /// `service.instance.id`: it tells two hosts apart.
    pub instance: String,
    /// `deployment.environment.name`; left out if it is empty.
    pub environment: String,
    /// The operator's own. One of the names above takes its place, `service.name` too. `OTEL_RESOURCE_ATTRIBUTES`.
    pub attributes: Vec<(String, String)>,
}

/// How spans wait to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanQueue {
    /// How many wait; more are dropped. `OTEL_BSP_MAX_QUEUE_SIZE`. Default: 8,192.
    pub most: usize,
    /// How many bytes they may have together, about; more are dropped. Default: 16 MiB.
    pub bytes: usize,
    /// How many are sent at once. `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`. Default: 512.
    pub batch: usize,
    /// How long they wait for a batch to be full. `OTEL_BSP_SCHEDULE_DELAY`. Default: 5 s.
    pub delay: Duration,
}

/// When a request is made again that did not get through, or was answered with "later".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// What is waited before the second attempt; then twice as long each time. What the receiver asks for counts, if it is
    /// longer, and for requests after this one too, up to ten minutes. Default: 1 s.
    pub first: Duration,
    /// The longest wait that is not asked for. Default: 30 s.
    pub longest: Duration,
    /// From the first attempt on, how long a request is worth it. Default: 60 s.
    pub within: Duration,
}

/// Why nothing can be sent as it was configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtlpError {
    /// The endpoint is no URL that can be sent to.
    #[error("the endpoint of OTLP {0}")]
    Endpoint(&'static str),
    /// A header's name or value is none. The value is not told.
    #[error("the header `{}` of OTLP {why}", .name.escape_debug())]
    Header {
        /// What it is called.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The certificates are none.
    #[error("the certificates for OTLP cannot be read as PEM")]
    Authorities,
    /// A number has to be another one.
    #[error("the {0} of OTLP has to be more than 0")]
    Zero(&'static str),
    /// What carries the messages cannot be set up.
    #[error("OTLP cannot be set up: {0}")]
    Transport(String),
}

impl OtlpConfig {
    /// Sends there, with everything else at its default.
    pub fn new(endpoint: impl Into<String>, protocol: Protocol) -> Self {
        Self {
            endpoint: endpoint.into(),
            protocol,
            authorities: None,
            headers: Vec::new(),
            gzip: false,
            timeout: Duration::from_secs(10),
            metrics: true,
            interval: Duration::from_secs(60),
            resource: Resource::default(),
            spans: SpanQueue::default(),
            retry: Retry::default(),
        }
    }

    /// What a loop or a queue cannot do without.
    pub(super) fn check(&self) -> Result<(), OtlpError> {
        let numbers = [
            ("timeout", self.timeout.is_zero()),
            ("interval", self.interval.is_zero()),
            ("spans' queue", self.spans.most == 0),
            ("spans' bytes", self.spans.bytes == 0),
            ("spans' batch", self.spans.batch == 0),
            ("spans' delay", self.spans.delay.is_zero()),
            ("first wait", self.retry.first.is_zero()),
            ("longest wait", self.retry.longest.is_zero()),
        ];
        match numbers.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(OtlpError::Zero(name)),
            None => Ok(()),
        }
    }
}

impl Default for SpanQueue {
    fn default() -> Self {
        Self {
            most: 8_192,
            bytes: 16 << 20,
            batch: 512,
            delay: Duration::from_secs(5),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            within: Duration::from_secs(60),
        }
    }
}

/// Headers are shown without their values, which are secrets as a rule; and so is an endpoint, which may have one in it by mistake.
impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("OtlpConfig")
            .field("protocol", &self.protocol)
            .field("headers", &names)
            .field("gzip", &self.gzip)
            .field("timeout", &self.timeout)
            .field("interval", &self.interval)
            .field("resource", &self.resource)
            .field("spans", &self.spans)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
