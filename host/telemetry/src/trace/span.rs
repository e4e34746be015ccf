//! A span: something that began and ended, with what OpenTelemetry says of it.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;
use std::time::SystemTime;

use lockgate_model::TraceId;

/// Names a span within its trace. Never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

impl SpanId {
    /// A new one.
    pub fn random() -> Self {
        loop {
            let id: [u8; 8] = rand::random();
            if id != [0; 8] {
                return Self(id);
            }
        }
    }

    /// The id of a span within this one: the same for the same words, so that a span can be named before it is made.
    pub fn within(self, what: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        what.hash(&mut hasher);
        Self(hasher.finish().max(1).to_be_bytes())
    }
}

/// Something that began and ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace that it belongs to.
    pub trace: TraceId,
    /// Its own name in it.
    pub id: SpanId,
    /// The span that caused it.
    pub parent: Option<SpanId>,
    /// Whether that is another process's; None where nobody knows.
    pub has_remote_parent: Option<bool>,
    /// The flags of the trace, as its context has them.
    pub flags: u8,
    /// What tracing systems want to be told again.
    pub state: Option<Arc<str>>,
    /// What it is, in few words of which there are few.
    pub name: String,
    /// Its side of a request.
    pub kind: SpanKind,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// What is said of it.
    pub attributes: Attributes,
    /// What happened during it.
    pub events: Vec<SpanEvent>,
    /// How it ended.
    pub status: SpanStatus,
}

/// What is said of a span or an event, by OpenTelemetry's names where there are any.
pub type Attributes = Vec<(Cow<'static, str>, AttributeValue)>;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A real number.
    Real(f64),
    /// Yes or no.
    Bool(bool),
    /// Several texts.
    Texts(Vec<String>),
}

/// A span's side of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Neither: it is within the host.
    Internal,
    /// It answers a request from outside.
    Server,
    /// It waits for the answer of another service.
    Client,
    /// It takes up work that was put aside for later.
    Consumer,
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// What it is, in few words of which there are few.
    pub name: Cow<'static, str>,
    /// When.
    pub time: SystemTime,
    /// What is said of it.
    pub attributes: Attributes,
}

/// How a span ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanStatus {
    /// As it should.
    Unset,
    /// With an error, and what it was.
    Error(String),
}

/// Who takes spans that ended. It neither waits nor fails: what it cannot keep it counts as dropped.
pub trait SpanSink: Send + Sync {
    /// Takes spans.
    fn take(&self, spans: Vec<Span>);

    /// Whether it would drop whatever it is given now, so that none need be made.
    fn is_full(&self) -> bool {
        false
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&str> for AttributeValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for AttributeValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for AttributeValue {
    fn from(is: bool) -> Self {
        Self::Bool(is)
    }
}

/// What is more than an attribute can hold becomes the most that it can.
impl From<u64> for AttributeValue {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
