//! The tables of the configuration that are about telemetry: what is counted and traced, and whom it is told.

use std::path::PathBuf;

use lockgate_telemetry::trace::TraceConfig;
use serde::{Deserialize, Serialize};

use super::quantity::{HOUR, SECOND, Share, Size, Span, Whole};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// `[telemetry]`: what is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TelemetryTable {
    /// Whether anything is counted, and told to anybody.
    pub(crate) enabled: bool,
    /// How often what was counted is collected. Best a divisor of a minute.
    pub(crate) interval: Span<SECOND, { 60 * SECOND }>,
    /// Versions of flows that are told apart. Those beyond are counted together.
    pub(crate) flows: Whole<1, 1_000_000>,
    /// Nodes of versions of flows that are told apart. Those beyond are counted together.
    pub(crate) nodes: Whole<1, 10_000_000>,
    /// How long a stopping server sends what is open.
    pub(crate) flush_time: Span<0, HOUR>,
}

impl Default for TelemetryTable {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Span(10 * SECOND),
            flows: Whole(2_000),
            nodes: Whole(20_000),
            flush_time: Span(5 * SECOND),
        }
    }
}

/// `[traces]`: which runs become traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TracesTable {
    /// The share of runs that become traces, where nobody upstream has decided.
    pub(crate) sample: Share,
    /// Whether a request that comes with a trace decides for its runs. Otherwise `sample` does for all.
    pub(crate) parent: bool,
    /// Whether runs that failed become traces, too.
    pub(crate) keep_failed: bool,
    /// Whether inputs, outputs and log lines are in spans: prompts and completions are among them.
    pub(crate) content: bool,
}

impl Default for TracesTable {
    fn default() -> Self {
        let TraceConfig {
            sample,
            parent,
            keep_failed,
            content,
            ..
        } = TraceConfig::default();
        Self {
            sample: Share(sample),
            parent,
            keep_failed,
            content,
        }
    }
}

/// `[cms]`: Alibaba Cloud Monitor. It is told nothing while neither `region` nor `endpoint` is set, or `environment` is `dev`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CmsTable {
    /// The endpoint, as a URL. Empty: that of the region.
    pub(crate) endpoint: String,
    /// The region, such as `cn-hangzhou`. Empty: none, or that of the endpoint if its name says it.
    pub(crate) region: String,
    /// Whether what periods came to is reported, or single calls.
    pub(crate) mode: CmsMode,
    /// In the mode `raw`: the share of calls that is reported.
    pub(crate) sample: Share,
    /// The application group that metrics belong to. 0: none.
    pub(crate) group_id: Whole<0, { i64::MAX as u64 }>,
    /// What metrics are called: `{component}` and `{metric}` stand for themselves, slashes become `_`.
    pub(crate) name_pattern: String,
    /// How much of what cannot be sent is kept on disk.
    pub(crate) spool_bytes: Size<MIB, { 64 * GIB }>,
}

impl Default for CmsTable {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            region: String::new(),
            mode: CmsMode::Aggregated,
            sample: Share(0.1),
            group_id: Whole(0),
            name_pattern: lockgate_telemetry::cms::NAME_PATTERN.to_owned(),
            spool_bytes: Size(64 * MIB),
        }
    }
}

impl CmsTable {
    /// Whether there is somebody to tell.
    pub(crate) fn is_set(&self) -> bool {
        !(self.region.is_empty() && self.endpoint.is_empty())
    }
}

/// What is reported to CMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CmsMode {
    /// What a minute and five minutes came to.
    Aggregated,
    /// Single calls, which CMS charges for.
    Raw,
}

/// `[otlp]`: OpenTelemetry. It is told nothing while no `endpoint` is set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtlpTable {
    /// Where the collector listens, such as `http://127.0.0.1:4317`. Empty: nobody is told.
    pub(crate) endpoint: String,
    /// How it is asked.
    pub(crate) protocol: OtlpProtocol,
    /// A file of certificates, in PEM: those of the authorities that may speak for the collector. Empty: the system's.
    pub(crate) certificate: PathBuf,
    /// Headers of every request, such as `authorization=Bearer abc,x-tenant=7`. Best set by the environment.
    pub(crate) headers: Headers,
    /// Whether requests are compressed with gzip.
    pub(crate) gzip: bool,
    /// How often metrics are sent.
    pub(crate) interval: Span<SECOND, HOUR>,
    /// How long a request may take.
    pub(crate) timeout: Span<SECOND, { 600 * SECOND }>,
    /// Whether metrics are sent.
    pub(crate) metrics: bool,
    /// Whether traces are sent.
    pub(crate) traces: bool,
}

impl Default for OtlpTable {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            protocol: OtlpProtocol::Grpc,
            certificate: PathBuf::new(),
            headers: Headers::default(),
            gzip: false,
            interval: Span(60 * SECOND),
            timeout: Span(10 * SECOND),
            metrics: true,
            traces: true,
        }
    }
}

impl OtlpTable {
    /// The headers of every request.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let pairs = self.headers.pairs();
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Headers, as `name=value,name=value`. Their values are secrets as a rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Headers(String);

impl Headers {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.trim(), value.trim()))
    }
}

impl TryFrom<String> for Headers {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_pair = |pair: &str| pair.trim().is_empty() || pair.contains('=');
        match text.split(',').all(is_pair) {
            true => Ok(Self(text)),
            // The text is not repeated: it may be a secret.
            false => Err("headers are written as \"name=value,name=value\""),
        }
    }
}

impl From<Headers> for String {
    fn from(headers: Headers) -> Self {
        headers.0
    }
}

/// How an OpenTelemetry collector is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OtlpProtocol {
    /// gRPC, usually on port 4317.
    Grpc,
    /// Protocol buffers by HTTP, usually on port 4318.
    Http,
}
